"""A MySQL or MariaDB database as a `Database`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from conductus.database import refusals
from conductus.database.dialects.mysql import MySQLDialect
from conductus.database.executor import Row
from conductus.database.mysql.errors import RAISED, in_transaction, is_lost, translated
from conductus.database.mysql.link import About, Limits, Link, connect_link
from conductus.database.mysql.transactions import (
    MySQLSchemaTransaction,
    MySQLTransaction,
    MySQLWriting,
)
from conductus.database.pool import Pool
from conductus.database.url import DatabaseURL
from conductus.errors import DatabaseUnreachable, DatabaseUnusable, QueryFailed

_Run = Callable[[Link, str, Sequence[Any]], Awaitable[Any]]
_OLDEST_MYSQL = (8, 0)
_OLDEST_MARIADB = (10, 3)
_LONG_SECONDS = 3600.0
# Lock names are the server's, not the database's.
_LOCK_SCHEMA = "SELECT get_lock(concat('conductus_schema_', left(sha2(database(), 256), 32)), %s)"
_FINGERPRINT = """
SELECT count(*), bit_xor(cast(conv(left(md5(fact), 16), 16, 10) AS unsigned)) FROM (
  SELECT concat_ws(':', 'c', table_name, ordinal_position, column_name, column_type,
                   character_set_name, is_nullable, column_default, extra, column_key) AS fact
  FROM information_schema.columns WHERE table_schema = database()
  UNION ALL
  SELECT concat_ws(':', 'i', table_name, index_name, seq_in_index, column_name, non_unique)
  FROM information_schema.statistics WHERE table_schema = database()
  UNION ALL
  SELECT concat_ws(':', 't', event_object_table, trigger_name)
  FROM information_schema.triggers WHERE trigger_schema = database()
) AS facts
"""


class MySQLDatabase:
    """One database on a server. Made by `open`."""

    def __init__(
        self,
        url: DatabaseURL,
        size: int,
        statement_seconds: float,
        busy_seconds: float,
        about: About,
    ) -> None:
        self._url = url
        self._statement_seconds = statement_seconds
        self._busy_seconds = busy_seconds
        self._dialect = MySQLDialect(returning=about.returning)
        limits = Limits(statement_seconds, busy_seconds)
        self._pool = Pool(partial(self._link, limits), size, busy_seconds)
        # The server counts the time in which it waits for a reader, too: what streams has
        # another limit, and connections of its own.
        patient = Limits(max(statement_seconds, _LONG_SECONDS), busy_seconds)
        self._long = Pool(partial(self._link, patient), size, busy_seconds)
        self._further = Pool(partial(self._link, patient), size, busy_seconds)

    @classmethod
    async def open(
        cls, url: DatabaseURL, size: int, statement_seconds: float, busy_seconds: float
    ) -> MySQLDatabase:
        """The database, which has answered once."""
        link = await connect_link(url, Limits(statement_seconds, busy_seconds))
        await link.close()
        about = link.about
        if about.version < (_OLDEST_MARIADB if about.mariadb else _OLDEST_MYSQL):
            raise DatabaseUnusable("MariaDB 10.3 or MySQL 8.0 or newer is needed")
        return cls(url, size, statement_seconds, busy_seconds, about)

    async def _link(self, limits: Limits) -> Link:
        try:
            return await connect_link(self._url, limits)
        except DatabaseUnusable as error:
            raise DatabaseUnreachable from error

    @property
    def dialect(self) -> MySQLDialect:
        """The facts about this server."""
        return self._dialect

    # -- reading --------------------------------------------------------------------

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement that changes nothing."""
        return await self._fetch(Link.run, sql, values)

    async def fetch_again(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """`fetch` of a statement that each connection prepares once."""
        return await self._fetch(Link.run_prepared, sql, values)

    async def _fetch(self, run: _Run, sql: str, values: Sequence[Any]) -> list[Row]:
        try:
            return await self._fetch_once(run, sql, values)
        except RAISED as error:
            # The server may have been started again since the connection was used last.
            if not is_lost(error):
                raise translated(error, self._statement_seconds) from error
        try:
            return await self._fetch_once(run, sql, values)
        except RAISED as error:
            raise translated(error, self._statement_seconds) from error

    async def _fetch_once(self, run: _Run, sql: str, values: Sequence[Any]) -> list[Row]:
        pool = self._pool
        link = pool.take(_reads) or await pool.acquire(_reads)
        try:
            if not link.commits_each:
                await link.stand_alone()
            result = await run(link, sql, values)
        except Exception:
            pool.release(link)
            raise
        except BaseException:
            pool.discard(link)
            raise
        pool.release(link)
        return list(result.rows or ())

    @asynccontextmanager
    async def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]]]:
        """Rows in batches, on a connection that is given up when left early."""
        link = await self._long.acquire()
        async with self._lent(self._long, link) as reading:
            yield await reading.batches(sql, values, size)

    @asynccontextmanager
    async def stream_beside(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]] | None]:
        """A stream has its connection to itself: this takes one of a third pool."""
        link = await self._further.acquire_now()
        if link is None:
            yield None
            return
        async with self._lent(self._further, link) as reading:
            yield await reading.batches(sql, values, size)

    @asynccontextmanager
    async def _lent(self, pool: Pool[Link], link: Link) -> AsyncIterator[MySQLTransaction]:
        try:
            yield MySQLTransaction(link, self._statement_seconds)
        finally:
            if link.is_abandoned:
                pool.discard(link)
            else:
                pool.release(link)

    # -- writing --------------------------------------------------------------------

    @asynccontextmanager
    async def transaction(self, *, brief: bool = False) -> AsyncIterator[MySQLTransaction]:
        """A transaction at the level READ COMMITTED."""
        pool = self._pool
        transaction = MySQLWriting(await self._begun(), self._statement_seconds, self._exchanged)
        try:
            try:
                yield transaction
                await self._commit(transaction.link, transaction)
            except Exception:
                await _roll_back(transaction.link)
                raise
        except Exception:
            abandoned = transaction.link.is_abandoned
            transaction.give_back(pool.discard if abandoned else pool.release)
            raise
        except BaseException:
            # Cancelled: a statement may be running still. Closing stops it.
            transaction.give_back(pool.discard)
            raise
        transaction.give_back(pool.release)

    async def _begun(self) -> Link:
        """A connection whose next statement begins a transaction."""
        try:
            return await self._begun_once()
        except RAISED as error:
            if not is_lost(error):
                raise translated(error, self._statement_seconds) from error
        try:
            return await self._begun_once()
        except RAISED as error:
            raise translated(error, self._statement_seconds) from error

    async def _begun_once(self) -> Link:
        link = await self._pool.acquire(_writes)
        try:
            await link.begin()
        except BaseException:
            self._pool.discard(link)
            raise
        return link

    async def _exchanged(self, lost: Link) -> Link:
        """Another connection for one that turned out to be lost."""
        self._pool.discard(lost)
        return await self._begun()

    async def _commit(self, link: Link, transaction: MySQLTransaction) -> None:
        if transaction.failed:
            raise QueryFailed
        try:
            await link.run("COMMIT")
        except RAISED as error:
            raise in_transaction(error, self._statement_seconds) from error

    @asynccontextmanager
    async def schema_transaction(self) -> AsyncIterator[MySQLSchemaTransaction]:
        """Statements under the lock of this database's schema.

        Each DDL statement commits what came before it; what comes after it is kept or not
        as a whole.
        """
        link = await self._long.acquire()
        try:
            transaction = MySQLSchemaTransaction(link, self._statement_seconds)
            ((locked,),) = await transaction.fetch(_LOCK_SCHEMA, (self._busy_seconds,))
            if locked != 1:
                raise refusals.locked()
            await transaction.execute("SET autocommit = 0")
            yield transaction
            await self._commit(link, transaction)
        finally:
            # The end of the session rolls back what is open and gives the lock back.
            self._long.discard(link)

    # -- about the server -----------------------------------------------------------

    async def hear(self, channel: str, heard: Callable[[str], None]) -> None:
        """Nothing is passed on."""

    async def fingerprint(self) -> str:
        """A hash over the columns and indexes of every table and view."""
        ((count, mixed),) = await self.fetch(_FINGERPRINT)
        return f"{count}:{mixed}"

    async def ping(self) -> None:
        """Asks the server for nothing."""
        await self.fetch("SELECT 1")

    def connections(self) -> dict[str, int]:
        """What the pool has."""
        return self._pool.state()

    async def close(self) -> None:
        """Closes every connection."""
        await self._pool.close()
        await self._long.close()
        await self._further.close()


def _reads(link: Link) -> bool:
    return link.commits_each


def _writes(link: Link) -> bool:
    return not link.commits_each


async def _roll_back(link: Link) -> None:
    # A connection that cannot even roll back is of no use; the server does it then.
    if link.is_usable() and not link.is_abandoned:
        with suppress(*RAISED):
            await link.run("ROLLBACK")
            return
        link.cut()
