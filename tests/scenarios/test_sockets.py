"""WebSockets as somebody uses them who means harm. Reference: realtime page, Limits.

In-process, on SQLite: nothing here is about the database. Real ones are in
`test_graphql_subscriptions.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from conductus.config import MaintenanceConfig, ServerConfig, Watch
from conductus.endpoints import subscriptions as room
from conductus.http import sockets
from conductus.projects import maintenance
from tests.postbox import eventually
from tests.scenarios.conversing import Line, conversing
from tests.scenarios.listening import listening
from tests.scenarios.shop import EMAIL, KEY, PASSWORD, Live, live
from tests.scenarios.worlds import KEY as ID
from tests.scenarios.worlds import done, text

QUICK = ServerConfig(watch=Watch(tick_seconds=0.05))
NOTES = {"collection": "notes", "fields": [ID, text("title")]}
ALL = "{ notes { data { title } } }"
CHANGES = "subscription { notes_mutated { event key item { title } } }"
ADA = "ada@example.org"


@asynccontextmanager
async def notes(folder: Path, **settings: Any) -> AsyncIterator[Live]:
    """A project with notes that a reader may read; `settings` are those of the project."""
    prefix = f"CONDUCTUS_PROJECTS__{KEY.upper()}__"
    environment = {f"{prefix}{name.upper()}": str(value) for name, value in settings.items()}
    url = f"sqlite:///{folder / 'notes.db'}"
    async with live(url, folder / "data", environment=environment, config=QUICK) as world:
        await done(world, "/collections", NOTES)
        await done(world, "/items/notes", {"title": "first"})
        role = (await done(world, "/roles", {"name": "Readers"}))["id"]
        await done(world, "/permissions", {"role": role, "collection": "notes", "read": "full"})
        ada = {"email": ADA, "password": PASSWORD, "status": "active", "role": role}
        await done(world, "/users", ada)
        yield world


async def token(world: Live, email: str) -> str:
    body = {"email": email, "password": PASSWORD}
    answer = await world.client.post(f"/{KEY}/auth/authenticate", json=body)
    found: str = answer.json()["data"]["token"]
    return found


def code(problems: Any) -> int:
    """The number of the error that an operation was answered with."""
    found: int = problems[0]["extensions"]["code"]
    return found


async def refused(line: Line, closed: int = 1008) -> None:
    assert await line.closed() == closed
    assert line.accepted == (closed != 1008)


async def test_connections_are_counted_whatever_is_asked_for_on_them(tmp_path: Path) -> None:
    near, far = "2001:db8::1", "2001:db8:0:1::1"
    async with notes(tmp_path, realtime__per_client=2) as world, AsyncExitStack() as stack:

        async def another(ip: str) -> Line:
            return await stack.enter_async_context(conversing(world, ip))

        first, second = await another(near), await another("2001:db8::2")
        await eventually(lambda: first.accepted and second.accepted)
        # One network is one client: addresses of it are there for the taking.
        await refused(await another("2001:db8::3"))
        await (await another(far)).begin()
        # Whoever signs in is counted as a user, and leaves room to the others of the network.
        for line in (first, second):
            await line.begin(await token(world, ADA))
        third, fourth = await another(near), await another(near)
        await fourth.begin(await token(world, EMAIL))
        third.say(type="connection_init", payload={"token": await token(world, ADA)})
        await refused(third, sockets.TRY_LATER)
        await first.leave()
        again = await another(near)
        await again.begin(await token(world, ADA))
        assert await again.answer(ALL) == {"data": {"notes": {"data": [{"title": "first"}]}}}


async def test_who_does_not_answer_is_let_go(tmp_path: Path) -> None:
    async with (
        notes(tmp_path, realtime__heartbeat_seconds=0.3) as world,
        conversing(world) as silent,
        conversing(world) as awake,
    ):
        await silent.begin()
        silent.silent = True
        await awake.begin(await token(world, ADA))
        assert await silent.closed() == room.SILENT
        await eventually(lambda: awake.pings >= 3)
        assert awake.code is None
        # A worker that stops waits for nobody who only holds a connection.
        world.application.end_streams()
        assert await awake.closed() == sockets.RESTART


async def test_operations_count_as_requests(tmp_path: Path) -> None:
    async with (
        notes(
            tmp_path, rate_limit__enabled="true", rate_limit__limit=40, rate_limit__interval=3600
        ) as world,
        conversing(world, "192.0.2.1") as line,
    ):
        await line.begin(await token(world, ADA))
        answers = [await line.answer(ALL) for _ in range(41)]
        assert "data" in answers[0]
        assert code(answers[-1]) == 7


async def test_maintenance_shuts_out_who_is_connected(tmp_path: Path) -> None:
    events = "/items/notes/events"
    async with (
        notes(tmp_path) as world,
        conversing(world) as reader,
        conversing(world) as other,
        conversing(world) as admin,
    ):
        await reader.begin(await token(world, ADA))
        await other.begin(await token(world, ADA))
        await admin.begin(await token(world, EMAIL))
        other.subscribe("told", CHANGES)
        async with (
            listening(world, events, await token(world, ADA)) as stream,
            listening(world, events, await token(world, EMAIL)) as kept,
        ):
            order = MaintenanceConfig(enabled=True, message="Back soon", retry_after=9)
            maintenance.order(tmp_path / "data", KEY, order)
            end = await stream.next()
            assert end is not None
            assert (end.event, end.data["error"]) == ("end", {"code": 21, "message": "Back soon"})
            told = await other.hear()
            assert (told["type"], code(told["payload"])) == ("error", 21)
            assert await reader.answer(ALL) is None
            assert reader.code == sockets.TRY_LATER
            assert "data" in await admin.answer(ALL)
            key = (await done(world, "/items/notes", {"title": "second"}))["id"]
            assert await kept.told() == ("create", key)


async def test_a_project_that_goes_takes_its_connections_along(tmp_path: Path) -> None:
    async with notes(tmp_path) as world, conversing(world) as line:
        await line.begin(await token(world, ADA))
        assert "data" in await line.answer(ALL)
        path = tmp_path / "data" / "projects" / f"{KEY}.toml"
        renewed = path.with_suffix(".new")
        renewed.write_text(f"{path.read_text()}\n[realtime]\nqueue = 7\n")
        renewed.replace(path)
        assert await line.answer(ALL) is None
        assert line.code == sockets.RESTART


DEEP = "[" * 100 + "]" * 100
WRONG: Mapping[str, str] = {
    "a long id": '{"id": "%s", "type": "subscribe", "payload": {"query": "{a}"}}' % ("x" * 129),
    "deep variables": '{"id": "a", "type": "subscribe", "payload": {"query": "{a}", '
    f'"variables": {{"v": {DEEP}}}}}}}',
    "many bytes of few characters": '{"type": "ping", "payload": "%s"}' % ("é" * (1 << 17)),
}


async def test_messages_have_bounds(tmp_path: Path) -> None:
    async with notes(tmp_path) as world:
        for name, message in WRONG.items():
            async with conversing(world) as line:
                await line.begin()
                line.say_text(message)
                assert await line.closed() == sockets.BAD_MESSAGE, name
        path = f'/gql?query={{a}}&variables={{"v":{DEEP}}}'
        answer = await world.ask("GET", path)
        assert (answer.status_code, code(answer.json()["errors"])) == (413, 12)
        async with conversing(world) as line:
            await line.begin(await token(world, ADA))
            for _ in range(3):
                # Whoever is done with an id uses it again, without waiting.
                line.subscribe("same", CHANGES)
                line.say(id="same", type="complete")
            assert "data" in await line.answer(ALL)


async def test_who_says_nothing_at_first_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "INIT_SECONDS", 0.05)
    async with notes(tmp_path) as world, conversing(world) as line:
        line.say(type="ping")
        assert await line.hear() == {"type": "pong"}
        assert await line.closed() == room.INIT_TOO_LATE
