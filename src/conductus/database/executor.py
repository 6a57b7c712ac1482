"""The protocols every driver fulfils, and what they raise.

A statement is text in the driver's own parameter style with a sequence of driver values;
both come out of `Dialect.compile` and `Dialect.binder`, never from string formatting.

Errors: drivers translate their exceptions here and now. What a client caused becomes an
`ApiError` (`DuplicateValue`, `ValidationFailed` for a NULL in a NOT NULL column,
`Unprocessable` for a failed foreign key, check or unsuitable value), a lost or absent
server `DatabaseUnreachable`, a statement that could not be run `QueryFailed`; a
transaction given up for the sake of concurrency `TransactionConflict`, which is no
`ApiError`: whoever began the transaction runs it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from conductus.database.dialect import Dialect

Row = Sequence[Any]


class TransactionConflict(Exception):
    """Deadlock, serialization failure, certification failure: run the transaction again."""


class Executor(Protocol):
    """Runs compiled SQL on one driver."""

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows, in the order the statement gives them."""
        ...

    def stream(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Row]]]:
        """Rows in batches of up to `size`, read as they are asked for.

        Leaving the context early stops the statement in the database.
        """
        ...


class Transaction(Executor, Protocol):
    """An executor whose work is kept whole or not at all."""

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Runs a statement that returns no rows; answers how many rows it touched."""
        ...

    async def fetch_written(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows that a statement with RETURNING has written."""
        ...

    async def insert(self, sql: str, values: Sequence[Any], rows: int) -> list[Any]:
        """Runs an INSERT of `rows` rows; answers their generated keys in row order.

        The statement comes from `Dialect.insert`, which adds RETURNING where the server
        has it. For a table without a generated key the answer is empty.
        """
        ...


class Database(Executor, Protocol):
    """One project's database: a bounded pool of connections."""

    @property
    def dialect(self) -> Dialect:
        """The facts about this server."""
        ...

    def stream_beside(
        self, sql: str, values: Sequence[Any], size: int
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Row]] | None]:
        """`stream` for whoever reads another one already, and ends this one first.

        None where no connection is free: nobody waits for one while he holds another. None
        where `Dialect.walks_tables` says that it would be for nothing.
        """
        ...

    async def fetch_again(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """`fetch` of what it was asked before, with the same values.

        For the few statements that are asked all the time: where a driver has the server
        prepare no others, it has it prepare these, on each connection.
        """
        ...

    def transaction(self, *, brief: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """Commits when the block ends well, rolls back when it raises.

        A `brief` one waits for nothing but the database, and is run again by whoever began
        it when it is given up: SQLite may commit it along with others.
        Raises `TransactionConflict` from any statement or from the commit.
        """
        ...

    def schema_transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction for DDL under the project's schema lock, one at a time.

        PostgreSQL and SQLite keep DDL and metadata together or not at all; MySQL commits
        at each DDL statement. On SQLite foreign keys are off inside and checked before
        the commit. Runs off the event loop where the driver would block it.
        """
        ...

    async def hear(self, channel: str, heard: Callable[[str], None]) -> None:
        """Passes on each word that is said on a channel (`Dialect.notice`), until cancelled.

        On a connection of its own. An empty word comes first: what was said before it may
        have been missed. Ends at once where the server passes nothing on; raises
        `DatabaseUnreachable` when the connection is lost, `QueryFailed` where it cannot
        listen.
        """
        ...

    async def fingerprint(self) -> str:
        """Changes whenever a table, view or column of the database does. Cheap."""
        ...

    def connections(self) -> dict[str, int]:
        """How many connections are `busy` and `idle`, and how many wait (`waiting`) for one.

        Empty where there is no server to connect to.
        """
        ...

    async def ping(self) -> None:
        """Raises `DatabaseUnreachable` when the server does not answer."""
        ...

    async def close(self) -> None:
        """Closes every connection."""
        ...
