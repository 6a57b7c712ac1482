"""A PostgreSQL database as a `Database`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from conductus.database.dialects.postgresql import PostgreSQLDialect
from conductus.database.executor import Row
from conductus.database.pool import Pool
from conductus.database.postgresql.errors import (
    RAISED,
    in_transaction,
    is_lost,
    is_outdated,
    translated,
)
from conductus.database.postgresql.link import Link, PostgreSQLTransaction, connect
from conductus.database.postgresql.listening import listen
from conductus.database.url import DatabaseURL
from conductus.errors import DatabaseUnreachable, DatabaseUnusable, QueryFailed

if TYPE_CHECKING:
    pass


_OLDEST = 12
_SCHEMA_LOCK = 0x436F6E6475637475
"""The key of the advisory lock under which the schema is changed ("Conductu" in ASCII)."""
_SCHEMA_SECONDS = 600
"""A change of the schema may rewrite a large table."""
_FINGERPRINT = """
WITH tables AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
), facts (fact) AS (
  SELECT concat_ws(':', 't', oid, nspname, relname, relkind) FROM tables
  UNION ALL
  SELECT concat_ws(':', 'a', attrelid, attnum, attname, atttypid, atttypmod, attnotnull,
                   attidentity, attgenerated, md5(d.adbin::text))
  FROM pg_catalog.pg_attribute a JOIN tables ON tables.oid = a.attrelid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT concat_ws(':', 'c', c.oid, conname, contype, conrelid, conkey, confrelid, confkey,
                   confdeltype, confupdtype)
  FROM pg_catalog.pg_constraint c JOIN tables ON tables.oid = c.conrelid
  UNION ALL
  SELECT concat_ws(':', 'i', indexrelid, indrelid, indisunique, indkey)
  FROM pg_catalog.pg_index i JOIN tables ON tables.oid = i.indrelid
  UNION ALL
  SELECT concat_ws(':', 'g', g.oid) FROM pg_catalog.pg_trigger g
  JOIN tables ON tables.oid = g.tgrelid WHERE NOT g.tgisinternal
)
SELECT md5(coalesce(string_agg(fact, '|' ORDER BY fact COLLATE "C"), '')) FROM facts
"""


class PostgreSQLDatabase:
    """One database on a server. Made by `open`."""

    def __init__(
        self, url: DatabaseURL, size: int, statement_seconds: float, busy_seconds: float
    ) -> None:
        self._url = url
        self._statement_seconds = statement_seconds
        self._busy_seconds = busy_seconds
        self._dialect = PostgreSQLDialect()
        self._pool = Pool(self._link, size, busy_seconds)
        # A slow reader keeps a connection for long: requests must not wait for it.
        self._streams = Pool(self._link, size, busy_seconds)

    @classmethod
    async def open(
        cls, url: DatabaseURL, size: int, statement_seconds: float, busy_seconds: float
    ) -> PostgreSQLDatabase:
        """The database, with one connection open."""
        # Once by hand, so that an address that cannot be right is told from a server that
        # is not there.
        raw = await connect(url, statement_seconds)
        version = raw.get_server_version()
        await raw.close()
        if version.major < _OLDEST:
            raise DatabaseUnusable(f"PostgreSQL {_OLDEST} or newer is needed")
        return cls(url, size, statement_seconds, busy_seconds)

    async def _link(self) -> Link:
        try:
            return Link(await connect(self._url, self._statement_seconds), self._statement_seconds)
        except DatabaseUnusable as error:
            raise DatabaseUnreachable from error

    @property
    def dialect(self) -> PostgreSQLDialect:
        """The facts about PostgreSQL."""
        return self._dialect

    # -- reading --------------------------------------------------------------------

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement that changes nothing."""
        try:
            return await self._fetch(sql, values)
        except RAISED as error:
            # The server may have been started again, the tables altered, since the
            # connection was used last.
            if not (is_lost(error) or is_outdated(error)):
                raise translated(error, self._statement_seconds) from error
        try:
            return await self._fetch(sql, values)
        except RAISED as error:
            raise translated(error, self._statement_seconds) from error

    # The driver has every statement prepared.
    fetch_again = fetch

    async def _fetch(self, sql: str, values: Sequence[Any]) -> list[Row]:
        pool = self._pool
        link = pool.take() or await pool.acquire()
        try:
            rows = await link.fetch(sql, values)
        except Exception as error:
            if is_lost(error):
                link.cut()
            pool.release(link)
            raise
        except BaseException:
            pool.discard(link)
            raise
        pool.release(link)
        return rows

    @asynccontextmanager
    async def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AsyncIterator[AsyncIterator[list[Row]]]:
        """Rows in batches, from a cursor in a transaction that only reads."""
        async with (
            self._begun(self._streams, "BEGIN READ ONLY") as transaction,
            transaction.stream(sql, values, size) as batches,
        ):
            yield batches

    def stream_beside(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AbstractAsyncContextManager[None]:
        """Nobody gains by it."""
        return nullcontext()

    # -- writing --------------------------------------------------------------------

    @asynccontextmanager
    async def transaction(self, *, brief: bool = False) -> AsyncIterator[PostgreSQLTransaction]:
        """A transaction at the server's default level, READ COMMITTED."""
        async with self._begun(self._pool, "BEGIN") as transaction:
            yield transaction

    @asynccontextmanager
    async def schema_transaction(self) -> AsyncIterator[PostgreSQLTransaction]:
        """A transaction under the lock of this database's schema."""
        async with self._begun(self._pool, "BEGIN", _SCHEMA_SECONDS) as transaction:
            # For this transaction alone (`true`): nothing is left on the connection.
            await transaction.fetch(
                "SELECT set_config('lock_timeout', $1, true), "
                "set_config('statement_timeout', $2, true)",
                (f"{int(self._busy_seconds * 1000)}ms", f"{_SCHEMA_SECONDS}s"),
            )
            await transaction.fetch("SELECT pg_advisory_xact_lock($1)", (_SCHEMA_LOCK,))
            yield transaction

    @asynccontextmanager
    async def _begun(
        self, pool: Pool[Link], begin: str, seconds: float | None = None
    ) -> AsyncIterator[PostgreSQLTransaction]:
        seconds = seconds or self._statement_seconds
        link = await self._begin(pool, begin)
        link.give_time(seconds)
        try:
            transaction = PostgreSQLTransaction(link, seconds)
            try:
                yield transaction
                await self._commit(link, transaction)
            except Exception:
                await _roll_back(link)
                raise
        except Exception:
            self._return(pool, link)
            raise
        except BaseException:
            # Cancelled: a statement may be running still. Closing stops it.
            pool.discard(link)
            raise
        self._return(pool, link)

    def _return(self, pool: Pool[Link], link: Link) -> None:
        link.give_time(self._statement_seconds)
        pool.release(link)

    async def _begin(self, pool: Pool[Link], begin: str) -> Link:
        try:
            return await self._begin_once(pool, begin)
        except RAISED as error:
            if not is_lost(error):
                raise translated(error, self._statement_seconds) from error
        try:
            return await self._begin_once(pool, begin)
        except RAISED as error:
            raise translated(error, self._statement_seconds) from error

    async def _begin_once(self, pool: Pool[Link], begin: str) -> Link:
        link = await pool.acquire()
        try:
            await link.execute(begin)
        except BaseException:
            pool.discard(link)
            raise
        return link

    async def _commit(self, link: Link, transaction: PostgreSQLTransaction) -> None:
        if transaction.failed:
            # COMMIT would answer well and roll back.
            raise QueryFailed
        try:
            await link.execute("COMMIT")
        except RAISED as error:
            raise in_transaction(error, self._statement_seconds) from error

    # -- hearing --------------------------------------------------------------------

    async def hear(self, channel: str, heard: Callable[[str], None]) -> None:
        """LISTEN, on a connection that is asked now and then whether it is still there."""
        link = await self._link()
        try:
            await listen(link, channel, heard)
        except RAISED as error:
            raise translated(error, self._statement_seconds) from error
        finally:
            link.cut()

    # -- about the server -----------------------------------------------------------

    async def fingerprint(self) -> str:
        """A hash over the tables, views, columns, constraints and indexes."""
        ((fingerprint,),) = await self.fetch(_FINGERPRINT)
        return str(fingerprint)

    async def ping(self) -> None:
        """Asks the server for nothing."""
        await self.fetch("SELECT 1")

    def connections(self) -> dict[str, int]:
        """What the pool has."""
        return self._pool.state()

    async def close(self) -> None:
        """Closes every connection."""
        await self._pool.close()
        await self._streams.close()


async def _roll_back(link: Link) -> None:
    # A connection that cannot even roll back is of no use; the server does it then.
    if link.is_usable() and link.raw.is_in_transaction():
        with suppress(*RAISED):
            await link.execute("ROLLBACK")
            return
        link.cut()
