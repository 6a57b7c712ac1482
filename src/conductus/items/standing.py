"""Judges the rows of a change tree, once they are known and before they are changed.

Whose owners decide by their role is worked out first, so that one statement tells the
roles of all of them. Who may everything costs nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from conductus.database.executor import Transaction
from conductus.errors import ApiError
from conductus.items.context import Context
from conductus.items.records import Record, Records
from conductus.items.steps import Step
from conductus.permissions.writing import (
    Wish,
    deciding_owner,
    judge_row,
    judge_tie_of_new,
)

_USERS: Final = "directus_users"
Standing = tuple[Step, Wish, Record, frozenset[str]]
"""A step that changes a row: what is wanted, the row as it was, fields that a tie moves."""


async def judge_rows(
    transaction: Transaction, records: Records, context: Context, standings: Sequence[Standing]
) -> None:
    """Raises what the first row is refused with."""
    actor, policy = context.actor, context.policy
    owners = [deciding_owner(actor, policy, wish, row) for _, wish, row, _ in standings]
    roles = await _roles(transaction, records, context, {key for key in owners if key is not None})
    for (step, wish, row, tied), owner in zip(standings, owners, strict=True):
        try:
            judge_row(actor, policy, wish, row, None if owner is None else roles.get(owner), tied)
        except ApiError as error:
            raise error.at(step.index) from error.__cause__


def judge_ties(context: Context, steps: Sequence[Step]) -> None:
    """Raises what the first new item is refused with that hangs on somebody's list."""
    for step in steps:
        parent, relation = step.parent, step.relation
        if not step.tied or step.before is not None or parent is None or relation is None:
            continue
        (key,) = parent.key or (None,)
        try:
            judge_tie_of_new(context.actor, step.collection, relation.field_many, key)
        except ApiError as error:
            raise error.at(step.index) from error.__cause__


async def _roles(
    transaction: Transaction, records: Records, context: Context, users: set[int]
) -> dict[int, int | None]:
    """User → role, of those users that exist."""
    if not users:
        return {}
    collection = context.schema.collection(_USERS)
    found = await records.read(transaction, collection, [(user,) for user in sorted(users)])
    return {key[0]: user.record["role"] for key, user in found.items()}
