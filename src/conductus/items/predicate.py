"""A filter made ready for SQL: values converted and set apart from the structure.

`Predicate` says which columns are compared how, and names a slot for every value; it is
hashable and part of a statement's shape, so one compiled text serves every value. The
values travel beside it in a dict, already as the driver takes them. Source: items page
§3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, structs

from conductus.database.dialect import Dialect
from conductus.errors import Unprocessable
from conductus.items.searching import escaped, finished, numberlike, searchable
from conductus.permissions.reading import unsearched
from conductus.permissions.scope import Sight
from conductus.query.item_query import (
    ALL,
    ALL_STATUSES,
    ME,
    Compare,
    Filter,
    Group,
    Held,
    Not,
    Operator,
    Some,
    Statuses,
    every,
    one_by_one,
)
from conductus.query.paths import Step, step, walk
from conductus.schema.letters import lacks
from conductus.schema.model import Collection, Field, Kind
from conductus.schema.types import field_type
from conductus.schema.types.field_type import NO_MATCH, NoMatch


class Test(Struct, frozen=True):
    """One comparison. `slot` names its value, `slot` with `_low` and `_high` a range."""

    path: tuple[str, ...]
    operator: Operator
    slot: str = ""
    ascii: bool = True
    """For text: only ASCII letters in it."""
    columns: tuple[tuple[str, Predicate], ...] = ()
    """For a search in the related items: the columns to look in, each with what the item
    must fulfil for it to be seen."""
    guards: tuple[Predicate, ...] = ()
    """What the items on the other side must fulfil, one for each relation that is followed;
    none at all where nothing is asked of them."""
    ruling: bool = False
    """It is part of a row rule: it lets rows through, and hardly ever picks out a few."""
    few: bool = False
    """Few items on the other side of the relation that is followed first fulfil it."""
    handful: int = 0
    """How many they are, where that is known to be a handful; it may be wrong."""


class Constant(Struct, frozen=True):
    """Holds for every row, or for none."""

    holds: bool


class Keyed(Struct, frozen=True):
    """The field holds, as text, the key of an item of the collection that fulfils `inner`."""

    field: str
    collection: str
    inner: Predicate


class Exists(Struct, frozen=True):
    """Some item that the one-to-many field lists fulfils `inner`."""

    field: str
    inner: Predicate


class Negated(Struct, frozen=True):
    """The member does not hold, also where SQL cannot tell."""

    member: Predicate


class Combined(Struct, frozen=True):
    """All of the members, or any of them."""

    mode: Literal["all", "any"]
    members: tuple[Predicate, ...]


Predicate = Test | Constant | Combined | Negated | Exists | Keyed
ALWAYS = Constant(True)
NEVER = Constant(False)

Guard = Callable[[Test, Sequence[Step]], Predicate]
OWN_SLOTS: Mapping[Kind, str] = {Kind.INTEGER: "me", Kind.TEXT: "me_text"}
"""The slots of the asker's id, by the kind of the column that it is compared with."""

_RANGES = (Operator.BETWEEN, Operator.NBETWEEN)
_LISTS = (Operator.IN, Operator.NIN)
_VALUELESS = (Operator.NULL, Operator.NNULL, Operator.EMPTY, Operator.NEMPTY)
_NEGATIVE = (
    *(Operator.NEQ, Operator.NIN, Operator.NBETWEEN),
    *(Operator.NCONTAINS, Operator.NRLIKE),
)
_PATTERNS = {
    Operator.CONTAINS: True,
    Operator.NCONTAINS: True,
    Operator.RLIKE: False,
    Operator.NRLIKE: False,
}
"""Operators on text patterns; True where wildcards are meant literally."""


class Resolver:
    """Turns filters on one collection into predicates, collecting the values."""

    def __init__(self, sight: Sight, dialect: Dialect, now: datetime) -> None:
        self._sight = sight
        self._schema = sight.schema
        self._dialect = dialect
        self._now = now
        self.values: dict[str, Any] = {}
        self.timed = False
        """True when a value hangs on `now`."""

    def resolve(self, filter: Filter, collection: Collection) -> Predicate:
        """The predicate of a client's filter, which tells of nothing that is kept back.

        Raises the errors of `query.paths.walk`.
        """
        return self._resolve(filter, collection, self._guarded)

    def shown(
        self, collection: Collection, wanted: Statuses = None, asked: Filter = ALL
    ) -> Predicate:
        """The rows of a collection that may be seen in the wanted statuses."""
        return self.rule(self._sight.rows(collection, wanted, asked), collection)

    def rule(self, filter: Filter, collection: Collection) -> Predicate:
        """The predicate of a row rule: what it looks at may be kept back from the asker."""
        spelled = one_by_one(filter, self._dialect.spelled_out)
        return self._resolve(spelled, collection, self._ruling)

    def searched(self, name: str, slot: str, word: str, collection: Collection) -> Predicate:
        """The word stands in the field, or in a text of the items that it relates to."""
        taken = step(self._schema, collection, name)
        columns = self._columns(taken, word, numeric=numberlike(word))
        if taken.target is not None and not columns:
            return NEVER
        test = Test((name,), Operator.CONTAINS, slot, word.isascii(), columns)
        shown = self.rule(self._sight.showing(collection, name), collection)
        return combine("all", [self._guarded(test, (taken,)), shown])

    def _resolve(self, filter: Filter, collection: Collection, guarded: Guard) -> Predicate:
        match filter:
            case Compare():
                taken = walk(self._schema, collection, filter.path)
                found = self._leaf(filter, taken)
                return guarded(found, taken) if isinstance(found, Test) else found
            case Group(mode=mode, members=members):
                return combine(mode, [self._resolve(each, collection, guarded) for each in members])
            case Not(filter=inner):
                return negated(self._resolve(inner, collection, guarded))
            case Some(field=field, filter=inner):
                return self._exists(step(self._schema, collection, field), inner, guarded)
            case Held(field=field, collection=name, filter=inner):
                target = self._schema.collections[name]
                return Keyed(field, name, self._resolve(inner, target, guarded))

    def _exists(self, taken: Step, inner: Filter, guarded: Guard) -> Predicate:
        if taken.target is None:
            raise LookupError(f"{taken.field.name} is no relation")
        shown = [] if self._sight.unbounded else [self._sight.rows(taken.target, ALL_STATUSES)]
        held = [self._resolve(inner, taken.target, guarded)]
        held += [self.rule(rule, taken.target) for rule in shown]
        found = combine("all", held)
        return found if found == NEVER else Exists(taken.field.name, found)

    def _guarded(self, test: Test, taken: Sequence[Step]) -> Predicate:
        """The test on items that may be seen alone, wherever it enters a collection."""
        if self._sight.unbounded:
            return test
        guards: list[Predicate] = []
        for place, one in enumerate(taken):
            last = place + 1 == len(taken)
            if one.target is None or (last and not one.to_many and not test.columns):
                break
            shown = self._sight.rows(one.target, ALL_STATUSES)
            if not last:
                name = taken[place + 1].field.name
                shown = every(shown, self._sight.showing(one.target, name))
            guards.append(self.rule(shown, one.target))
        if all(guard == ALWAYS for guard in guards):
            return test
        return structs.replace(test, guards=tuple(guards))

    def _ruling(self, test: Test, taken: Sequence[Step]) -> Predicate:
        """The test of a row rule; if it follows a relation, then to users of the role."""
        if len(taken) == 1:
            return test
        policy = self._sight.policy
        return structs.replace(test, ruling=True, few=policy.few, handful=policy.handful)

    def _columns(
        self, taken: Step, text: str, *, numeric: bool
    ) -> tuple[tuple[str, Predicate], ...]:
        """Where the related items may be searched."""
        target = taken.target
        if target is None:
            return ()
        but = unsearched(self._sight, target)
        return tuple(
            (name, self.rule(self._sight.showing(target, name), target))
            for name in searchable(target, text, numeric=numeric, but=but)
        )

    def slot(self, value: Any) -> str:
        """A new slot holding a driver value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return name

    def keys(self, field: Field, keys: Iterable[Any]) -> list[Any]:
        """Driver values of those texts or numbers that the field could hold."""
        found = (self._operand(key, field) for key in keys)
        return [value for value in found if not isinstance(value, NoMatch)]

    def _leaf(self, leaf: Compare, steps: Sequence[Step]) -> Predicate:
        last = steps[-1]
        if leaf.value is ME:
            return _own(leaf, last.field)
        if leaf.operator in _PATTERNS:
            return self._pattern(leaf, last)
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
        ascii = not isinstance(value, str) or value.isascii()
        return Test(leaf.path, leaf.operator, self.slot(value), ascii)

    def _pattern(self, leaf: Compare, last: Step) -> Predicate:
        text = "" if leaf.value is None else str(leaf.value)
        literal = _PATTERNS[leaf.operator]
        if literal and not text:
            return ALWAYS
        pattern = f"%{escaped(text)}%" if literal else finished(text)
        if last.field.type == "binary":
            raise Unprocessable(f"{'.'.join(leaf.path)}: this field holds bytes, and no text")
        columns = self._columns(last, text, numeric=not literal or numberlike(text))
        if last.target is None and lacks(last.field.column, text):
            return _unmatched(leaf)
        if last.target is not None and not columns:
            return Constant(leaf.operator in _NEGATIVE) if last.to_many else _unmatched(leaf)
        return Test(leaf.path, leaf.operator, self.slot(pattern), text.isascii(), columns)

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
        if isinstance(plain, NoMatch) or plain is None or lacks(field.column, plain):
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


def negated(member: Predicate) -> Predicate:
    """The opposite."""
    match member:
        case Constant(holds=holds):
            return Constant(not holds)
        case Negated(member=inner):
            return inner
        case _:
            return Negated(member)


def _own(leaf: Compare, field: Field) -> Predicate:
    """The field holds the asker's id, which is bound when the statement is run."""
    slot = OWN_SLOTS.get(field.kind)
    return NEVER if slot is None else Test(leaf.path, leaf.operator, slot)


def _unmatched(leaf: Compare) -> Predicate:
    """A value that nothing can equal: no row, or for negations every row with a value."""
    return Test(leaf.path, Operator.NNULL) if leaf.operator in _NEGATIVE else NEVER


def own_values(user: int) -> dict[str, Any]:
    """The values of the slots that stand for the asker."""
    return {"me": user, "me_text": str(user)}
