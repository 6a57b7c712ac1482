"""What plugins are told of the server itself."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conductus.errors import PluginTooSlow
from conductus.extensions import Boot, CustomRequest, Fault, Registry
from conductus.extensions.notices import MOST_WAITING, Notices, NoticesLost
from conductus.telemetry import Observation, TaskFailed
from conductus.testing import project

PATIENCE_SECONDS = 20


class Tower:
    """A plugin that listens to the server, and one endpoint that fails."""

    def __init__(self) -> None:
        self.booted: list[Any] = []
        self.faults: list[Fault] = []
        self.log: list[Observation] = []
        self._news = asyncio.Event()

    def register(self, registry: Registry) -> None:
        @registry.on("application.boot")
        def boot(event: Boot) -> None:
            self.booted.append(event.app)

        @registry.on("application.boot")
        async def cannot(event: Boot) -> None:
            raise ZeroDivisionError("at the start")

        @registry.on("application.error")
        async def fault(event: Fault) -> None:
            self.faults.append(event)
            self._news.set()
            raise ZeroDivisionError("again")

        @registry.get("fail")
        async def fail(request: CustomRequest) -> None:
            raise LookupError("inner workings")

    def observe(self, observation: Observation) -> None:
        self.log.append(observation)

    async def fault(self) -> Fault:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._news.wait()
        return self.faults[0]

    def problems(self) -> list[str]:
        return [str(one.error) for one in self.log if isinstance(one, TaskFailed)]


OWN = """
def register(registry):
    @registry.on("application.error")
    def told(event):
        with open(registry.settings["noted"], "a") as file:
            file.write(f"{event.project} {type(event.error).__name__}\\n")
"""


async def test_a_start_and_a_fault_are_told(tmp_path: Path) -> None:
    tower = Tower()
    folder = tmp_path / "projects" / "test" / "extensions" / "plugins"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(OWN)
    noted = tmp_path / "noted"
    async with project(
        {"tower": tower.register},
        observer=tower.observe,
        data=tmp_path,
        settings={"own": {"noted": str(noted)}},
    ) as shop:
        assert [callable(app) for app in tower.booted] == [True]
        told = await shop.refused("GET", "/custom/tower/fail?password=secret-thing")
        assert told["status"] == 500
        fault = await tower.fault()
    assert isinstance(fault.error, LookupError)
    assert (fault.request_id, fault.project, fault.method) == (told["request_id"], "test", "GET")
    assert fault.path == "/test/custom/tower/fail?password=***"
    # A hook that fails is a line in the log, and no fault to be told of again.
    assert len(tower.faults) == 1
    assert sorted(tower.problems()) == ["again", "at the start"]
    assert noted.read_text() == "test LookupError\n"


async def test_what_is_left_is_told_when_a_server_stops_and_what_is_too_much_is_not() -> None:
    told: list[int] = []
    seen: list[Observation] = []

    async def tell(number: int) -> None:
        if number == 3:
            raise PluginTooSlow("one", 1.0)
        told.append(number)

    notices = Notices(seen.append)
    for number in range(MOST_WAITING + 1):
        notices.put("one", partial(tell, number))
    async with notices:
        pass
    assert told == [number for number in range(MOST_WAITING) if number != 3]
    failed = [one.error for one in seen if isinstance(one, TaskFailed)]
    assert [type(error) for error in failed] == [NoticesLost, PluginTooSlow]


async def test_a_hook_that_hangs_does_not_keep_a_server_from_stopping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("conductus.extensions.notices.PATIENCE_SECONDS", 0.05)
    notices = Notices(lambda _: None)
    notices.put("one", lambda: asyncio.Event().wait())
    async with asyncio.timeout(PATIENCE_SECONDS), notices:
        pass
