"""The statements of the journal, each compiled when it is first needed."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Final

import sqlalchemy as sa

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor
from conductus.database.introspection import Table
from conductus.projects import rows
from conductus.projects.coherence import STATE_KINDS, STATE_TABLE
from conductus.projects.outbox import milliseconds
from conductus.projects.rows import clause
from conductus.schema.model import Kind

JOURNAL: Final = "conductus_journal"
JOURNAL_KINDS: Final = {
    "id": Kind.INTEGER,
    "place": Kind.INTEGER,
    "collection": Kind.TEXT,
    "item": Kind.TEXT,
    "deed": Kind.TEXT,
    "facts": Kind.TEXT,
    "created": Kind.INTEGER,
}
WATCHED: Final = "conductus_watched"
WATCHED_KINDS: Final = {"collection": Kind.TEXT, "until": Kind.INTEGER}


async def read_watched(
    executor: Executor, dialect: Dialect, table: Table | None, now: datetime
) -> frozenset[str]:
    """The collections of which lines are written; none where there is no such table yet."""
    if table is None:
        return frozenset()
    found = await rows.read(executor, dialect, WATCHED, WATCHED_KINDS, ())
    return frozenset(str(row["collection"]) for row in found if row["until"] > milliseconds(now))


class JournalStatements:
    """Of one dialect."""

    NEWEST: Final = "journal"
    """The row of `conductus_state` that has the greatest place given …"""
    GONE: Final = "journal_gone"
    """… and the greatest of a line that was removed."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._lines = clause(dialect, JOURNAL, JOURNAL_KINDS)
        self._state = clause(dialect, STATE_TABLE, STATE_KINDS)
        self._watched = clause(dialect, WATCHED, WATCHED_KINDS)

    # -- lines ----------------------------------------------------------------------

    @cached_property
    def after(self) -> Statement:
        """The `most` lines after a `place`."""
        c = self._lines.c
        return self._dialect.compile(
            sa.select(c.place, c.collection, c.item, c.deed, c.facts)
            .where(c.place > _whole("place"))
            .order_by(c.place)
            .limit(sa.bindparam("most", type_=sa.Integer()))
        )

    @cached_property
    def unnumbered(self) -> Statement:
        """The least and the greatest id of lines without a place."""
        c = self._lines.c
        return self._dialect.compile(
            sa.select(sa.func.min(c.id), sa.func.max(c.id)).where(c.place.is_(None))
        )

    @cached_property
    def number(self) -> Statement:
        """Gives those from `first` to `last` their places."""
        c = self._lines.c
        return self._dialect.compile(
            sa.update(self._lines)
            .where(c.place.is_(None), c.id >= _whole("first"), c.id <= _whole("last"))
            .values(place=c.id + _whole("shift"))
        )

    @cached_property
    def aged(self) -> Statement:
        """The last place of lines from `before` a moment."""
        c = self._lines.c
        return self._dialect.compile(
            sa.select(sa.func.max(c.place)).where(c.created < _whole("before"))
        )

    @cached_property
    def remove(self) -> Statement:
        """Removes the lines up to a `place`."""
        return self._dialect.compile(
            sa.delete(self._lines).where(self._lines.c.place <= _whole("place"))
        )

    # -- what is known of all lines ----------------------------------------------------

    @cached_property
    def bounds(self) -> Statement:
        """The rows that are the journal's."""
        c = self._state.c
        names = [sa.literal(name) for name in (self.NEWEST, self.GONE)]
        return self._dialect.compile(sa.select(c.name, c.value).where(c.name.in_(names)))

    @cached_property
    def value(self) -> Statement:
        """The value of a `name`."""
        c = self._state.c
        return self._dialect.compile(sa.select(c.value).where(c.name == _text("name")))

    @cached_property
    def count(self) -> Statement:
        """Counts on by one."""
        c = self._state.c
        return self._dialect.compile(
            sa.update(self._state)
            .where(c.name == _text("name"))
            .values(value=c.value + sa.literal_column("1"))
        )

    @cached_property
    def keep(self) -> Statement:
        """Sets the `value` of a `name` that is there."""
        c = self._state.c
        return self._dialect.compile(
            sa.update(self._state).where(c.name == _text("name")).values(value=_whole("value"))
        )

    @cached_property
    def begin(self) -> Statement:
        """The first `value` of a `name`."""
        given = {"name": _text("name"), "value": _whole("value")}
        return self._dialect.compile(sa.insert(self._state).values(given))

    # -- what is watched ------------------------------------------------------------

    @cached_property
    def watch_longer(self) -> Statement:
        """A `collection` that is watched `now` is so `until` another moment."""
        c = self._watched.c
        return self._dialect.compile(
            sa.update(self._watched)
            .where(c.collection == _text("collection"), c.until > _whole("now"))
            .values(until=_whole("until"))
        )

    @cached_property
    def watch_again(self) -> Statement:
        """A `collection` that was watched once is so again `until` then."""
        c = self._watched.c
        return self._dialect.compile(
            sa.update(self._watched)
            .where(c.collection == _text("collection"))
            .values(until=_whole("until"))
        )

    @cached_property
    def watch(self) -> Statement:
        """A `collection` is watched `until` then."""
        given = {"collection": _text("collection"), "until": _whole("until")}
        return self._dialect.compile(sa.insert(self._watched).values(given))


def _whole(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger())


def _text(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.String())
