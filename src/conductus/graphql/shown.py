"""What GraphQL shows of a field: its type, and what is done to the value that REST shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLScalarType,
    GraphQLString,
)
from msgspec import Struct

from conductus.graphql.scalars import BIG_INT, DATE, DATE_TIME, DECIMAL, JSON, TIME
from conductus.schema.model import Column, Field, Kind

Convert = Callable[[Any], Any]
_NARROW: Final = frozenset({"TINYINT", "SMALLINT", "MEDIUMINT", "INT"})
_MOMENTS: Final = {
    "date": DATE,
    "time": TIME,
    "datetime": DATE_TIME,
    "datetime_created": DATE_TIME,
    "datetime_updated": DATE_TIME,
}


class Value(Struct, frozen=True):
    """The type of a field that holds a value."""

    scalar: GraphQLScalarType
    convert: Convert | None = None
    """From what REST shows; never called with null. None: it is shown as it is."""
    listed: bool = False
    """It is a list of such values."""


def double(number: Any) -> Any:
    """A number that REST shows as text where a double cannot hold it."""
    try:
        return float(number) if isinstance(number, str) else number
    except ValueError:
        return None


NUMBER: Final = Value(GraphQLFloat, double)
"""Any number with a fraction."""


def value(field: Field, column: Column) -> Value:
    """How the value of a column is shown that leads nowhere."""
    match field.type:
        case "array":
            return Value(GraphQLString, listed=True)
        case "boolean":
            return Value(GraphQLBoolean)
        case "json":
            return Value(JSON)
        case "integer" | "sort":
            return _whole(column)
        case "decimal":
            return NUMBER
        case kind if kind in _MOMENTS:
            return Value(_MOMENTS[kind])
        case _:
            return Value(GraphQLString, None if column.kind is Kind.TEXT else _text)


def key(field: Field) -> Value:
    """How a key is shown, one's own or that of a related item."""
    return Value(GraphQLID, str if field.kind is Kind.INTEGER else _text)


def written(field: Field, column: Column) -> GraphQLInputType:
    """The type of a value to be written."""
    shown = value(field, column)
    if field.type == "decimal" and column.kind not in (Kind.FLOAT, Kind.SINGLE):
        return DECIMAL
    return GraphQLList(GraphQLString) if shown.listed else shown.scalar


def _whole(column: Column) -> Value:
    if column.kind is not Kind.INTEGER:
        return Value(GraphQLString, _text)
    # A database that holds 64 bits whatever it is told may hold more than an `Int` takes.
    small = column.datatype in _NARROW and not column.wide
    unsigned = column.datatype == "INT" and not (column.signed or column.halved)
    return Value(GraphQLInt if small and not unsigned else BIG_INT)


def _text(found: Any) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else str(found)
