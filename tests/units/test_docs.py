"""The documentation names what there is, and leads to itself."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from cyclopts import App
from msgspec import Struct, structs

from conductus import config, errors, telemetry
from conductus.app import running
from conductus.cli.application import application
from conductus.config import (
    AssetsConfig,
    ImagesConfig,
    ProjectConfig,
    ServerConfig,
    SsoConfig,
    SsoPreset,
)
from conductus.errors import ApiError
from conductus.extensions import Registry
from conductus.extensions.events import KINDS
from conductus.files.variants import Fit, Format
from conductus.query.filters import OPERATORS
from conductus.query.grouping import FUNCTIONS
from conductus.query.item_query import ALL_META
from conductus.query.limits import Limits
from conductus.schema.types import FIELD_TYPES
from conductus.telemetry import log

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
MOST_LINES = 250
# Folders of somebody's own machine are no business of the readers.
ELSEWHERE = re.compile(r"/tmp/|/home/|(?<!/)/root\b")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def codes(text: str) -> set[str]:
    """Everything that stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def settings(kind: type[Struct], prefix: str = "") -> Iterator[str]:
    """The settings of a configuration by their dotted names."""
    for field in structs.fields(kind):
        name = f"{prefix}{field.name}"
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from settings(field.type, f"{name}.")
        else:
            yield name


def raised() -> list[type[ApiError]]:
    """Every error of the API."""
    return [kind for name in errors.__all__ if (kind := getattr(errors, name)) is not ApiError]


def commands(app: App, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command by the words that call it."""
    for name in app:
        if name.startswith("-"):
            continue
        below = app[name]
        deeper = [other for other in below if not other.startswith("-")]
        if deeper:
            yield from commands(below, (*before, name))
        else:
            yield (*before, name)


def events() -> set[str]:
    """The events that a log may have: what `_told` and the request lines name."""
    tree = ast.parse(inspect.getsource(log))
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    words = {text for text in literals if isinstance(text, str)}
    kinds = {kind.__name__ for kind in get_args(telemetry.Observation)}
    plain = {re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() for name in kinds}
    return (plain & words) | {"request"} & words


def anchors(path: Path) -> set[str]:
    """The headings of a page, as links name them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page leads to, with the heading if it names one."""
    for target in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield (path.parent / file).resolve() if file else path, anchor


@pytest.mark.parametrize("kind", [ServerConfig, ProjectConfig], ids=lambda kind: kind.__name__)
def test_every_setting_is_documented(kind: type[Struct]) -> None:
    assert set(settings(kind)) - codes(page("operating.md")) == set()


def test_every_key_and_preset_of_single_sign_on_is_documented() -> None:
    named = codes(page("single-sign-on.md"))
    assert {*settings(SsoConfig), *get_args(SsoPreset)} - named == set()


def test_every_limit_of_pictures_is_documented() -> None:
    named = codes(page("images.md"))
    found = {*settings(ImagesConfig, "images."), *settings(AssetsConfig, "assets.")}
    assert found - named == set()
    assert {*get_args(Format), *get_args(Fit)} - named == set()


def test_every_template_of_mail_is_documented() -> None:
    folder = ROOT / "src" / "conductus" / "mail" / "templates"
    named = codes(page("mail.md"))
    stems = {path.stem for path in folder.iterdir()} - {"base"}
    assert (stems | {"base.html"}) - named == set()


def test_every_documented_setting_exists() -> None:
    known = {*settings(ServerConfig), *settings(ProjectConfig)}
    groups = {name.partition(".")[0] for name in known if "." in name}
    dotted = {
        text for text in codes(page("operating.md")) if re.fullmatch(r"[a-z_]+\.[a-z_]+", text)
    }
    assert {text for text in dotted if text.partition(".")[0] in groups} - known == set()


def test_the_variables_of_the_first_start_are_documented() -> None:
    named = codes(page("operating.md"))
    assert {f"{config.PREFIX}{name}" for name in config.APART} - named == set()


def test_every_error_is_documented_with_its_code_and_status() -> None:
    text = page("errors.md")
    missing = [
        kind.__name__
        for kind in raised()
        if f"| {kind.code} | {kind.status} | `{kind.__name__}` |" not in text
    ]
    assert missing == []


def test_every_documented_error_exists() -> None:
    known = {kind.__name__ for kind in raised()}
    named = set(re.findall(r"^\| \d+ \| \d+ \| `(\w+)` \|", page("errors.md"), re.MULTILINE))
    assert named == known


def test_every_error_is_raised_somewhere() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "src").rglob("*.py")
        if not path.is_relative_to(Path(errors.__file__).parent)
    )
    unused = [kind.__name__ for kind in raised() if not re.search(rf"\b{kind.__name__}\b", source)]
    assert unused == []


def test_every_room_stands_in_the_table_of_rooms() -> None:
    owners = re.findall(r"^\| (`[^|]+`) \|", page("architecture.md"), re.MULTILINE)
    named = {name for names in owners for name in re.findall(r"`(\w+)(?:/|\.py)`", names)}
    inside = (ROOT / "src" / "conductus").iterdir()
    rooms = {
        path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} <= named


def test_every_command_and_its_options_are_documented() -> None:
    text = page("commands.md")
    found = list(commands(application()))
    assert len(found) >= 4
    for words in found:
        assert f"`conductus {' '.join(words)}" in text
        app = application()
        for word in words:
            app = app[word]
        options = {
            name
            for argument in app.assemble_argument_collection(parse_docstring=False)
            for name in argument.names
            if name.startswith("--")
        }
        (row,) = [line for line in text.splitlines() if f"| `conductus {' '.join(words)}" in line]
        # The data folder is an option of every command and said once.
        assert {name for name in options if f"`{name}`" not in row} - {"--data"} == set()


def test_every_event_of_plugins_is_documented_with_its_moments() -> None:
    named = codes(page("plugins.md"))
    found = {
        f"{name}:before" if moment == "before" else name
        for name, kind in KINDS.items()
        for moment in kind.moments
    }
    assert len(found) > len(KINDS) > 15
    assert found - named == set()


def test_every_way_to_register_is_documented() -> None:
    text = page("plugins.md")
    ways = {name for name, _ in inspect.getmembers(Registry, inspect.isfunction)}
    public = {name for name in ways if not name.startswith("_")} - {"registered"}
    assert {name for name in public if f"registry.{name}" not in text} == set()


def test_every_operator_is_documented() -> None:
    named = codes(page("query-language.md"))
    assert {name for name in OPERATORS if name[0] != "_"} - named == set()


def test_every_function_of_aggregates_and_key_of_meta_is_documented() -> None:
    named = codes(page("query-language.md"))
    assert {*FUNCTIONS, *ALL_META} - named == set()


def test_every_field_type_is_documented() -> None:
    assert set(FIELD_TYPES) - codes(page("schema.md")) == set()


def test_the_events_of_the_log_are_documented() -> None:
    found = events()
    assert {"request", "request failed", "project opened", "server started"} <= found
    assert found - codes(page("operating.md")) == set()


def test_the_limits_that_are_stated_hold() -> None:
    limits = Limits()
    said = " ".join(page("query-language.md").split())
    assert (
        f"{limits.max_depth} segments in a path, {limits.max_filters} conditions, "
        f"{limits.max_ids} keys" in said
    )


def test_every_threat_has_tests_and_they_are_there() -> None:
    rows = re.findall(r"^\| (?!Threat|-)(.+) \|$", page("security.md"), re.MULTILINE)
    assert len(rows) > 35
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row.rpartition(" | ")[2])
        assert named, row
        for file, name in named:
            text = (ROOT / "tests" / file).read_text(encoding="utf-8")
            assert f"def {name}(" in text, (file, name)


def test_what_a_server_keeps_in_its_folder_is_listed() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    kept = re.findall(r'/ "run" / f?"([^".][^"]*)"', source)
    assert len(kept) > 4
    text = page("operating.md").replace("<key>", "{key}")
    assert [name for name in kept if f"\nrun/{name}" not in text] == []


async def test_every_endpoint_is_on_the_page_of_compatibility_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path, {}, ServerConfig(), telemetry.silent) as server:
        served = {f"{method} {path}" for method, path in server.endpoints()}
    rows = re.findall(r"^\| `([A-Z ]+) ([^`]+)`", page("compatibility.md"), re.MULTILINE)
    told = {f"{method} {path}" for methods, path in rows for method in methods.split()}
    assert told == served


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    broken = [
        f"{target.name}#{anchor}"
        for target, anchor in links(path)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path not in seen:
            seen.add(path)
            ahead += [target for target, _ in links(path) if target.suffix == ".md"]
    assert {name_of(path) for path in PAGES} - {name_of(path) for path in seen} == set()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_pages_are_short_and_speak_of_the_project_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name != "CHANGELOG.md":
        assert len(text.splitlines()) <= (
            MOST_LINES * 2 if path.name == "README.md" else MOST_LINES
        )
    assert ELSEWHERE.findall(text) == []
