"""Tables of before, as other programs leave them: without keys, with odd names, views."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from conductus.database.opening import open_database

ODD = "We \"quote\" 'it' `so`; -- 100% ü"
"""A table's name with everything that a careless statement would fall over."""
ODD_COLUMN = "a \"b\" `c` 'd' :e %(f)s ? [g]"
"""A column's name of the same kind; `%` and `:` are parameters to some drivers."""
FOREIGN_COLUMN = "naïve ünïcode 列"
CAPITALS = "MixedCase Table"
KEYLESS = "log lines"
VIEW = "bigger ones"

_metadata = sa.MetaData()
_odd = sa.Table(
    ODD,
    _metadata,
    sa.Column("Id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(ODD_COLUMN, sa.String(50)),
    sa.Column("select", sa.Integer),
    sa.Column("dotted.name", sa.String(50)),
    sa.Column("-minus", sa.Integer),
    sa.Column(FOREIGN_COLUMN, sa.String(50)),
)
_capitals = sa.Table(
    CAPITALS,
    _metadata,
    sa.Column("Key", sa.String(50), primary_key=True),
    sa.Column("VALUE", sa.Integer),
    sa.Column("value_", sa.Integer),
    sa.Column("Odd", sa.Integer, sa.ForeignKey(_odd.c.Id)),
)
_keyless = sa.Table(
    KEYLESS,
    _metadata,
    sa.Column("at", sa.Integer),
    sa.Column("line", sa.String(50)),
)
_pairs = sa.Table(
    "pairs",
    _metadata,
    sa.Column("left", sa.String(20), primary_key=True),
    sa.Column("right", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("note", sa.String(50)),
)


ROWS: tuple[tuple[sa.Table, list[dict[str, Any]]], ...] = (
    (
        _odd,
        [
            {"Id": 1, ODD_COLUMN: "it's", "select": 1, "dotted.name": "x.y", "-minus": 3},
            {
                "Id": 2,
                ODD_COLUMN: '"; --',
                "select": 2,
                "dotted.name": "z",
                "-minus": 2,
                FOREIGN_COLUMN: "ü",
            },
            {"Id": 3, ODD_COLUMN: None, "select": 3, "dotted.name": None, "-minus": 1},
        ],
    ),
    (
        _capitals,
        [
            {"Key": "a/b?c#d", "VALUE": 1, "value_": 10, "Odd": 1},
            {"Key": "ключ", "VALUE": 2, "value_": 20, "Odd": 1},
            {"Key": "50%", "VALUE": 3, "value_": 30, "Odd": None},
        ],
    ),
    (_keyless, [{"at": 2, "line": "b"}, {"at": 1, "line": "a"}, {"at": 1, "line": "a"}]),
    (
        _pairs,
        [
            {"left": "a,b", "right": 1, "note": "comma"},
            {"left": "a", "right": 1, "note": "plain"},
            {"left": "a/ü", "right": 2, "note": "slash"},
        ],
    ),
)


async def put_odd_tables(url: str) -> None:
    """Makes and fills them."""
    database = await open_database(url)
    dialect = database.dialect
    view = sa.select(_odd.c.Id, _odd.c.select).where(_odd.c.select > sa.literal_column("1"))
    tables = [CreateTable(table) for table in _metadata.sorted_tables]
    try:
        async with database.transaction() as transaction:
            for ddl in (*tables, sa.CreateView(view, VIEW)):
                await transaction.execute(str(ddl.compile(dialect=dialect.sqlalchemy)))
            for table, rows in ROWS:
                for row in rows:
                    statement = dialect.compile(sa.insert(table).values(_numbered(row)))
                    await transaction.execute(statement.sql, statement.values({}))
    finally:
        await database.close()


def _numbered(row: dict[str, Any]) -> dict[str, Any]:
    """The values under parameters of their own: the columns' names serve for none."""
    return {
        name: sa.bindparam(f"v{place}", value, required=False)
        for place, (name, value) in enumerate(row.items())
    }
