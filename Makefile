# Every way of working on Conductus. Nothing but make and Python 3.11 is needed.

PYTHON ?= python3
# Tests wait for databases and servers half of the time.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) '*' 3 / 2)
ARGS ?=

BIN := .venv/bin
KEY := $(shell cat requirements/dev.txt pyproject.toml | cksum | cut -d ' ' -f 1)
CONSOLE := src/conductus/graphql/page/built/graphiql.js
INSTALLED := .venv/.installed-$(KEY)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-emit-index-url pyproject.toml
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help start check test nightly bench golden docs console lock

help: ## Show this list
	@echo 'make TARGET, where TARGET is one of:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Variables: PYTHON (python3), JOBS (three for two cores), ARGS (more for the command).'

start: $(INSTALLED) ## Run a server from this checkout
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory console || \
	echo 'The GraphQL console was not built: its page says so'; fi
	$(BIN)/conductus start $(ARGS)

check: $(INSTALLED) ## Check format, lint, types, rooms, dependencies and licences
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	@echo '$(BIN)/pip-licenses'
	@$(BIN)/pip-licenses > .venv/licences.txt || { cat .venv/licences.txt; exit 1; }

# Where PYTHONDONTWRITEBYTECODE is set, each of many servers would compile the source for
# itself, and each of pytest's processes every test, its assertions spelled out. A process
# takes tests that follow one another, as they share worlds, and what others have left last.
test: $(INSTALLED) ## Run every test on SQLite, PostgreSQL and MariaDB (JOBS=1 ARGS='-k name')
	@$(BIN)/python -m compileall -q src
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

nightly: $(INSTALLED) ## Hold permissions against their model in 2000 worlds of each kind, kill 100 servers
	CONDUCTUS_TEST_WORLDS=$${CONDUCTUS_TEST_WORLDS:-2000} $(BIN)/python -m pytest -n $(JOBS) tests/permissions $(ARGS)
	CONDUCTUS_TEST_KILLS=$${CONDUCTUS_TEST_KILLS:-34} $(BIN)/python -m pytest -n $(JOBS) tests/scenarios/test_delivery_faults.py $(ARGS)

bench: $(INSTALLED) ## Measure
	$(BIN)/python -m bench $(ARGS)

golden: $(INSTALLED) ## Rewrite the golden files; review the difference as code
	$(BIN)/python -m pytest --snapshot-update tests/golden $(ARGS)

docs: $(INSTALLED) ## Check that the documentation names and runs what there is
	@if [ -e tests/units/test_docs.py ]; then $(BIN)/python -m pytest tests/units/test_docs.py $(ARGS); \
	else echo 'tests/units/test_docs.py is not here: nothing was checked'; fi

console: $(CONSOLE) ## Build the page with GraphiQL, which needs npm

$(CONSOLE): graphiql/package-lock.json graphiql/build.mjs graphiql/console.mjs
	npm ci --prefix graphiql --no-progress
	npm run --prefix graphiql build

# Versions first, hashes second: of a release that was a week old in the midst
# of its upload, one step would lock only the files that came early. The second
# step prefers the versions that it finds in the file it writes.
lock: $(INSTALLED) ## Renew requirements/ with the newest versions older than a week
	$(COMPILE) --group dev --upgrade --exclude-newer '7 days' --output-file requirements/dev.txt
	cp requirements/dev.txt requirements/runtime.txt
	$(COMPILE) --group dev --generate-hashes --output-file requirements/dev.txt
	$(COMPILE) --generate-hashes --output-file requirements/runtime.txt

# uv installs the rest: where hashes are required, older pips refuse what is asked for
# with extras and locked without, and uv takes a tenth of the time.
# The name of the stamp holds a checksum, so that a fresh clone, an older
# branch or a touched file is judged by what it says and not by its age.
$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=...") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' requirements/dev.txt > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement .venv/uv.txt
	$(INSTALL) --compile-bytecode --require-hashes --requirement requirements/dev.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@rm -f .venv/.installed-*
	@touch $@
