"""One connection of asyncmy, and what runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncmy
from asyncmy.constants import CLIENT, FIELD_TYPE
from asyncmy.converters import conversions
from asyncmy.cursors import SSCursor
from msgspec import Struct

from conductus.database.executor import Row
from conductus.database.mysql.errors import RAISED, UNPREPARED, entry_refused, number
from conductus.database.mysql.flow import Flow
from conductus.database.mysql.literals import literals
from conductus.database.pool import Pooled
from conductus.database.url import DatabaseURL
from conductus.errors import ApiError, DatabaseUnreachable

_CONNECT_SECONDS = 10.0
_GRACE_SECONDS = 5.0
"""How much longer than its time limit the server may take to say that it is over."""
_NEVER = float("inf")
_MODES = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"
"""Values that do not fit are errors, and 0 is a key like any other; no ANSI quotes, no
NO_BACKSLASH_ESCAPES, which the escaping relies on."""

_MOMENTS = {FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.TIME}
_CONVERSIONS = {kind: made for kind, made in conversions.items() if kind not in _MOMENTS}
"""Days and times stay the texts that they come as and are told as."""
_SLOW_READER_SECONDS = 600
"""How long rows of a stream that were not asked for yet may wait in the server."""
_ROWS_AT_ONCE = 100
"""Rows of a stream that are read before others in the event loop have their turn."""
_PREPARED_KEPT = 16
"""On each connection."""
_WHO_AM_I = (
    "SELECT connection_id(), host, version(), @@auto_increment_increment "
    "FROM information_schema.processlist WHERE id = connection_id()"
)
_IS_THERE = "SELECT 1 FROM information_schema.processlist WHERE id = %s AND host = %s"


class Limits(Struct, frozen=True):
    """How long things may take on a connection."""

    statement_seconds: float
    lock_seconds: float


class Link(Pooled):
    """A connection that the pool lends."""

    __slots__ = (
        *("_abandoned", "_flow", "_patience", "_prepared", "_url"),
        *("about", "commits_each", "raw"),
    )

    def __init__(self, raw: Any, url: DatabaseURL, limits: Limits, about: About) -> None:
        super().__init__()
        self.raw = raw
        self.about = about
        self.commits_each = True
        """Whether each statement is a transaction of its own; else the first begins one."""
        self._url = url
        self._abandoned = False
        self._flow = Flow(raw._transport)
        self._patience = limits.statement_seconds + _GRACE_SECONDS
        self._prepared: dict[str, Any] = {}

    def is_usable(self) -> bool:
        """Whether the socket is open."""
        # The public `connected` stays true when the server hangs up.
        return bool(self.raw.connected and not self.raw._stream_broken)

    def cut(self) -> None:
        """Closes the socket."""
        self.raw.close()

    async def close(self) -> None:
        """Ends what was left running in the server, says goodbye, closes the socket."""
        self.deadline = _NEVER
        with suppress(ApiError, *RAISED):
            async with asyncio.timeout(_CONNECT_SECONDS):
                if self._abandoned:
                    # The server would not notice before the statement is over that nobody
                    # listens. What it sends until then is not read, and fills no memory.
                    await end_session(self._url, self.about)
                else:
                    await self.raw.ensure_closed()
        self.raw.close()

    async def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The result of a statement: `rows`, `affected_rows`, `insert_id`, `warning_count`."""
        self.deadline = monotonic() + self._patience
        try:
            return await ask(self.raw, sql, values)
        except BaseException as error:
            self._abandoned = not isinstance(error, Exception)
            raise
        finally:
            self.deadline = _NEVER

    async def run_prepared(self, sql: str, values: Sequence[Any]) -> Any:
        """`run` of a statement that the server has prepared, or prepares now.

        It spares the driver a third of its work: values need no escapes, and the columns
        are known. Not for all: there is a bound to how many the server keeps for everybody.
        """
        self.deadline = monotonic() + self._patience
        try:
            prepared = self._prepared.get(sql) or await self._prepare(sql, len(values))
            return await prepared.execute(values)
        except RAISED as error:
            if number(error) not in UNPREPARED:
                raise
        except BaseException as error:
            self._abandoned = not isinstance(error, Exception)
            raise
        finally:
            self.deadline = _NEVER
        self._prepared.pop(sql, None)
        return await self.run(sql, values)

    async def _prepare(self, sql: str, values: int) -> Any:
        while len(self._prepared) >= _PREPARED_KEPT:
            await self._prepared.pop(next(iter(self._prepared))).close()
        prepared = await self.raw.prepare(sql % (("?",) * values))
        self._prepared[sql] = prepared
        return prepared

    async def stand_alone(self) -> None:
        """Makes each of the next statements a transaction of its own."""
        if not self.commits_each:
            await self.run("SET autocommit = 1")
            self.commits_each = True

    async def begin(self) -> None:
        """Makes the next statement the first one of a transaction.

        Costs nothing where the last use was a transaction, too: nobody says BEGIN.
        """
        if self.commits_each:
            await self.run("SET autocommit = 0")
            self.commits_each = False

    async def open_cursor(self, sql: str, values: Sequence[Any]) -> Any:
        """A cursor over rows that the server sends as they are read."""
        cursor = self.raw.cursor(SSCursor)
        self._abandoned = True
        self._flow.begin()
        await cursor.execute(written(self.raw, sql, values))
        self._flow.hold()
        return cursor

    async def fetch_from(self, cursor: Any, size: int) -> list[Row]:
        """The next rows of a cursor."""
        self.deadline = monotonic() + self._patience
        rows: list[Row] = []
        try:
            while len(rows) < size:
                wanted = min(size - len(rows), _ROWS_AT_ONCE)
                self._flow.go_on()
                found = await cursor.fetchmany(wanted)
                self._flow.hold()
                rows += found
                if len(found) < wanted:
                    self._abandoned = False
                    self._flow.end()
                    break
                # Rows that have arrived are read without waiting: others need their turn.
                await asyncio.sleep(0)
        finally:
            self.deadline = _NEVER
        return rows

    async def finish(self, cursor: Any) -> None:
        """Makes room for other statements after a cursor that was left early.

        Raises `DatabaseUnreachable` where that cannot be had: the connection stays abandoned.
        """
        if self._abandoned:
            await end_statement(self._url, self.about)
            # What is on its way must be read; before, that could be all of it.
            self._flow.go_on()
            with suppress(*RAISED):
                await cursor.close()
            self._flow.end()
            self._abandoned = False

    @property
    def is_abandoned(self) -> bool:
        """Whether something may be running still, to which nobody listens."""
        return self._abandoned


class About(Struct, frozen=True):
    """What a connection knows of the server and of itself."""

    session: int
    peer: str
    """Where the server sees us: with a proxy between, not where we see ourselves."""
    version: tuple[int, ...]
    mariadb: bool
    key_step: int
    """From one generated key to the next in one statement."""

    @property
    def returning(self) -> bool:
        """Whether INSERT … RETURNING works."""
        return self.mariadb and self.version >= (10, 5)


async def connect(url: DatabaseURL) -> Any:
    """A connection of asyncmy. Raises `DatabaseUnusable` or `DatabaseUnreachable`."""
    password = url.password.encode() if url.password else b""
    try:
        return await asyncmy.connect(
            host=url.host or "localhost",
            port=url.port or 3306,
            unix_socket=url.options.get("unix_socket"),
            user=url.username,
            # As bytes: asyncmy encodes text as Latin-1.
            password=password,
            database=url.database,
            charset="utf8mb4",
            conv=_CONVERSIONS,
            autocommit=True,
            ssl=url.tls_context(),
            connect_timeout=int(_CONNECT_SECONDS),
            # An update counts the rows it found, not those that it made different.
            client_flag=CLIENT.FOUND_ROWS,
        )
    except RAISED as error:
        raise entry_refused(error) from error
    except RuntimeError as error:
        # The server has hung up already: uvloop has no socket to be set up then.
        raise DatabaseUnreachable from error


async def connect_link(url: DatabaseURL, limits: Limits) -> Link:
    """A connection ready for statements."""
    raw = await connect(url)
    try:
        return Link(raw, url, limits, await _set_up(raw, limits))
    except BaseException as error:
        raw.close()
        if isinstance(error, RAISED):
            raise entry_refused(error) from error
        raise


def written(raw: Any, sql: str, values: Sequence[Any]) -> str:
    """The statement with its values in it."""
    escape = raw.literal
    return sql % literals(values, escape)


async def ask(raw: Any, sql: str, values: Sequence[Any] = ()) -> Any:
    """The result of a statement."""
    # Without a cursor: one would ask for the warnings of every read, in a second round
    # trip, and write the database's messages to the log.
    await raw.query(written(raw, sql, values))
    return raw._result


async def _set_session(raw: Any) -> None:
    await ask(raw, "SET SESSION sql_mode = %s, time_zone = %s", (_MODES, "+00:00"))
    await ask(raw, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


async def _set_up(raw: Any, limits: Limits) -> About:
    await _set_session(raw)
    result = await ask(raw, _WHO_AM_I)
    ((session, peer, version, step),) = result.rows
    numbers = version.partition("-")[0].split(".")
    about = About(session, peer, tuple(map(int, numbers)), "MariaDB" in version, int(step))
    locks = max(1, int(limits.lock_seconds))
    await ask(
        raw,
        "SET SESSION innodb_lock_wait_timeout = %s, lock_wait_timeout = %s, net_write_timeout = %s",
        (locks, locks, _SLOW_READER_SECONDS),
    )
    if about.mariadb:
        await ask(raw, "SET SESSION max_statement_time = %s", (float(limits.statement_seconds),))
    else:
        milliseconds = int(limits.statement_seconds * 1000)
        await ask(raw, "SET SESSION max_execution_time = %s", (milliseconds,))
    return about


async def end_session(url: DatabaseURL, about: About) -> None:
    """Kills a session of ours, if the server at the other end is the one that has it."""
    await _kill(url, about, "KILL %s")


async def end_statement(url: DatabaseURL, about: About) -> None:
    """Kills what a session of ours runs; its transaction stays."""
    await _kill(url, about, "KILL QUERY %s")


async def _kill(url: DatabaseURL, about: About, command: str) -> None:
    raw = await connect(url)
    try:
        result = await ask(raw, _IS_THERE, (about.session, about.peer))
        if result.rows:
            await ask(raw, command, (about.session,))
    except RAISED as error:
        raise DatabaseUnreachable from error
    finally:
        raw.close()
