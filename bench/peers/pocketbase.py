"""PocketBase with the same blog in a database of its own, held to the same one core.

Its collections are made through its API and filled in its SQLite file, as it would be restored
from a backup. Requests carry a superuser's token: a rule-less reader, as Conductus'
administrator is one.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.databases import plain
from bench.processes import Cores, Failed, free_port, serving
from bench.targets import Headers, Target, ask
from bench.workloads import Adapter
from bench.world import World

EMAIL = "bench@example.com"
PASSWORD = "Bench-pass-1234"
KEY_LENGTH = 15

_PAGE = "page={page}&perPage={limit}&sort=id&skipTotal=1"
_RECORDS = "/api/collections/articles/records"
ADAPTER = Adapter(
    {
        "by_id": f"{_RECORDS}/{{id:0>15}}",
        "list_20": f"{_RECORDS}?{_PAGE}",
        "list_100": f"{_RECORDS}?{_PAGE}",
        "nested": f"{_RECORDS}?{_PAGE}"
        "&expand=author,comments_via_article,article_tags_via_article.tag",
    },
    compares=False,
)


@contextmanager
def pocketbase(program: Path, world: World, cores: Cores, folder: Path) -> Iterator[Target]:
    """PocketBase, filled and serving."""
    data = folder / "pocketbase"
    _run([str(program), "superuser", "upsert", EMAIL, PASSWORD, "--dir", str(data)])
    with _started(program, data, cores, folder) as target:
        headers = target.sign_in()
        made: dict[str, str] = {}
        for table, _ in world.tables():
            body = _collection(table, made)
            made[str(table.name)] = ask(target.port, "POST", "/api/collections", body, headers)[
                "id"
            ]
    _fill(data / "data.db", world)
    with _started(program, data, cores, folder) as target:
        yield target


@contextmanager
def _started(program: Path, data: Path, cores: Cores, folder: Path) -> Iterator[Target]:
    port = free_port()
    command = [str(program), "serve", "--http", f"127.0.0.1:{port}", "--dir", str(data)]
    log = folder / "pocketbase.log"
    with serving(command, port, cores.server, log, {"GOMAXPROCS": "1"}) as server:
        yield Target("pocketbase", port, ADAPTER, server, sign_in=lambda: _sign_in(port))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise Failed(f"{command[:3]} failed:\n{done.stdout}{done.stderr}")


def _sign_in(port: int) -> Headers:
    path = "/api/collections/_superusers/auth-with-password"
    answer = ask(port, "POST", path, {"identity": EMAIL, "password": PASSWORD})
    return {"Authorization": answer["token"]}


def _collection(table: sa.Table, made: dict[str, str]) -> dict[str, Any]:
    """The collection that holds a table; `made` are the ids of those that it may relate to."""
    fields = [_field(column, made) for column in table.columns if column.name != "id"]
    indexes = [
        f"CREATE INDEX idx_{table.name}_{column.name} ON {table.name} ({column.name})"
        for column in table.columns
        if column.foreign_keys
    ]
    return {"name": str(table.name), "type": "base", "fields": fields, "indexes": indexes}


def _field(column: sa.Column[Any], made: dict[str, str]) -> dict[str, Any]:
    for key in column.foreign_keys:
        related = made[key.column.table.name]
        return {
            "name": str(column.name), "type": "relation", "collectionId": related, "maxSelect": 1,
        }  # fmt: skip
    return {"name": str(column.name), "type": _field_type(column.type)}


def _field_type(kind: sa.types.TypeEngine[Any]) -> str:
    match kind:
        case sa.Boolean():
            return "bool"
        case sa.Integer() | sa.Numeric() | sa.Float():
            return "number"
        case sa.Date() | sa.DateTime():
            return "date"
        case _:
            return "text"


def _fill(path: Path, world: World) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for table, rows in world.tables():
            columns = list(table.columns)
            keys = [bool(column.primary_key or column.foreign_keys) for column in columns]
            statement = str(sa.insert(table).compile(dialect=sa.dialects.sqlite.dialect()))
            connection.executemany(
                statement,
                ([_value(v, key) for v, key in zip(row, keys, strict=True)] for row in rows),
            )
        connection.execute("ANALYZE")
    connection.close()


def _value(value: Any, is_key: bool) -> Any:
    """A value as PocketBase stores it: keys are texts of fixed length, nothing is NULL."""
    if value is None:
        return ""
    return str(value).zfill(KEY_LENGTH) if is_key else plain(value)
