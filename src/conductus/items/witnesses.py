"""Who is told of every write, in its transaction and after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from conductus.database.executor import Transaction
from conductus.items.context import Context
from conductus.items.steps import Step
from conductus.items.written import Written

Afterwards = Sequence[Callable[[], None]]
"""What is done once a transaction is there for all to see. Of several that are equal one."""


class Bookkeeping(Protocol):
    """Is told of every write, so that what is kept of the collections can be renewed."""

    async def before_commit(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """In the transaction, with the steps that did something."""
        ...


class Events(Protocol):
    """Keeps what is to be told of a write to those who wait for it."""

    async def record(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """In the transaction, with every step."""
        ...


class Companion(Protocol):
    """Does its own part in the transaction of one write."""

    async def before(self, transaction: Transaction) -> None:
        """Before anything is read to be changed; raises what speaks against the write."""
        ...

    async def after(self, transaction: Transaction, written: Sequence[Written]) -> None:
        """When everything is written, in the order of what was wished."""
        ...
