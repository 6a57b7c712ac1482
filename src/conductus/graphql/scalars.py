"""Scalars besides those of the language itself. Values travel as they do in REST."""

from __future__ import annotations

from typing import Any, Final

from graphql import (
    FloatValueNode,
    GraphQLError,
    GraphQLScalarType,
    IntValueNode,
    StringValueNode,
    ValueNode,
)

from conductus.query.values import GREATEST


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("A text is needed")
    return value


def _number_literal(node: ValueNode) -> str:
    if not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        raise GraphQLError("A number is needed, or its text")
    return node.value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise GraphQLError("A number is needed, or its text")
    return value


def _big(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise GraphQLError("A whole number is needed, or its text")
    try:
        number = int(value) if len(str(value)) <= 20 else None
    except ValueError:
        number = None
    if number is None:
        raise GraphQLError("A whole number of 64 bits is needed, or its text")
    return number


def _big_literal(node: ValueNode) -> int:
    if not isinstance(node, IntValueNode | StringValueNode):
        raise GraphQLError("A whole number is needed, or its text")
    return _big(node.value)


def _values(value: Any) -> Any:
    members = value if isinstance(value, list) else [value]
    for member in members:
        if not isinstance(member, str | int | float | bool | None):
            raise GraphQLError("A list of values is needed, or a text with commas between them")
    return value


def _datelike(name: str, description: str) -> GraphQLScalarType:
    return GraphQLScalarType(name, coerce_input_value=_text, description=description)


DATE: Final = _datelike("Date", "A day: `2031-02-03`. Filters take `now` and `now(-7 days)` too.")
TIME: Final = _datelike("Time", "A time of day: `04:05:06`.")
DATE_TIME: Final = _datelike(
    "DateTime",
    "`2031-02-03 04:05:06`, or with an offset where the server sets it. Filters take `now` "
    "and `now(-7 days)` too.",
)
JSON: Final = GraphQLScalarType("JSON", description="Any JSON value.")
BIG_INT: Final = GraphQLScalarType(
    "BigInt",
    coerce_input_value=_big,
    coerce_input_literal=_big_literal,
    description=f"A whole number of 64 bits. Beyond {GREATEST} some clients round it; "
    "it is taken as text too.",
)
DECIMAL: Final = GraphQLScalarType(
    "Decimal",
    coerce_input_value=_number,
    coerce_input_literal=_number_literal,
    description="An exact number to be written, as text where a double cannot hold it.",
)
VALUES: Final = GraphQLScalarType(
    "Values",
    coerce_input_value=_values,
    description='A list of values, or a text with commas between them: `[1, 2]`, `"1,2"`.',
)
