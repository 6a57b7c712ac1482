"""Transactions of this room: insisted on, and told to every worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from msgspec import Struct

from conductus.database.executor import Transaction
from conductus.database.insisting import insist
from conductus.projects.coherence import Change
from conductus.projects.project import Project

T = TypeVar("T")


class Outcome(Struct, Generic[T], frozen=True):
    """What a transaction came to."""

    value: T
    access_changed: bool = False
    """True when what workers remember of users may be wrong now."""


async def transact(project: Project, work: Callable[[Transaction], Awaitable[Outcome[T]]]) -> T:
    """Runs `work` in a transaction, again while the database gives it up for another's sake."""
    return await insist(lambda: _once(project, work))


async def _once(project: Project, work: Callable[[Transaction], Awaitable[Outcome[T]]]) -> T:
    count = None
    async with project.database.transaction() as transaction:
        outcome = await work(transaction)
        if outcome.access_changed:
            count = await project.count(transaction, Change.ACCESS)
    if count is not None:
        project.announce(Change.ACCESS, count)
    return outcome.value
