"""Predicates as SQL expressions.

A path over a relation becomes `key IN (SELECT …)`: some related item matches, and the
database may begin at whichever end is smaller.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause

from conductus.database.dialect import Dialect
from conductus.items.predicate import (
    ALWAYS,
    Combined,
    Constant,
    Exists,
    Keyed,
    Negated,
    Predicate,
    Test,
)
from conductus.query.item_query import Operator
from conductus.query.paths import Step, step
from conductus.schema.model import NUMBERS, Collection, Field, Kind, Schema

_NUMBER = sa.BigInteger()
_NATIVE_NUMBERS = NUMBERS - {Kind.DECIMAL_TEXT}
_TEXTS = frozenset({Kind.TEXT})


class Conditions:
    """Builds expressions against one schema on one dialect."""

    def __init__(self, schema: Schema, dialect: Dialect) -> None:
        self._schema = schema
        self._dialect = dialect

    def expression(
        self, predicate: Predicate, collection: Collection, table: FromClause
    ) -> ColumnElement[bool]:
        """What the rows of `table`, which holds the collection, must fulfil."""
        match predicate:
            case Constant(holds=holds):
                return sa.literal(1) == sa.literal(1 if holds else 0)
            case Combined(mode=mode, members=members):
                parts = [self.expression(each, collection, table) for each in members]
                return sa.and_(*parts) if mode == "all" else sa.or_(*parts)
            case Negated(member=Exists() as member):
                return sa.not_(self._tied(member, collection, table).exists())
            case Negated(member=member):
                holds_for = self.expression(member, collection, table)
                # Where it cannot be told, `NOT` could not tell either.
                return sa.case((holds_for, sa.literal(0)), else_=sa.literal(1)) == sa.literal(1)
            case Exists():
                return self._exists(predicate, collection, table)
            case Keyed():
                return self._keyed(predicate, table)
            case Test(path=path):
                reached = step(self._schema, collection, path[0])
                if len(path) > 1 and predicate.ruling:
                    return self._ruled(reached, table, predicate)
                if len(path) > 1:
                    return self._through(reached, table, predicate)
                if reached.to_many:
                    return self._on_list(predicate, reached, table)
                if reached.target is not None and predicate.operator in _CONTAINS:
                    return self._related_text(predicate, reached, table)
                return self._on_column(predicate, reached.field, table)

    def matches(self, test: Test, collection: Collection, table: FromClause) -> FromClause:
        """`table` joined to the keys of its rows that fulfil a condition on a to-many relation.

        The keys come first: the statement should keep the order (`driving`).
        """
        taken = step(self._schema, collection, test.path[0])
        other, near, far = self._ends(taken, table)
        condition = self._beyond(test, _target(taken), other)
        keys = (
            sa.select(far.label("key"))
            .select_from(other)
            .where(condition)
            .distinct()
            .subquery("matches")
        )
        return keys.join(table, near == keys.c.key)

    def _exists(
        self, predicate: Exists, collection: Collection, table: FromClause
    ) -> ColumnElement[bool]:
        """Some item of the list is so."""
        if self._dialect.joins_exists:
            return self._tied(predicate, collection, table).exists()
        other, near, far = self._ends(step(self._schema, collection, predicate.field), table)
        target = _target(step(self._schema, collection, predicate.field))
        condition = self.expression(predicate.inner, target, other)
        return near.in_(sa.select(far).select_from(other).where(condition))

    def _tied(self, predicate: Exists, collection: Collection, table: FromClause) -> sa.Select[Any]:
        """Those items of one row's list that are so."""
        taken = step(self._schema, collection, predicate.field)
        other, near, far = self._ends(taken, table)
        condition = self.expression(predicate.inner, _target(taken), other)
        one: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(other)
        return one.where(far == near, condition)

    def _through(self, taken: Step, table: FromClause, test: Test) -> ColumnElement[bool]:
        """Some item on the other side of the path's first relation fulfils the rest."""
        other, near, far = self._ends(taken, table)
        condition = self._beyond(test, _target(taken), other)
        held = sa.select(far).select_from(other).where(condition)
        return self._dialect.among_few(near, held) if test.few else near.in_(held)

    def _ruled(self, taken: Step, table: FromClause, test: Test) -> ColumnElement[bool]:
        """What a row rule asks of the items on the other side."""
        asked = self._looked_up if self._dialect.looks_up_rules else self._through
        return asked(taken, table, test)

    def _looked_up(self, taken: Step, table: FromClause, test: Test) -> ColumnElement[bool]:
        """The same of a many-to-one relation, asked of each row for itself.

        MySQL and MariaDB would begin with the items on the other side, read every row of the
        table for them and sort what they find; of a rule most rows are let through.
        """
        other, near, far = self._ends(taken, table)
        condition = self._beyond(test, _target(taken), other)
        return sa.select(condition).select_from(other).where(far == near).scalar_subquery()

    def _beyond(self, test: Test, target: Collection, other: FromClause) -> ColumnElement[bool]:
        """What a test asks of the items on the other side of its path's first relation."""
        inner = structs.replace(test, path=test.path[1:], guards=test.guards[1:])
        condition = self.expression(inner, target, other)
        return sa.and_(condition, *self._guard(test, target, other))

    def _guard(
        self, test: Test, target: Collection, other: FromClause
    ) -> list[ColumnElement[bool]]:
        """What may be seen of the items on the other side."""
        return [
            self.expression(guard, target, other) for guard in test.guards[:1] if guard != ALWAYS
        ]

    def _keyed(self, predicate: Keyed, table: FromClause) -> ColumnElement[bool]:
        target = self._schema.collections[predicate.collection]
        other = self._dialect.table(target).alias()
        key = target.fields[target.primary_key[0]]
        inner = self.expression(predicate.inner, target, other)
        text = self._dialect.text(other.c[key.name], key.kind)
        stated = table.c[predicate.field]
        sought = self._dialect.key_in_text(stated, key.kind)
        if sought is None:
            return stated.in_(sa.select(text).select_from(other).where(inner))
        # By the index of the key. The texts are compared besides: `01` and `1x` are no keys.
        there = sa.select(sa.and_(text == stated, inner)).select_from(other)
        return there.where(other.c[key.name] == sought).scalar_subquery()

    def _ends(
        self, taken: Step, table: FromClause
    ) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
        """The other table, the near column and the far column that tie them together."""
        target = _target(taken)
        other = self._dialect.table(target).alias()
        relation = taken.relation
        if taken.to_many and relation is not None:
            one = self._schema.collections[relation.collection_one]
            near, far = one.fields[one.primary_key[0]], target.fields[relation.field_many]
        else:
            near, far = taken.field, target.fields[target.primary_key[0]]
        ends = self._dialect.matched(table.c[near.name], near.kind, other.c[far.name], far.kind)
        return other, *ends

    def _on_list(self, test: Test, taken: Step, table: FromClause) -> ColumnElement[bool]:
        other, near, far = self._ends(taken, table)
        target = _target(taken)
        guard = self._guard(test, target, other)
        tied: sa.Select[Any] = (
            sa.select(sa.literal_column("1")).select_from(other).where(far == near, *guard)
        )
        count = sa.select(sa.func.count()).select_from(other).where(far == near, *guard)
        match test.operator:
            case Operator.EMPTY:
                return ~tied.exists()
            case Operator.NEMPTY:
                return tied.exists()
            case Operator.HAS:
                return count.scalar_subquery() >= self._slot(test.slot, Kind.INTEGER)
            case Operator.NHAS:
                return count.scalar_subquery() < self._slot(test.slot, Kind.INTEGER)
            case Operator.CONTAINS | Operator.NCONTAINS | Operator.RLIKE | Operator.NRLIKE:
                return self._related_text(test, taken, table)
        key = target.fields[target.primary_key[0]]
        listed = self._dialect.among(other.c[key.name], test.slot, key.kind)
        if test.operator is Operator.ALL:
            wanted = self._slot(f"{test.slot}_count", Kind.INTEGER)
            return count.where(listed).scalar_subquery() == wanted
        held = sa.select(far).select_from(other).where(listed, far.is_not(None), *guard)
        some = near.in_(held)
        return sa.not_(some) if test.operator is Operator.NIN else some

    def _related_text(self, test: Test, taken: Step, table: FromClause) -> ColumnElement[bool]:
        """The text stands in one of the related item's text or number columns."""
        other, near, far = self._ends(taken, table)
        target = _target(taken)
        found = [
            self._text_column(test, other.c[name], target.fields[name].kind)
            if shown == ALWAYS
            else sa.and_(
                self._text_column(test, other.c[name], target.fields[name].kind),
                self.expression(shown, target, other),
            )
            for name, shown in test.columns
        ]
        guard = self._guard(test, target, other)
        held = sa.select(far).select_from(other).where(sa.or_(*found), far.is_not(None), *guard)
        some = near.in_(held)
        if test.operator in (Operator.NCONTAINS, Operator.NRLIKE):
            return sa.and_(sa.not_(some), near.is_not(None))
        return some

    def _text_column(
        self, test: Test, column: ColumnElement[Any], kind: Kind
    ) -> ColumnElement[bool]:
        return self._dialect.like(
            self._dialect.text(column, kind),
            self._slot(test.slot, Kind.TEXT),
            ascii=test.ascii,
            negate=False,
        )

    def _on_column(self, test: Test, field: Field, table: FromClause) -> ColumnElement[bool]:
        column = table.c[field.name]
        kind = field.kind
        match test.operator:
            case Operator.NULL:
                return column.is_(None)
            case Operator.NNULL:
                return column.is_not(None)
            case Operator.EMPTY:
                return self._empty(column, kind)
            case Operator.NEMPTY:
                return sa.not_(self._empty(column, kind))
            case Operator.IN:
                return self._among(test, column, kind)
            case Operator.NIN:
                return sa.not_(self._among(test, column, kind))
            case Operator.CONTAINS | Operator.RLIKE | Operator.NCONTAINS | Operator.NRLIKE:
                return self._dialect.like(
                    self._dialect.text(column, kind),
                    self._slot(test.slot, Kind.TEXT),
                    ascii=test.ascii,
                    negate=test.operator in (Operator.NCONTAINS, Operator.NRLIKE),
                )
            case Operator.SAME:
                return self._dialect.same(self._value(column, kind), self._slot(test.slot, kind))
            case Operator.ALIKE:
                value, asked = self._value(column, kind), self._slot(test.slot, kind)
                return self._dialect.alike(value, asked, ascii=test.ascii)
        if kind is Kind.JSON and test.operator not in (Operator.EQ, Operator.NEQ):
            return self._ordered(test, self._dialect.text(column, kind), Kind.TEXT)
        return self._ordered(test, self._value(column, kind), kind)

    def _among(self, test: Test, column: ColumnElement[Any], kind: Kind) -> ColumnElement[bool]:
        return self._dialect.among(self._value(column, kind), test.slot, kind)

    def _ordered(self, test: Test, value: ColumnElement[Any], kind: Kind) -> ColumnElement[bool]:
        value = self._dialect.comparable(value, kind)

        def operand(slot: str) -> ColumnElement[Any]:
            return self._dialect.comparable(self._slot(slot, kind), kind)

        match test.operator:
            case Operator.EQ:
                return value == operand(test.slot)
            case Operator.NEQ:
                return value != operand(test.slot)
            case Operator.LT:
                return value < operand(test.slot)
            case Operator.LTE:
                return value <= operand(test.slot)
            case Operator.GT:
                return value > operand(test.slot)
            case Operator.GTE:
                return value >= operand(test.slot)
        inside = sa.and_(
            value >= operand(f"{test.slot}_low"), value <= operand(f"{test.slot}_high")
        )
        return inside if test.operator is Operator.BETWEEN else sa.not_(inside)

    def _value(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if kind is Kind.OPAQUE:
            return self._dialect.readable(column, kind)
        if kind is Kind.BINARY:
            return self._dialect.binary(column)
        return self._dialect.document(column) if kind is Kind.JSON else column

    def _empty(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[bool]:
        missing = column.is_(None)
        if kind in _TEXTS:
            return sa.or_(missing, column == "")
        if kind in _NATIVE_NUMBERS:
            return sa.or_(missing, column == 0)
        if kind is Kind.DECIMAL_TEXT:
            zero = self._dialect.comparable(sa.literal("0"), kind)
            return sa.or_(missing, self._dialect.comparable(column, kind) == zero)
        if kind is Kind.BOOLEAN:
            return sa.or_(missing, sa.not_(sa.type_coerce(column, sa.Boolean())))
        return missing

    def _slot(self, name: str, kind: Kind) -> ColumnElement[Any]:
        return sa.bindparam(name, type_=self._dialect.type(kind))


class Everywhere(Conditions):
    """Conditions that are asked of every row of a table, as in a count of all of it."""

    def _ruled(self, taken: Step, table: FromClause, test: Test) -> ColumnElement[bool]:
        if not (test.handful and self._dialect.looks_up_rules):
            return super()._ruled(taken, table, test)
        other, near, far = self._ends(taken, table)
        held = sa.select(far).select_from(other).where(self._beyond(test, _target(taken), other))
        # A row is compared with each of them before it is looked for among all: that takes a
        # fraction of the time. How many they are by now does not matter.
        each = [
            held.limit(sa.literal_column("1")).offset(sa.literal_column(str(place)))
            for place in range(test.handful)
        ]
        return sa.or_(*(near == one.scalar_subquery() for one in each), near.in_(held))


_CONTAINS = frozenset({Operator.CONTAINS, Operator.NCONTAINS, Operator.RLIKE, Operator.NRLIKE})


def _target(taken: Step) -> Collection:
    if taken.target is None:
        raise LookupError(f"{taken.field.name} is no relation")
    return taken.target
