"""An open transaction on MySQL or MariaDB."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from conductus.database import refusals
from conductus.database.batches import Batches
from conductus.database.executor import Row, TransactionConflict
from conductus.database.mysql.errors import (
    DUPLICATE,
    RAISED,
    UNSUITABLE,
    in_transaction,
    index_name,
    is_lost,
    number,
)
from conductus.database.mysql.link import Link
from conductus.errors import ApiError, DuplicateValue, QueryFailed

_WRITTEN_TABLE = re.compile(
    r"\s*(?:INSERT\s+(?:IGNORE\s+)?INTO|REPLACE\s+INTO|UPDATE)\s+(?:`((?:[^`]|``)+)`|(\w+))",
    re.IGNORECASE,
)
_INDEX_COLUMNS = (
    "SELECT column_name FROM information_schema.statistics "
    "WHERE table_schema = database() AND table_name = %s AND index_name = %s "
    "ORDER BY seq_in_index"
)


class MySQLTransaction:
    """A transaction. After a failed statement nothing but its end is possible."""

    def __init__(self, link: Link, statement_seconds: float) -> None:
        self._link = link
        self._statement_seconds = statement_seconds
        self.failed = False

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement."""
        return list((await self._run(sql, values)).rows or ())

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """How many rows the statement touched."""
        result = await self._run(sql, values)
        await self._refuse_loss(result)
        return int(result.affected_rows)

    async def fetch_written(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows that the statement has written."""
        result = await self._run(sql, values)
        await self._refuse_loss(result)
        return list(result.rows or ())

    async def insert(self, sql: str, values: Sequence[Any], rows: int) -> list[Any]:
        """The generated keys of the new rows."""
        result = await self._run(sql, values)
        await self._refuse_loss(result)
        if result.rows is not None:
            return [row[0] for row in result.rows]
        if not result.insert_id:
            return []
        # One statement that says how many rows it brings gets its keys in a row.
        step = self._link.about.key_step
        return [result.insert_id + place * step for place in range(rows)]

    @asynccontextmanager
    async def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]]]:
        """Rows in batches; no other statement may run in the transaction meanwhile."""
        cursor = await self._open_cursor(sql, values)
        yield self._batches(cursor, sql, size)
        await self._link.finish(cursor)

    async def batches(self, sql: str, values: Sequence[Any], size: int) -> Batches:
        """Rows in batches; whoever stops early gives up the connection."""
        return self._batches(await self._open_cursor(sql, values), sql, size)

    async def _open_cursor(self, sql: str, values: Sequence[Any]) -> Any:
        self._start()
        try:
            return await self._link.open_cursor(sql, values)
        except RAISED as error:
            raise await self._failure(error, sql) from error

    def _batches(self, cursor: Any, sql: str, size: int) -> Batches:
        async def following() -> list[Row]:
            self._start()
            try:
                return await self._link.fetch_from(cursor, size)
            except RAISED as error:
                raise await self._failure(error, sql) from error

        return Batches(following)

    async def _run(self, sql: str, values: Sequence[Any]) -> Any:
        self._start()
        try:
            return await self._link.run(sql, values)
        except RAISED as error:
            raise await self._failure(error, sql) from error
        except ApiError:
            # A value that cannot be written as SQL.
            self.failed = True
            raise

    def _start(self) -> None:
        if self.failed:
            raise QueryFailed

    async def _failure(self, error: Exception, sql: str) -> ApiError | TransactionConflict:
        self.failed = True
        if number(error) in DUPLICATE:
            return DuplicateValue(await self._duplicate_fields(error, sql))
        return in_transaction(error, self._statement_seconds)

    async def _duplicate_fields(self, error: Exception, sql: str) -> tuple[str, ...]:
        # The server names the index alone.
        index, table = index_name(error), _WRITTEN_TABLE.match(sql)
        if index is None or table is None:
            return ()
        name = table[2] or table[1].replace("``", "`")
        with suppress(*RAISED):
            result = await self._link.run(_INDEX_COLUMNS, (name, index))
            return tuple(column for (column,) in result.rows)
        return ()

    async def _refuse_loss(self, result: Any) -> None:
        # In strict mode only what no statement can do right gets here as a warning.
        if not result.warning_count:
            return
        for level, code, _ in await self._link.raw.show_warnings():
            if level == "Warning" and int(code) in UNSUITABLE:
                self.failed = True
                raise refusals.value_unsuitable()


class MySQLWriting(MySQLTransaction):
    """A transaction that its first statement begins.

    A connection that was lost while nobody used it shows only then: nothing has been done
    yet, so the statement is sent again on another one, which `exchanged` gives.
    """

    def __init__(
        self,
        link: Link,
        statement_seconds: float,
        exchanged: Callable[[Link], Awaitable[Link]],
    ) -> None:
        super().__init__(link, statement_seconds)
        self._exchanged = exchanged
        self._begun = False
        self._lent = True

    @property
    def link(self) -> Link:
        """The connection that it has now."""
        return self._link

    def give_back(self, take_back: Callable[[Link], None]) -> None:
        """Hands its connection over; there is none when the lost one could not be replaced."""
        if self._lent:
            take_back(self._link)

    async def _run(self, sql: str, values: Sequence[Any]) -> Any:
        if self._begun:
            return await super()._run(sql, values)
        self._begun = True
        try:
            return await self._link.run(sql, values)
        except RAISED as error:
            if not is_lost(error):
                raise await self._failure(error, sql) from error
        except ApiError:
            self.failed = True
            raise
        self._lent = False
        self._link = await self._exchanged(self._link)
        self._lent = True
        return await super()._run(sql, values)


class MySQLSchemaTransaction(MySQLTransaction):
    """Statements that change the schema, each of which is kept at once."""

    def _start(self) -> None:
        # After a failure too: what was altered before has to be taken back.
        pass

    async def _failure(self, error: Exception, sql: str) -> ApiError | TransactionConflict:
        failure = await super()._failure(error, sql)
        # What was altered stays altered: it cannot be run again as a whole.
        return refusals.locked() if isinstance(failure, TransactionConflict) else failure
