"""Filters: what a field may be asked, and what was asked → a `Filter`.

Inputs are flat: `title_contains`; relations nest: `author: {name_contains: "a"}`; `and` and
`or` take lists. Source: GraphQL page §1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from graphql import (
    GraphQLBoolean,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
)
from msgspec import Struct

from conductus.errors import Unprocessable
from conductus.graphql import shown
from conductus.graphql.scalars import VALUES
from conductus.graphql.world import World
from conductus.permissions.reading import unsearched
from conductus.query.filters import Budget, condition
from conductus.query.item_query import ALL, Filter, Group, Operator, every
from conductus.query.paths import step
from conductus.schema.model import Collection, Field, Kind, Schema

_FLAGS: Final = {
    Operator.NULL: Operator.NNULL,
    Operator.NNULL: Operator.NULL,
    Operator.EMPTY: Operator.NEMPTY,
    Operator.NEMPTY: Operator.EMPTY,
}
"""Operators that take no value, with what they mean when they are given `false`."""
_LISTS: Final = (Operator.IN, Operator.NIN)
_PAIRS: Final = (Operator.BETWEEN, Operator.NBETWEEN)
_PATTERNS: Final = (Operator.CONTAINS, Operator.NCONTAINS, Operator.RLIKE, Operator.NRLIKE)
_COMPARISONS: Final = (
    *(Operator.EQ, Operator.NEQ, Operator.LT, Operator.LTE, Operator.GT, Operator.GTE),
)


class Asked(Struct, frozen=True):
    """One condition as it was asked."""

    path: tuple[str, ...]
    operator: Operator
    value: Any


class Joined(Struct, frozen=True):
    """Conditions that must all hold, or of which one must."""

    mode: Literal["all", "any"]
    members: tuple[Asked | Joined, ...]


class Meant(Struct, frozen=True):
    """What a name in a filter stands for."""

    field: str
    operator: Operator | None = None
    """None: a filter of the related items follows."""


def filter_type(
    name: str, collection: Collection, world: World, others: Any
) -> GraphQLInputObjectType:
    """The filter of a collection; `others` gives that of another one."""
    meanings: dict[str, Meant] = {}

    def fields() -> dict[str, GraphQLInputField]:
        found = {
            word: GraphQLInputField(GraphQLList(GraphQLNonNull(own))) for word in ("and", "or")
        }
        nested: list[tuple[str, Field, Collection]] = []
        unasked = unsearched(world.sight, collection)
        for spelled, field in world.shown(collection):
            target = world.target(collection, field)
            if target is not None and field.name not in unasked:
                nested.append((spelled, field, target))
            for operator, type in _operators(collection, field, world, unasked):
                found[f"{spelled}_{operator.value}"] = GraphQLInputField(type)
                meanings[f"{spelled}_{operator.value}"] = Meant(field.name, operator)
        for spelled, field, target in nested:
            free = spelled
            while free in found:
                free = f"_{free}"
            found[free] = GraphQLInputField(others(target))
            meanings[free] = Meant(field.name)
        return found

    def read(value: Mapping[str, Any]) -> Joined:
        return Joined("all", tuple(_members(value, meanings)))

    own = GraphQLInputObjectType(name, fields, out_type=read)
    return own


def made(
    asked: Joined, collection: Collection, schema: Schema, budget: Budget, depth: int = 0
) -> Filter:
    """The filter that was asked for. Raises as `query.filters.parse`."""
    if depth > budget.limits.max_depth:
        raise Unprocessable(f"`filter` nests deeper than {budget.limits.max_depth}")
    found: list[Filter] = []
    for member in asked.members:
        if isinstance(member, Joined):
            found.append(made(member, collection, schema, budget, depth + 1))
            continue
        if len(member.path) > budget.limits.max_depth:
            raise Unprocessable(f"A path in `filter` is longer than {budget.limits.max_depth}")
        compare = condition(member.path, member.operator, member.value, collection, schema, budget)
        if compare is not None:
            found.append(compare)
    if asked.mode == "all":
        return every(*found)
    # Of conditions that were all to be ignored, nothing is left to hold.
    return Group("any", tuple(found)) if found or not asked.members else ALL


def _operators(
    collection: Collection, field: Field, world: World, unasked: frozenset[str]
) -> Iterable[tuple[Operator, GraphQLInputType]]:
    """What a field may be asked, with the type of the answer."""
    column = field.column
    taken = step(world.schema, collection, field.name)
    if field.name in unasked:
        return
    if taken.to_many:
        if world.target(collection, field) is not None:
            yield from _of_lists()
        return
    if column is None:
        return
    target = world.target(collection, field)
    single = _single(collection, field, is_key=taken.target is not None)
    for operator in _COMPARISONS:
        yield operator, single
    for operator in (*_LISTS, *_PAIRS):
        yield operator, VALUES
    for operator in _FLAGS:
        yield operator, GraphQLBoolean
    if taken.target is None or target is not None:
        for operator in _PATTERNS:
            yield operator, GraphQLString


def _of_lists() -> Iterable[tuple[Operator, GraphQLInputType]]:
    for operator in (Operator.EQ, Operator.NEQ):
        yield operator, GraphQLID
    for operator in (*_LISTS, Operator.ALL):
        yield operator, VALUES
    for operator in (Operator.HAS, Operator.NHAS):
        yield operator, GraphQLInt
    for operator in _FLAGS:
        yield operator, GraphQLBoolean
    for operator in _PATTERNS:
        yield operator, GraphQLString


def _single(collection: Collection, field: Field, *, is_key: bool) -> GraphQLInputType:
    """The type of a value that a field is compared with."""
    if field.column is None or is_key or field.name in collection.primary_key:
        return shown.key(field).scalar
    found = shown.value(field, field.column)
    if field.column.kind in (Kind.DECIMAL, Kind.DECIMAL_TEXT) and field.type == "decimal":
        return shown.written(field, field.column)
    return GraphQLString if found.listed else found.scalar


def _members(value: Mapping[str, Any], meanings: Mapping[str, Meant]) -> Iterable[Asked | Joined]:
    for name, asked in value.items():
        meant = meanings.get(name)
        if meant is None:
            mode: Literal["all", "any"] = "any" if name == "or" else "all"
            if asked is not None:
                yield Joined(mode, tuple(asked))
        elif meant.operator is not None:
            operator = meant.operator
            if operator in _FLAGS:
                operator = _FLAGS[operator] if asked is False else operator
            yield Asked((meant.field,), operator, asked)
        elif asked is not None:
            yield _below(meant.field, asked)


def _below(field: str, asked: Joined) -> Joined:
    """The conditions on related items, as conditions on the item itself."""
    return Joined(
        asked.mode,
        tuple(
            _below(field, each)
            if isinstance(each, Joined)
            else Asked((field, *each.path), each.operator, each.value)
            for each in asked.members
        ),
    )
