"""A filter made ready for SQL: values converted and set apart from the structure.

`Predicate` says which columns are compared how, and names a slot for every value; it is
hashable and part of a statement's shape, so one compiled text serves every value. The
values travel beside it in a dict, already as the driver takes them. Source: items page
§3.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from conductus.database.dialect import Dialect
from conductus.errors import Unprocessable
from conductus.items.searching import numberlike
from conductus.query.item_query import Compare, Filter, Group, Operator
from conductus.query.paths import Step, walk
from conductus.schema.model import Collection, Field, Schema
from conductus.schema.types import field_type
from conductus.schema.types.field_type import NO_MATCH, NoMatch


class Test(Struct, frozen=True):
    """One comparison. `slot` names its value, `slot` with `_low` and `_high` a range."""

    path: tuple[str, ...]
    operator: Operator
    slot: str = ""
    ascii: bool = True
    """For text patterns: only ASCII letters in it."""
    numeric: bool = True
    """For a search in all columns of a related item: whether a number could match."""


class Constant(Struct, frozen=True):
    """Holds for every row, or for none."""

    holds: bool


class Combined(Struct, frozen=True):
    """All of the members, or any of them."""

    mode: Literal["all", "any"]
    members: tuple[Predicate, ...]


Predicate = Test | Constant | Combined
ALWAYS = Constant(True)
NEVER = Constant(False)

_RANGES = (Operator.BETWEEN, Operator.NBETWEEN)
_LISTS = (Operator.IN, Operator.NIN)
_VALUELESS = (Operator.NULL, Operator.NNULL, Operator.EMPTY, Operator.NEMPTY)
_NEGATIVE = (Operator.NEQ, Operator.NIN, Operator.NBETWEEN)
_PATTERNS = {
    Operator.CONTAINS: True,
    Operator.NCONTAINS: True,
    Operator.RLIKE: False,
    Operator.NRLIKE: False,
}
"""Operators on text patterns; True where wildcards are meant literally."""


class Resolver:
    """Turns filters on one collection into predicates, collecting the values."""

    def __init__(self, schema: Schema, dialect: Dialect, now: datetime) -> None:
        self._schema = schema
        self._dialect = dialect
        self._now = now
        self.values: dict[str, Any] = {}
        self.timed = False
        """True when a value hangs on `now`."""

    def resolve(self, filter: Filter, collection: Collection) -> Predicate:
        """The predicate of a filter. Raises the errors of `query.paths.walk`."""
        match filter:
            case Compare():
                return self._leaf(filter, walk(self._schema, collection, filter.path))
            case Group(mode=mode, members=members):
                return combine(mode, [self.resolve(each, collection) for each in members])

    def slot(self, value: Any) -> str:
        """A new slot holding a driver value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return name

    def keys(self, field: Field, keys: Iterable[Any]) -> list[Any]:
        """Driver values of those texts or numbers that the field could hold."""
        found = (self._operand(key, field) for key in keys)
        return [value for value in found if not isinstance(value, NoMatch)]

    def among(self, field: Field, wanted: Iterable[Any]) -> Predicate:
        """The field holds one of the values."""
        values = self.keys(field, wanted)
        if not values:
            return NEVER
        slot = self.slot(self._dialect.list_binder(field.kind)(values))
        return Test((field.name,), Operator.IN, slot)

    def _leaf(self, leaf: Compare, steps: Sequence[Step]) -> Predicate:
        last = steps[-1]
        if leaf.operator in _PATTERNS:
            return self._pattern(leaf)
        if last.to_many:
            return self._on_list(leaf, last)
        if last.field.column is None:
            raise Unprocessable(f"{'.'.join(leaf.path)}: this field holds no value to filter by")
        if leaf.operator in _VALUELESS:
            return Test(leaf.path, leaf.operator)
        if leaf.operator in _LISTS:
            return self._membership(leaf, last.field)
        if leaf.operator in _RANGES:
            return self._range(leaf, last.field)
        if leaf.operator in (Operator.ALL, Operator.HAS, Operator.NHAS):
            raise Unprocessable(f"{leaf.operator.value} works on one-to-many fields only")
        value = self._operand(leaf.value, last.field)
        if isinstance(value, NoMatch):
            return _unmatched(leaf)
        return Test(leaf.path, leaf.operator, self.slot(value))

    def _pattern(self, leaf: Compare) -> Predicate:
        text = "" if leaf.value is None else str(leaf.value)
        literal = _PATTERNS[leaf.operator]
        if literal and not text:
            return ALWAYS
        pattern = f"%{escaped(text)}%" if literal else text
        numeric = not literal or numberlike(text)
        return Test(leaf.path, leaf.operator, self.slot(pattern), text.isascii(), numeric)

    def _membership(self, leaf: Compare, field: Field) -> Predicate:
        wanted = tuple(leaf.value or ())
        if not wanted:
            return ALWAYS if leaf.operator is Operator.NIN else NEVER
        values = self.keys(field, wanted)
        if not values:
            return _unmatched(leaf)
        listed = self._dialect.list_binder(field.kind)(values)
        return Test(leaf.path, leaf.operator, self.slot(listed))

    def _range(self, leaf: Compare, field: Field) -> Predicate:
        ends = [self._operand(end, field) for end in leaf.value]
        if any(isinstance(end, NoMatch) for end in ends):
            return _unmatched(leaf)
        slot = f"p{len(self.values)}"
        self.values[f"{slot}_low"], self.values[f"{slot}_high"] = ends
        return Test(leaf.path, leaf.operator, slot)

    def _on_list(self, leaf: Compare, step: Step) -> Predicate:
        """Operators on a one-to-many field: about the related items' keys or number."""
        match leaf.operator:
            case Operator.NULL | Operator.EMPTY:
                return Test(leaf.path, Operator.EMPTY)
            case Operator.NNULL | Operator.NEMPTY:
                return Test(leaf.path, Operator.NEMPTY)
            case Operator.HAS | Operator.NHAS:
                return self._count(leaf)
            case Operator.EQ | Operator.IN | Operator.ALL | Operator.NEQ | Operator.NIN:
                return self._listed(leaf, step)
            case _:
                raise Unprocessable(
                    f"{leaf.operator.value} does not work on the one-to-many field "
                    f"{'.'.join(leaf.path)}"
                )

    def _count(self, leaf: Compare) -> Predicate:
        try:
            number = int(str(leaf.value))
        except ValueError:
            raise Unprocessable(f"{leaf.operator.value} takes a number") from None
        return Test(leaf.path, leaf.operator, self.slot(number))

    def _listed(self, leaf: Compare, step: Step) -> Predicate:
        wanted = leaf.value if isinstance(leaf.value, tuple | list) else (leaf.value,)
        target = step.target
        if target is None or len(target.primary_key) != 1:
            raise Unprocessable(f"{'.'.join(leaf.path)}: the related items have no single key")
        key = target.field(target.primary_key[0])
        values = list(dict.fromkeys(self.keys(key, wanted)))
        negative = leaf.operator in (Operator.NEQ, Operator.NIN)
        if not values or (leaf.operator is Operator.ALL and len(values) < len(set(wanted))):
            return ALWAYS if negative else NEVER
        slot = f"p{len(self.values)}"
        self.values[slot] = self._dialect.list_binder(key.kind)(values)
        if leaf.operator is Operator.ALL:
            self.values[f"{slot}_count"] = len(values)
            return Test(leaf.path, Operator.ALL, slot)
        return Test(leaf.path, Operator.NIN if negative else Operator.IN, slot)

    def _operand(self, value: Any, field: Field) -> Any:
        # `now`, `now(-7 days)`
        self.timed = self.timed or (isinstance(value, str) and value.startswith("now"))
        plain = field_type(field.type).operand(value, field, self._now)
        if isinstance(plain, NoMatch) or plain is None:
            return NO_MATCH
        bind = self._dialect.binder(field.kind)
        if bind is None:
            return plain
        try:
            return bind(plain)
        except (ValueError, TypeError):
            return NO_MATCH


def combine(mode: Literal["all", "any"], members: Iterable[Predicate]) -> Predicate:
    """The members joined, constants folded."""
    decisive = NEVER if mode == "all" else ALWAYS
    kept: list[Predicate] = []
    for member in members:
        if member == decisive:
            return decisive
        if not isinstance(member, Constant):
            kept.append(member)
    if not kept:
        return ALWAYS if mode == "all" else NEVER
    return kept[0] if len(kept) == 1 else Combined(mode, tuple(kept))


def escaped(text: str) -> str:
    """The text with LIKE's wildcards meant literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _unmatched(leaf: Compare) -> Predicate:
    """A value that nothing can equal: no row, or for negations every row with a value."""
    return Test(leaf.path, Operator.NNULL) if leaf.operator in _NEGATIVE else NEVER
