"""What every test gets: a loop, a fresh database, and rules that keep the suite strict."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from _pytest.reports import CollectReport
from _pytest.terminal import TerminalReporter

from tests.databases import DRIVERS, SkipReason, in_ci, servers

if TYPE_CHECKING:
    from conductus.database.dialect import Name as Driver
    from tests.lent import Shelf

COLLECTED_AT = (20_000, 10, 10)
"""How many new objects it takes to look for garbage: with 700, it took 6% of the tests' time."""
JUDGED = "judged"
"""The property in which a test tells how many random requests it tried."""

# No timing assertions: an example may take as long as a test may.
hypothesis.settings.register_profile("conductus", deadline=None, print_blob=True)


def pytest_configure() -> None:
    # httpx2 asks for it with every request, and Python would look into each folder of modules.
    # That there is no module of a name is said by None, which typeshed does not know.
    sys.modules["sniffio"] = None  # type: ignore[assignment]
    hypothesis.settings.load_profile("conductus")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: nobody looks through it for garbage, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*COLLECTED_AT)
        gc.enable()


def pytest_report_header() -> str:
    return f"databases: {servers().line()}"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    _tell_judged(terminalreporter)
    absent = servers().absent()
    if not absent:
        return
    fate = "FAILED" if in_ci() else "WERE SKIPPED"
    terminalreporter.section(
        f"DATABASES NOT FOUND, THEIR TESTS {fate}", sep="!", red=True, bold=True
    )
    for reason, server in absent.items():
        terminalreporter.line(f"{reason} ({server.address}: {server.trouble})", red=True)


def _tell_judged(terminalreporter: TerminalReporter) -> None:
    """How many requests in random worlds were held against the model of permissions."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    judged = sum(
        value for report in reports for name, value in report.user_properties if name == JUDGED
    )
    if judged:
        terminalreporter.write_line(f"permissions: {judged} random requests were judged")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_unknown_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, CollectReport, CollectReport]:
    report = yield
    _refuse_unknown_skip(report)
    return report


def _refuse_unknown_skip(report: pytest.TestReport | CollectReport) -> None:
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if words.removeprefix("Skipped: ") not in set(SkipReason):
        report.outcome = "failed"
        report.longrepr = f"{words!r} is not among tests.databases.SkipReason"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of what is not started as a server: `tests.loops` has the other one."""
    return "asyncio"


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each database in turn. A test that asks for it runs once on each."""
    name: Driver = request.param
    return name


@pytest.fixture(scope="session")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Databases for one test after another, whichever loop it runs on."""
    from tests.lent import Shelf

    found = Shelf(tmp_path_factory.mktemp("shelf"))
    yield found
    asyncio.run(found.close())


@pytest.fixture
async def database_url(
    driver: Driver, spare: Shelf, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """The address of an empty database of `driver`."""
    async with spare.empty(driver, request.function.__name__, tmp_path) as url:
        yield url


@pytest.fixture
async def project_url(
    driver: Driver, spare: Shelf, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """The address of a database of `driver` that `live` finds its project in, as it was new."""
    async with spare.project(driver, request.function.__name__, tmp_path) as url:
        yield url
