"""`filter`: nested values of a query string, or JSON, → a `Filter`.

Both spellings are one language here: an object of field paths and of `_and`/`_or`, each
field with a value (`eq`), an object of operators, or a list of those. No condition is
dropped but those that the reference names. Source: items page §3.5 of the API reference.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal

import msgspec
from msgspec import Struct

from conductus.errors import (
    OperatorUnknown,
    ScalarExpected,
    Unprocessable,
    ValidationFailed,
)
from conductus.query.item_query import SPELLED, Compare, Filter, Group, Operator
from conductus.query.limits import Limits
from conductus.query.paths import Step, walk
from conductus.query.values import check_pattern, clean, find_members, find_whole, is_number
from conductus.schema.model import Collection, Schema

OPERATORS: dict[str, Operator] = {
    **{operator.value: operator for operator in SPELLED},
    **{f"_{operator.value}": operator for operator in SPELLED},
    "=": Operator.EQ,
    "!=": Operator.NEQ,
    "<>": Operator.NEQ,
    "<": Operator.LT,
    "<=": Operator.LTE,
    ">": Operator.GT,
    ">=": Operator.GTE,
    "like": Operator.CONTAINS,
    "nlike": Operator.NCONTAINS,
    "_like": Operator.CONTAINS,
    "_nlike": Operator.NCONTAINS,
}
"""Every spelling of an operator."""

_VALUELESS = frozenset({Operator.NULL, Operator.NNULL, Operator.EMPTY, Operator.NEMPTY})
_LISTS = frozenset({Operator.IN, Operator.NIN, Operator.ALL})
_PAIRS = frozenset({Operator.BETWEEN, Operator.NBETWEEN})
_COUNTS = frozenset({Operator.HAS, Operator.NHAS})
_PATTERNS = frozenset({Operator.CONTAINS, Operator.NCONTAINS, Operator.RLIKE, Operator.NRLIKE})
_TO_MANY_ONLY = _COUNTS | {Operator.ALL}
_TO_MANY: dict[Operator, Operator] = {
    **{
        operator: operator
        for operator in (
            *_TO_MANY_ONLY,
            *(Operator.EQ, Operator.NEQ, Operator.IN, Operator.NIN),
            *(Operator.EMPTY, Operator.NEMPTY, Operator.CONTAINS, Operator.NCONTAINS),
            *(Operator.RLIKE, Operator.NRLIKE),
        )
    },
    Operator.NULL: Operator.EMPTY,
    Operator.NNULL: Operator.NEMPTY,
}
"""What may be asked of a list of related items, and what it means there."""

_GROUPS: dict[str, Literal["all", "any"]] = {
    "_and": "all",
    "_or": "any",
    "and": "all",
    "or": "any",
}
_LOGICAL = frozenset({"logical", "_logical"})


class Budget:
    """What is left of the limits that all filters of one query share."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._conditions = limits.max_filters
        self._values = limits.max_values

    def take(self, values: int) -> None:
        """Counts a condition with that many values. Raises `Unprocessable` over a limit."""
        self._conditions -= 1
        self._values -= values
        if self._conditions < 0:
            raise Unprocessable(f"More than {self.limits.max_filters} conditions in `filter`")
        if self._values < 0:
            raise Unprocessable(f"More than {self.limits.max_values} values in `filter`")


def parse(value: Any, collection: Collection, schema: Schema, budget: Budget) -> Filter | None:
    """The filter; None when it holds no condition.

    Raises `FieldNotFound` (202/422) and `FieldPathNotFound` (202/404) for unknown names,
    `OperatorUnknown`, `Unprocessable` for what the field cannot be asked and over a
    limit, `ValidationFailed` and `ScalarExpected` for values that make no sense.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = _decoded(value)
    return _Parser(collection, schema, budget).object(value, 0)


def condition(
    path: tuple[str, ...],
    operator: Operator,
    value: Any,
    collection: Collection,
    schema: Schema,
    budget: Budget,
) -> Compare | None:
    """One condition, as another front end asks it. Raises as `parse`."""
    last = walk(schema, collection, path)[-1]
    return _Parser(collection, schema, budget).compare(path, last, operator, value)


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(clean("filter", text))
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ValidationFailed(
            {"filter": "Neither conditions in brackets nor a JSON object"}
        ) from None


class _Joined(Struct, frozen=True):
    """A condition and how it joins those before it."""

    condition: Filter
    with_or: bool


class _Parser:
    def __init__(self, collection: Collection, schema: Schema, budget: Budget) -> None:
        self._collection = collection
        self._schema = schema
        self._budget = budget

    def object(self, value: Any, depth: int) -> Filter | None:
        """An object of fields and groups."""
        if not isinstance(value, dict):
            raise ValidationFailed({"filter": "An object of fields and conditions is needed"})
        joined: list[_Joined] = []
        for name, asked in value.items():
            mode = _GROUPS.get(name)
            if mode is not None and (name[0] == "_" or name not in self._collection.fields):
                group = self._group(mode, asked, depth + 1)
                if group is not None:
                    joined.append(_Joined(group, False))
            else:
                joined.extend(self._field(name, asked))
        return _either(joined)

    def _group(self, mode: Literal["all", "any"], value: Any, depth: int) -> Filter | None:
        if depth > self._budget.limits.max_depth:
            raise Unprocessable(f"`filter` nests deeper than {self._budget.limits.max_depth}")
        members = find_members(value)
        if members is None:
            raise ValidationFailed({"filter": "`_and` and `_or` take a list of objects"})
        kept = [found for member in members if (found := self.object(member, depth)) is not None]
        # Of conditions that were all to be ignored, nothing is left to hold.
        return None if members and not kept else _grouped(mode, kept)

    def _field(self, name: str, value: Any) -> list[_Joined]:
        path = self._path(name)
        last = walk(self._schema, self._collection, path)[-1]
        if last.field.column is None and not last.to_many:
            raise Unprocessable(f"{name}: The field holds no value to filter by")
        return self._conditions(path, last, value, 0)

    def _path(self, name: str) -> tuple[str, ...]:
        clean("filter", name)
        if name in self._collection.fields:
            return (name,)
        depth = self._budget.limits.max_depth
        path = tuple(name.split(".", depth))
        if len(path) > depth:
            raise Unprocessable(f"A path in `filter` is longer than {depth} levels")
        return path

    def _conditions(
        self, path: tuple[str, ...], last: Step, value: Any, depth: int
    ) -> list[_Joined]:
        """`v`, `{"gt": v, "lt": w}`, or a list of those."""
        if depth > self._budget.limits.max_depth:
            raise Unprocessable(f"`filter` nests deeper than {self._budget.limits.max_depth}")
        if isinstance(value, list | tuple):
            value = {str(place): member for place, member in enumerate(value)}
        if not isinstance(value, dict):
            return _all_joined(self.compare(path, last, Operator.EQ, value), False)
        if len(value) > 1 and all(
            is_number(key) and not isinstance(member, dict | list) for key, member in value.items()
        ):
            return _all_joined(self.compare(path, last, Operator.IN, list(value.values())), False)
        with_or = _with_or(path, value)
        joined: list[_Joined] = []
        for key, operand in value.items():
            if key in _LOGICAL:
                continue
            if is_number(key):
                found = self._conditions(path, last, operand, depth + 1)
            else:
                operator = OPERATORS.get(key)
                if operator is None:
                    raise OperatorUnknown(clean("filter", key))
                found = _all_joined(self.compare(path, last, operator, operand), False)
            if found and not joined and with_or:
                found[0] = _Joined(found[0].condition, True)
            joined.extend(found)
        return joined

    def compare(
        self, path: tuple[str, ...], last: Step, operator: Operator, value: Any
    ) -> Compare | None:
        """The condition; None when it is one that is to be ignored."""
        name = ".".join(path)
        if last.to_many:
            operator = _asked_of_many(name, operator, value)
        elif operator in _TO_MANY_ONLY:
            raise Unprocessable(f"{name}: `{operator.value}` is for one-to-many fields only")
        compare = Compare(path, operator, _operand(name, operator, value))
        if operator in (Operator.CONTAINS, Operator.NCONTAINS) and compare.value in ("", None):
            return None
        if operator in _PATTERNS:
            check_pattern(name, compare.value, self._budget.limits)
        self._budget.take(len(compare.value) if isinstance(compare.value, tuple) else 1)
        return compare


def _all_joined(condition: Filter | None, with_or: bool) -> list[_Joined]:
    return [] if condition is None else [_Joined(condition, with_or)]


def _with_or(path: tuple[str, ...], value: dict[str, Any]) -> bool:
    """Whether `logical` says so. Raises `ValidationFailed` for anything but `and`, `or`."""
    for key in _LOGICAL & value.keys():
        written = value[key]
        match written.lower() if isinstance(written, str) else written:
            case "or":
                return True
            case "and" | "" | None:
                continue
            case _:
                raise ValidationFailed({".".join(path): "`logical` is `and` or `or`"})
    return False


def _asked_of_many(name: str, operator: Operator, value: Any) -> Operator:
    meant = _TO_MANY.get(operator)
    if meant is None:
        raise Unprocessable(f"{name}: `{operator.value}` is not for one-to-many fields")
    several = find_members(value) is not None or (isinstance(value, str) and "," in value)
    if several and meant is Operator.EQ:
        return Operator.IN
    if several and meant is Operator.NEQ:
        return Operator.NIN
    return meant


def _operand(name: str, operator: Operator, value: Any) -> Any:
    if operator in _VALUELESS:
        return None
    if operator in _LISTS:
        return tuple(_list(name, value))
    if operator in _PAIRS:
        pair = _list(name, value)
        if len(pair) != 2 or "" in pair or None in pair:
            raise ValidationFailed({name: f"`{operator.value}` takes two values"})
        return tuple(pair)
    if operator in _COUNTS:
        count = find_whole(name, value, 0)
        if count is None:
            raise ValidationFailed({name: f"`{operator.value}` takes a number"})
        return count
    return _scalar(name, value)


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        cleaned = clean(name, value)
        return [part.strip() for part in cleaned.split(",")] if cleaned else []
    members = find_members(value)
    if members is None:
        return [_scalar(name, value)]
    return [_scalar(name, member) for member in members]


def _scalar(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return clean(name, value)
    if isinstance(value, float) and not isfinite(value):
        raise ValidationFailed({name: "The number is too large"})
    if isinstance(value, dict | list | tuple):
        raise ScalarExpected(name)
    return value


def _either(joined: list[_Joined]) -> Filter | None:
    """The conditions from left to right, AND binding tighter than OR."""
    if not joined:
        return None
    alternatives: list[list[Filter]] = [[]]
    for place, each in enumerate(joined):
        if each.with_or and place:
            alternatives.append([])
        alternatives[-1].append(each.condition)
    return _grouped("any", [_grouped("all", members) for members in alternatives])


def _grouped(mode: Literal["all", "any"], members: list[Filter]) -> Filter:
    return members[0] if len(members) == 1 else Group(mode, tuple(members))
