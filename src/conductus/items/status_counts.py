"""Statuses that are told apart one by one, where that is faster than to group by them.

A group is found by sorting, by a table made for the purpose or by a hash; that takes longer
than to compare a text with a few others. Where a rule goes by statuses, what it asks of each
is asked in the same comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Dialect, Statement
from conductus.items.conditions import Everywhere
from conductus.items.plan import Planner
from conductus.items.predicate import ALWAYS, Predicate, Resolver, Test, combine
from conductus.permissions.scope import shown_statuses
from conductus.query.item_query import ALL, Filter, Operator, Statuses
from conductus.schema.model import Collection, Kind, Schema

_MOST: Final = 8
"""Of more statuses each row would be compared with too many."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Apart(Struct, frozen=True):
    """The statuses that are told apart, and what their rows fulfil."""

    statuses: tuple[str, ...]
    conditions: tuple[Predicate, ...]
    where: Predicate
    """What rows in any of them fulfil."""
    open: bool
    """There may be rows in other statuses, too."""
    summed: tuple[str, ...] | None
    """The statuses whose rows make up the total; None for all."""

    def numbers(self, row: Sequence[int]) -> dict[str, int] | None:
        """How many rows there are in each status; None when some are in another one."""
        found = dict(zip(self.statuses, row, strict=False))
        return None if self.open and sum(found.values()) != row[-1] else found

    def total(self, numbers: Mapping[str, int]) -> int:
        """How many rows make up the total."""
        counted = numbers if self.summed is None else self.summed
        return sum(numbers.get(status, 0) for status in counted)


def apart(
    planner: Planner,
    resolver: Resolver,
    collection: Collection,
    wanted: Statuses,
    visible: Callable[[], Predicate],
) -> Apart | None:
    """How the statuses of a collection are told apart; None where they are to be grouped.

    `visible` says what rows of any status fulfil to be counted.
    """
    rules = planner.sight.by_status(collection)
    declared = tuple(str(status.value) for status in collection.statuses)
    statuses = declared if rules is None else tuple(rules)
    field = collection.fields.get(collection.status_field or "")
    if field is None or field.kind is not Kind.TEXT or not plainly_different(statuses):
        return None
    tests = [Test((field.name,), Operator.EQ, resolver.slot(status)) for status in statuses]
    summed = shown_statuses(collection, wanted)
    if rules is None:
        # With a rule, one by one takes a tenth less on PostgreSQL, too.
        if planner.dialect.groups_cheaply and planner.sight.unbounded:
            return None
        return Apart(statuses, tuple(tests), visible(), open=True, summed=summed)
    if not _reads_all(rules, planner, collection):
        return Apart(statuses, tuple(tests), visible(), open=False, summed=summed)
    conditions = (
        combine("all", [test, resolver.rule(rules[status], collection)])
        for status, test in zip(statuses, tests, strict=True)
    )
    return Apart(statuses, tuple(conditions), ALWAYS, open=False, summed=summed)


def apart_statement(
    found: Apart | None, name: str, schema: Schema, dialect: Dialect
) -> Statement | None:
    """One row: a number for each status, and of all where there may be others."""
    collection = schema.collections[name]
    field = collection.status_field
    if found is None or field is None:
        return None
    conditions = Everywhere(schema, dialect)
    table = dialect.table(collection).alias("t0")
    counts: list[sa.ColumnElement[Any]] = []
    for place, condition in enumerate(found.conditions):
        holds = conditions.expression(condition, collection, table)
        counts.append(dialect.count_where(holds).label(f"n{place}"))
    if found.open:
        counts.append(sa.func.count(table.c[field]).label("all"))
    counted = sa.select(*counts).select_from(table)
    if found.where != ALWAYS:
        counted = counted.where(conditions.expression(found.where, collection, table))
    return dialect.compile(counted)


def plainly_different(statuses: Sequence[str]) -> bool:
    """Whether there are a few, and no collation takes one for another."""
    letters = {re.sub("[_-]", "", status).lower() for status in statuses}
    plain = all(_PLAIN.fullmatch(status) for status in statuses)
    return plain and 0 < len(letters) == len(statuses) <= _MOST


def _reads_all(rules: Mapping[str, Filter], planner: Planner, collection: Collection) -> bool:
    """Whether rules make for reading the whole table, so that no index could spare it.

    Then they are asked of the rows of their status alone. What is asked in a count is not
    joined, though: that has to be cheap for each row.
    """
    policy = planner.sight.policy
    cheap = policy.handful > 0 if planner.dialect.looks_up_rules else policy.few
    shown = shown_statuses(collection, None) or ()
    return cheap and ALL in rules.values() and all(status in rules for status in shown)
