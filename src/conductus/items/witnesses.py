"""Who is told of every write, in its transaction and after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from conductus.database.executor import Transaction
from conductus.items.context import Context
from conductus.items.steps import Step
from conductus.items.written import Written


class Bookkeeping(Protocol):
    """Is told of every write, so that what is kept of the collections can be renewed."""

    async def before_commit(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Any:
        """In the transaction, with the steps that did something; the answer is kept …"""
        ...

    def after_commit(self, noted: Any) -> None:
        """… and handed over once the transaction is there for all to see."""
        ...


class Events(Protocol):
    """Keeps what is to be told of a write to those who wait for it."""

    async def record(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> None:
        """In the transaction, with every step."""
        ...

    def after_commit(self, steps: Sequence[Step]) -> None:
        """What was recorded of the steps is there for all to see."""
        ...


class Companion(Protocol):
    """Does its own part in the transaction of one write."""

    async def before(self, transaction: Transaction) -> None:
        """Before anything is read to be changed; raises what speaks against the write."""
        ...

    async def after(self, transaction: Transaction, written: Sequence[Written]) -> None:
        """When everything is written, in the order of what was wished."""
        ...
