"""What rules cost: the same reads by an administrator and by a role that is kept to rules.

The rules let every row through, so both are given the same rows, but for a field that is
kept back: owners on the articles and comments, then a rule for each status of an article.
`python -m bench restricted` is this alone; a whole run ends with it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, structs

from bench.conductus import PASSWORD, conductus, sign_in
from bench.databases import Database, fill
from bench.measure import Effort, measured
from bench.processes import Cores, cores
from bench.report import Line, lines, table, tell
from bench.targets import Headers, Target, ask
from bench.verify import differences
from bench.workloads import Workload
from bench.world import STATUSES, World

READS = ("by_id", "list_20", "list_100", "nested", "filter", "search")
ADMINISTRATOR = "administrator"
EMAIL = "restricted@example.com"
KEPT_BACK = "language"
OWNED = ("articles", "comments")
LONGEST_SECONDS = 0.6
"""Of a slice: there are many of them."""

Row = dict[str, Any]


class Rules(Struct, frozen=True):
    """A name and the rows of `directus_permissions`."""

    name: str
    rows: list[Row]


_PLAIN = [{"collection": name, "read": "full"} for name in ("authors", "tags", "article_tags")]
RULES = (
    Rules(
        "owner rules",
        [
            {"collection": "articles", "read": "role", "read_field_blacklist": [KEPT_BACK]},
            {"collection": "comments", "read": "mine"},
            *_PLAIN,
        ],
    ),
    Rules(
        "status rules",
        [
            {
                "collection": "articles",
                "status": "draft",
                "read": "role",
                "read_field_blacklist": [KEPT_BACK],
            },
            {"collection": "articles", "status": "published", "read": "full"},
            {"collection": "articles", "status": "archived", "read": "mine"},
            {"collection": "comments", "read": "role"},
            *_PLAIN,
        ],
    ),
)


class Measured(Struct, frozen=True):
    """What the rules cost on one database: rates as parts of the administrator's."""

    lines: list[Line] = []
    differences: list[str] = []


NOT_MEASURED = Measured()


async def restricted(
    database: Database,
    administrator: Target,
    workloads: Sequence[Workload],
    world: World,
    effort: Effort,
    chosen: Cores,
) -> Measured:
    """Compare and time. Articles and comments have owners afterwards."""
    reads = [workload for workload in workloads if workload.name in READS]
    if not reads:
        return NOT_MEASURED
    effort = structs.replace(effort, seconds=min(effort.seconds, LONGEST_SECONDS))
    administrator = structs.replace(administrator, name=ADMINISTRATOR)
    role, user, peer = _prepare(administrator)
    await database.execute(owned_by(user, peer, database.dialect))
    await database.analyze([])
    found: list[Line] = []
    different: list[str] = []
    for rules in RULES:
        headers = administrator.sign_in()
        made = _put(administrator, rules, role, headers)
        asker = structs.replace(
            administrator, name=rules.name, sign_in=lambda: _signed_in(administrator)
        )
        different += differences(
            asker, administrator, reads, world, asker.sign_in(), without=frozenset({KEPT_BACK})
        )
        slices = await measured(
            database, [administrator, asker], reads, world, effort, chosen, tell
        )
        found += lines(slices, ADMINISTRATOR)
        _ask(administrator, "DELETE", f"/permissions/{','.join(map(str, made))}", None, headers)
    return Measured(found, different)


async def measure_alone(
    database: Database, workloads: Sequence[Workload], world: World, effort: Effort
) -> int:
    """Fill a database, adopt it and print what the rules cost there."""
    chosen = cores()
    with tempfile.TemporaryDirectory(prefix="conductus-bench-") as folder, ExitStack() as stack:
        tell(f"{database.name}: seeding {world.articles} articles")
        await fill(database, list(world.tables()))
        opening = conductus(database, Path(folder) / "data", chosen, Path(folder))
        administrator = stack.enter_context(opening)
        found = await restricted(database, administrator, workloads, world, effort, chosen)
        print(table(await database.version(), found.lines), flush=True)
        print("\n".join(f"DIFFERENT: {one}" for one in found.differences))
    return 1 if found.differences or any(line.errors for line in found.lines) else 0


def _prepare(administrator: Target) -> tuple[int, int, int]:
    """Gives articles statuses, articles and comments owners; answers a role and two users."""
    headers = administrator.sign_in()
    mapping = {name: {"name": name, "soft_delete": False} for name in STATUSES}
    status = {"type": "status", "options": {"status_mapping": mapping}}
    _ask(administrator, "PATCH", "/fields/articles/status", status, headers)
    owner = {"field": "owner", "type": "owner", "datatype": "INT", "interface": "owner"}
    for name in OWNED:
        _ask(administrator, "POST", f"/fields/{name}", owner, headers)
    role = _ask(administrator, "POST", "/roles", {"name": "restricted"}, headers)["id"]
    user = {"email": EMAIL, "password": PASSWORD, "role": role, "status": "active"}
    peer = {**user, "email": f"peer-{EMAIL}"}
    made = [_ask(administrator, "POST", "/users", one, headers)["id"] for one in (user, peer)]
    return role, made[0], made[1]


def owned_by(user: int, peer: int, dialect: sa.Dialect) -> list[str]:
    """The statements that give the user what `mine` reaches, and the rest to a peer."""
    articles, comments = (
        sa.table(name, sa.column("owner", sa.Integer), sa.column("status", sa.String))
        for name in OWNED
    )
    updates = [
        sa.update(articles).values(owner=user),
        sa.update(articles).values(owner=peer).where(articles.c.status != "archived"),
        sa.update(comments).values(owner=user),
    ]
    options = {"literal_binds": True}
    return [str(one.compile(dialect=dialect, compile_kwargs=options)) for one in updates]


def _put(administrator: Target, rules: Rules, role: int, headers: Headers) -> list[int]:
    rows = [{"role": role, **row} for row in rules.rows]
    return [row["id"] for row in _ask(administrator, "POST", "/permissions", rows, headers)]


def _signed_in(administrator: Target) -> Headers:
    return sign_in(administrator.port, administrator.prefix.removeprefix("/"), EMAIL)


def _ask(administrator: Target, method: str, path: str, body: Any, headers: Headers) -> Any:
    answer = ask(administrator.port, method, administrator.prefix + path, body, headers)
    return None if answer is None else answer["data"]
