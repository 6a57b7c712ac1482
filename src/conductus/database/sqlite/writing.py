"""The one connection that writes: whose turn it is, and what is committed together.

Brief transactions that come close upon one another share one of SQLite's (a group commit):
the pages that they have in common are written once, and where a commit waits for the disk
it waits once. None of them is over before the commit, nor told of an error that others may
have made: where one fails that has written, all are undone, and each is run again by itself.
"""

from __future__ import annotations

import asyncio
from time import monotonic, perf_counter
from typing import Final

from conductus.database.executor import TransactionConflict
from conductus.database.sqlite.checkpoints import Checkpoints
from conductus.database.sqlite.link import Link
from conductus.database.sqlite.slowness import INLINE_SECONDS, SlowStatements
from conductus.database.sqlite.threads import Threads, acquired
from conductus.database.sqlite.transactions import (
    InlineTransaction,
    begin,
    check_alive,
    commit,
    commit_in_thread,
    roll_back,
)
from conductus.errors import ApiError, QueryFailed

_MOST_TOGETHER: Final = 32
_WARY_SECONDS: Final = 1.0
"""How long nothing is committed together after such a commit has failed."""
_LONELY: Final = 4
"""After so many commits of one transaction alone there seems to be nobody else …"""
_UNASKED: Final = 32
"""… and so many do not wait for others."""


class Writing:
    """One transaction as a context.

    Not made of a generator: that costs as much as beginning the transaction does.
    """

    __slots__ = ("_brief", "_transaction", "_writer")

    def __init__(self, writer: Writer, *, brief: bool) -> None:
        self._writer = writer
        self._brief = brief

    async def __aenter__(self) -> InlineTransaction:
        """The transaction, begun."""
        self._transaction = await self._writer.begin(brief=self._brief)
        return self._transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        """Its end: all of it is kept, or nothing."""
        if error is not None:
            await self._writer.drop(self._transaction, error)
        elif self._brief:
            await self._writer.keep_soon(self._transaction)
        else:
            await self._writer.keep(self._transaction)


class Writer:
    """Lends the connection to one transaction at a time."""

    def __init__(
        self,
        link: Link,
        threads: Threads,
        slow: SlowStatements,
        checkpoints: Checkpoints,
        *,
        in_thread: bool,
        statement_seconds: float,
        busy_seconds: float,
    ) -> None:
        """`in_thread`: a commit waits for the disk."""
        self.link = link
        self._threads = threads
        self._slow = slow
        self._checkpoints = checkpoints
        self._in_thread = in_thread
        self._statement_seconds = statement_seconds
        self._busy_seconds = busy_seconds
        self._turn = asyncio.Lock()
        self._kept: list[asyncio.Future[None]] = []
        """Those that are done and wait for the commit."""
        self._finishing: asyncio.Task[None] | None = None
        self._wary_until = 0.0
        self._alone = 0
        self._unasked = 0
        self._changes = 0
        """Rows changed on this connection before the transaction under way."""
        self._spent_seconds = 0.0
        """For which transactions have kept the event loop to themselves."""

    def transaction(self, *, brief: bool) -> Writing:
        """A transaction; a brief one waits for nothing but the database."""
        return Writing(self, brief=brief)

    async def take(self) -> None:
        """Keeps others from writing on this connection until `give_back`."""
        await acquired(self._turn, self._busy_seconds)
        try:
            await self._finish()
        except BaseException:
            self._turn.release()
            raise

    def give_back(self) -> None:
        """Lets the next one in."""
        self._turn.release()

    async def begin(self, *, brief: bool) -> InlineTransaction:
        """A transaction, perhaps along with those that wait for the commit."""
        if self._spent_seconds > INLINE_SECONDS:
            self._spent_seconds = 0.0
            await asyncio.sleep(0)
        await acquired(self._turn, self._busy_seconds)
        try:
            if not (brief and len(self._kept) < _MOST_TOGETHER):
                await self._finish()
            if not self._kept:
                # There is something open only where it could not be undone.
                roll_back(self.link)
                await begin(self.link, self._busy_seconds)
        except BaseException:
            self._turn.release()
            raise
        self._changes = self.link.raw.total_changes
        return InlineTransaction(self.link, self._threads, self._statement_seconds, self._slow)

    async def drop(self, transaction: InlineTransaction, error: BaseException) -> None:
        """Undoes what it did. Raises `TransactionConflict` where it was not alone."""
        if not self._kept:
            self._undo(transaction)
            return
        mistaken = isinstance(error, ApiError)
        if self._is_open and self.link.raw.total_changes == self._changes:
            # There is nothing to undo; what the error says may rest on what the others did.
            if mistaken:
                await self._with_the_others(transaction)
            else:
                self._over(transaction)
            return
        self._fail_all()
        self._undo(transaction)
        if mistaken:
            raise TransactionConflict from error

    async def keep(self, transaction: InlineTransaction) -> None:
        """Commits it by itself."""
        try:
            check_alive(self.link, transaction)
            await self._commit()
        finally:
            self._undo(transaction)

    async def keep_soon(self, transaction: InlineTransaction) -> None:
        """Returns when it has been committed with those that come meanwhile."""
        if not self._kept and (self._unasked or monotonic() < self._wary_until):
            self._unasked = max(0, self._unasked - 1)
            await self.keep(transaction)
            return
        try:
            check_alive(self.link, transaction)
        except ApiError as error:
            await self.drop(transaction, error)
            raise
        await self._with_the_others(transaction)

    # -- the commit of many ---------------------------------------------------------

    @property
    def _is_open(self) -> bool:
        return self.link.raw.in_transaction

    async def _with_the_others(self, transaction: InlineTransaction) -> None:
        loop = asyncio.get_running_loop()
        committed = loop.create_future()
        self._kept.append(committed)
        if self._finishing is None or self._finishing.done():
            self._finishing = loop.create_task(self._finish_in_turn())
        self._over(transaction)
        await committed

    def _fail_all(self) -> None:
        self._wary_until = monotonic() + _WARY_SECONDS
        self._tell(TransactionConflict())

    def _undo(self, transaction: InlineTransaction) -> None:
        """Drops what was not committed; the turn ends even where that fails."""
        try:
            roll_back(self.link)
        finally:
            self._over(transaction)

    def _over(self, transaction: InlineTransaction) -> None:
        self._spent_seconds += perf_counter() - transaction.began
        self._turn.release()

    async def _finish_in_turn(self) -> None:
        # Those that are ready to run begin first.
        await asyncio.sleep(0)
        async with self._turn:
            await self._finish()

    async def _finish(self) -> None:
        """Commits what waits for it; what goes wrong is told to those who wait, not here."""
        if not self._kept:
            return
        self._count(len(self._kept))
        began = perf_counter()
        try:
            if not self._is_open:
                raise QueryFailed
            await self._commit()
        except ApiError as error:
            if len(self._kept) == 1:
                self._tell(error)
            else:
                # One of them may be the cause: references can be checked as late as this.
                self._fail_all()
            roll_back(self.link)
        except BaseException:
            self._tell(QueryFailed())
            roll_back(self.link)
            raise
        else:
            self._tell(None)
        finally:
            self._spent_seconds += perf_counter() - began

    async def _commit(self) -> None:
        if self._in_thread:
            await commit_in_thread(self.link, self._threads)
        else:
            await commit(self.link, self._busy_seconds)
        self._checkpoints.committed(self.link)

    def _count(self, together: int) -> None:
        self._alone = self._alone + 1 if together == 1 else 0
        if self._alone >= _LONELY:
            self._alone, self._unasked = 0, _UNASKED

    def _tell(self, failure: Exception | None) -> None:
        kept, self._kept = self._kept, []
        for one in kept:
            if one.done():
                # Nobody waits for it any more.
                continue
            if failure is None:
                one.set_result(None)
            else:
                one.set_exception(failure)

    async def finished(self) -> None:
        """Waits until nothing runs here any more."""
        if self._finishing is not None:
            await asyncio.wait([self._finishing])
