"""Several servers on one database: each with a data folder of its own, as on other machines.

Nothing is looked for by the clock here, but where that is what is tried: so what another
server changed is known because it was told, or asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.databases import redis_url, require_redis
from tests.postbox import eventually
from tests.scenarios.wire import PASSWORD, Wire, install, served

NEVER = {"CONDUCTUS_WATCH__TICK_SECONDS": "3600", "CONDUCTUS_WATCH__CATALOG_SECONDS": "3600"}
QUICK = {"CONDUCTUS_WATCH__TICK_SECONDS": "0.05"}
ASKING = {**NEVER, "CONDUCTUS_WATCH__EACH_REQUEST": "true", "CONDUCTUS_WATCH__LISTEN": "false"}
EMAIL = "ada@example.org"
Seen = Callable[[Callable[[], bool]], Awaitable[None]]
TABLE = {
    "collection": "notes",
    "fields": [
        {
            **{"field": "id", "type": "integer", "datatype": "INT", "length": 11},
            **{"primary_key": True, "auto_increment": True, "interface": "numeric"},
        }
    ],
}


@contextmanager
def two(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[Wire, Wire]]:
    """A connection to each of two servers on the database that is installed in."""
    elsewhere = folder / "elsewhere"
    shutil.copytree(folder / "projects", elsewhere / "projects")
    with ExitStack() as stack:
        wires = [stack.enter_context(served(data, **settings))[1] for data in (folder, elsewhere)]
        yield wires[0], wires[1]


def asked(wire: Wire, path: str, token: str) -> int:
    """The status of a request on a connection of its own."""
    with closing(Wire(wire.url)) as other:
        return other.request("GET", path, None, authorization=f"Bearer {token}").status


async def agree(one: Wire, other: Wire, seen: Seen) -> None:
    """What is changed by way of one server is known to the other one, and back."""
    await known(one, other, seen)
    await known(other, one, seen)


async def known(changing: Wire, reading: Wire, seen: Seen) -> None:
    def notes_answer(status: int) -> bool:
        return asked(reading, "/main/items/notes", reading.token) == status

    assert notes_answer(404)
    assert changing.ask("POST", "/collections", TABLE).status == 200
    await seen(lambda: notes_answer(200))
    ada = {"email": EMAIL, "password": PASSWORD, "status": "active", "role": 1}
    key = changing.ask("POST", "/users", ada).data["id"]
    with closing(reading.another()) as hers:
        hers.sign_in(EMAIL, PASSWORD)
        assert asked(reading, "/main/users", hers.token) == 200
        changing.ask("PATCH", f"/users/{key}", {"status": "suspended"})
        await seen(lambda: asked(reading, "/main/users", hers.token) == 401)
    assert changing.ask("DELETE", f"/users/{key}?status=*").status == 204
    assert changing.ask("DELETE", "/collections/notes").status == 204
    await seen(lambda: notes_answer(404))


async def at_once(is_so: Callable[[], bool]) -> None:
    assert is_so()


@pytest.mark.parametrize("driver", ["postgresql"])
async def test_postgresql_tells_other_servers(
    driver: str, database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with two(tmp_path, NEVER) as (one, other):
        await agree(one, other, eventually)


@pytest.mark.parametrize("driver", ["mysql"])
async def test_mariadb_is_looked_at_now_and_then(
    driver: str, database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with two(tmp_path, QUICK) as (one, other):
        await agree(one, other, eventually)


@pytest.mark.parametrize("driver", ["mysql"])
async def test_redis_tells_other_servers(driver: str, database_url: str, tmp_path: Path) -> None:
    require_redis()
    install(database_url, tmp_path)
    where = redis_url().render_as_string(hide_password=False)
    with two(tmp_path, {**NEVER, "CONDUCTUS_JOBS__REDIS_URL": where}) as (one, other):
        await agree(one, other, eventually)


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
async def test_a_server_that_asks_each_time_is_never_behind(
    driver: str, database_url: str, tmp_path: Path
) -> None:
    install(database_url, tmp_path)
    with two(tmp_path, ASKING) as (one, other):
        await agree(one, other, at_once)
