"""`python -m bench roles`: ten thousand roles with rules for a hundred collections each.

A million rows of `directus_permissions`: what the first request of a role costs, whose rules
are loaded then, what the next one does, and how the worker's memory grows with the roles that
ask. Then the same without the index on `role`, as in a database that came from elsewhere.
"""

from __future__ import annotations

import asyncio
import http.client
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.conductus import PROJECT, adopt, started
from bench.databases import Database, fill
from bench.load import quantile
from bench.processes import Server, cores
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Refused
from bench.world import World

ROLES = 10_000
COLLECTIONS = 100
ASKING = 200
"""Roles that ask, each by a user of its own."""
FIRST_ROLE = 100
"""Above those that there are."""

NUMBERS = sa.Table("numbers", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
_LEVELS = ("create", "read", "update", "delete", "comment", "explain")
_SYSTEM = sa.MetaData()
_PERMISSIONS = sa.Table(
    "directus_permissions",
    _SYSTEM,
    sa.Column("collection", sa.String),
    sa.Column("role", sa.Integer),
    *(sa.Column(level, sa.String) for level in _LEVELS),
    sa.Column("read_field_blacklist", sa.String),
)
_ROLES = sa.Table(
    "directus_roles", _SYSTEM, *(sa.Column(name, sa.String) for name in ("id", "name"))
)
_USERS = sa.Table(
    "directus_users",
    _SYSTEM,
    sa.Column("role", sa.Integer),
    *(sa.Column(name, sa.String) for name in ("status", "email", "token", "timezone")),
)
_INDEX = sa.Index("directus_permissions_role", _PERMISSIONS.c.role)


async def measure(servers: Servers, databases: Sequence[str]) -> int:
    """Print the figures of each database."""
    for kind in databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
            folder = Path(path)
            database = servers.database(kind, "roles", folder)
            async with existing(database):
                tell(f"{kind}: making {ROLES * COLLECTIONS} rows of permissions")
                tables = list(World(2_000, 3_000).tables())
                await fill(database, [*tables, (NUMBERS, [(n,) for n in range(1, ROLES + 1)])])
                adopt(database, folder / "data")
                await database.execute([_text(one, database) for one in _rows()])
                await database.analyze([])
                await _asked(database, folder, "with an index on role")
                await database.execute([_text(sa.schema.DropIndex(_INDEX), database)])
                await _asked(database, folder, "without one")
    return 0


def _rows() -> list[sa.Insert]:
    """A role for each number, its rules, and a user for some of the roles."""
    role, other = NUMBERS.c.id, NUMBERS.alias("other")
    name = sa.case(
        (other.c.id == 1, "articles"), else_=sa.literal("c") + sa.cast(other.c.id, sa.String(9))
    )
    rules = sa.select(
        name, role + FIRST_ROLE, *(sa.literal("full") for _ in _LEVELS), sa.literal("language")
    ).where(other.c.id <= COLLECTIONS)
    text = sa.cast(role, sa.String(9))
    roles = sa.select(role + FIRST_ROLE, sa.literal("role ") + text)
    users = sa.select(
        role + FIRST_ROLE,
        sa.literal("active"),
        sa.literal("user") + text + sa.literal("@example.com"),
        sa.literal(_token("")) + text,
        sa.literal("UTC"),
    ).where(role <= ASKING)
    found = ((_ROLES, roles), (_PERMISSIONS, rules), (_USERS, users))
    return [sa.insert(table).from_select(list(table.c), select) for table, select in found]


def _token(number: int | str) -> str:
    return f"a-static-token-of-user-{number}"


def _text(statement: Any, database: Database) -> str:
    # DDL has no values.
    options = {"literal_binds": True} if isinstance(statement, sa.Insert) else {}
    return str(statement.compile(dialect=database.dialect, compile_kwargs=options))


async def _asked(database: Database, folder: Path, how: str) -> None:
    with started(database, folder / "data", cores(), folder) as server:
        print(await asyncio.to_thread(_figures, database.name, server, how), flush=True)


def _figures(kind: str, server: Server, how: str) -> str:
    # What a first request of all costs is not what is asked.
    _latencies(server.port, range(1, 6))
    before = server.largest_mib()
    askers = range(6, ASKING + 1)
    first, again = _latencies(server.port, askers), _latencies(server.port, askers)
    grown = server.largest_mib() - before
    return (
        f"{kind}, {how}: first request of a role {_said(first)}; the next {_said(again)};"
        f" worker {before:.0f} MiB, {grown:+.1f} after {len(askers)} roles"
    )


def _latencies(port: int, askers: Sequence[int]) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for number in askers:
        asked = time.perf_counter()
        headers = {"Authorization": f"Bearer {_token(number)}"}
        connection.request("GET", f"/{PROJECT}/items/articles/{number}", headers=headers)
        response = connection.getresponse()
        answer = response.read()
        found.append(time.perf_counter() - asked)
        if response.status != 200:
            raise Refused(f"role {number}: {response.status} {answer[:500]!r}")
    connection.close()
    return sorted(found)


def _said(ordered: list[float]) -> str:
    p50, p99 = (quantile(ordered, share) * 1000 for share in (0.5, 0.99))
    return f"p50 {p50:.1f}, p99 {p99:.1f} ms"
