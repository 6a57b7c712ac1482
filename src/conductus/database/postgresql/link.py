"""One connection of asyncpg, and what runs on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import methodcaller
from time import monotonic
from typing import Any, Final

import asyncpg

from conductus.database.batches import Batches
from conductus.database.executor import Row
from conductus.database.pool import Pooled
from conductus.database.postgresql.errors import RAISED, entry_refused, in_transaction
from conductus.database.url import DatabaseURL
from conductus.errors import QueryFailed

_CONNECT_SECONDS = 10.0
_GRACE_SECONDS = 5.0
"""How much longer than its time limit the server may take to say that it is over."""
_NEVER = float("inf")
_STATEMENTS_KEPT = 512
"""On each connection. The driver's own number, 100, is spent on as many collections: what is
prepared anew for each request takes three times as long."""
_SPELT: Final[Mapping[str, Callable[[str], str]]] = {
    "date": str,
    "time": str,
    "timestamp": str,
    # Sessions are in UTC: the offset says nothing.
    "timestamptz": methodcaller("replace", "+00", ""),
}
"""Types whose values are sent and read as the texts that the server makes of them.

The driver takes the first and the last day of Python for infinite ones, and cannot read what
Python has not: `infinity`, the years before the first and after 9999, `24:00`. To ask for texts
by a cast costs the server more: it is made for the rows before a page, too.
"""


class Link(Pooled):
    """A connection that the pool lends."""

    __slots__ = ("_patience", "raw")

    def __init__(self, raw: Any, statement_seconds: float) -> None:
        super().__init__()
        self.raw = raw
        self._patience = statement_seconds + _GRACE_SECONDS

    def is_usable(self) -> bool:
        """Whether the socket is open."""
        return not self.raw.is_closed()

    def cut(self) -> None:
        """Closes the socket."""
        self.raw.terminate()

    async def close(self) -> None:
        """Waits for a statement being cancelled, says goodbye, closes the socket."""
        self.deadline = _NEVER
        try:
            await self.raw.close(timeout=_GRACE_SECONDS)
        except RAISED:
            self.raw.terminate()

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """All rows, with asyncpg's own exceptions."""
        self.deadline = monotonic() + self._patience
        try:
            rows: list[Row] = await self.raw.fetch(sql, *values)
        finally:
            self.deadline = _NEVER
        return rows

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> str:
        """The server's word on what was done (`UPDATE 3`), with asyncpg's own exceptions."""
        self.deadline = monotonic() + self._patience
        try:
            status: str = await self.raw.execute(sql, *values)
        finally:
            self.deadline = _NEVER
        return status

    async def fetch_from(self, cursor: Any, size: int) -> list[Row]:
        """The next rows of a cursor."""
        self.deadline = monotonic() + self._patience
        try:
            rows: list[Row] = await cursor.fetch(size)
        finally:
            self.deadline = _NEVER
        return rows

    async def close_cursor(self, cursor: Any) -> None:
        """Lets go of a cursor before its transaction ends."""
        # asyncpg does so by itself only for a cursor that was read to its end as an iterator.
        self.deadline = monotonic() + self._patience
        try:
            await cursor._close_portal(_GRACE_SECONDS)
        finally:
            self.deadline = _NEVER

    def give_time(self, seconds: float) -> None:
        """Lets the following statements take longer."""
        self._patience = seconds + _GRACE_SECONDS


async def connect(url: DatabaseURL, statement_seconds: float) -> Any:
    """A connection of asyncpg. Raises `DatabaseUnusable` or `DatabaseUnreachable`."""
    tls: Any = "prefer" if url.tls in (None, "prefer") else url.tls_context() or False
    cached = int(url.options.get("statement_cache_size", _STATEMENTS_KEPT))
    try:
        raw = await asyncpg.connect(
            host=url.options.get("host") or url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            database=url.database,
            timeout=_CONNECT_SECONDS,
            ssl=tls,
            statement_cache_size=cached,
            server_settings={
                "application_name": url.options.get("application_name", "conductus"),
                "statement_timeout": str(int(statement_seconds * 1000)),
                "timezone": "UTC",
                "datestyle": "ISO",
            },
        )
        for name, read in _SPELT.items():
            # Which asks the server for nothing.
            await raw.set_type_codec(
                name, schema="pg_catalog", encoder=str, decoder=read, format="text"
            )
    except RAISED as error:
        raise entry_refused(error) from error
    return raw


class PostgreSQLTransaction:
    """An open transaction. After a failed statement nothing but its end is possible."""

    def __init__(self, link: Link, statement_seconds: float) -> None:
        self._link = link
        self._statement_seconds = statement_seconds
        self.failed = False

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement."""
        self._start()
        try:
            return await self._link.fetch(sql, values)
        except RAISED as error:
            raise self._failure(error) from error

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """How many rows the statement touched."""
        self._start()
        try:
            status = await self._link.execute(sql, values)
        except RAISED as error:
            raise self._failure(error) from error
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def fetch_written(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows that the statement has written."""
        return await self.fetch(sql, values)

    async def insert(self, sql: str, values: Sequence[Any], rows: int) -> list[Any]:
        """The generated keys of the new rows."""
        return [row[0] for row in await self.fetch(sql, values)]

    @asynccontextmanager
    async def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]]]:
        """Rows in batches, from a cursor in the server."""
        self._start()
        try:
            # Prepared anew: asyncpg never drops a cached plan that a cursor finds outdated.
            statement = await self._link.raw.prepare(sql)
            cursor = await statement.cursor(*values)
        except RAISED as error:
            raise self._failure(error) from error

        async def following() -> list[Row]:
            self._start()
            try:
                return await self._link.fetch_from(cursor, size)
            except RAISED as error:
                raise self._failure(error) from error

        try:
            yield Batches(following)
        finally:
            if not self.failed:
                await self._let_go(cursor)

    async def _let_go(self, cursor: Any) -> None:
        # An open portal would keep the tables that it reads from being altered.
        try:
            await self._link.close_cursor(cursor)
        except RAISED as error:
            raise self._failure(error) from error

    def _start(self) -> None:
        if self.failed:
            raise QueryFailed

    def _failure(self, error: Exception) -> Exception:
        self.failed = True
        return in_transaction(error, self._statement_seconds)
