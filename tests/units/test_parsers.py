"""The short ways of writing: each gives what the plain way gives, errors included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.errors import ApiError
from conductus.schema.model import Field, Kind
from conductus.schema.types import type_of
from conductus.schema.types.parsers import parser, settled
from tests.field_samples import MAPPING, SAMPLES, Sample, field_of

FIELDS = (
    field_of("string", Kind.TEXT),
    field_of("string", Kind.TEXT, length="3"),
    field_of("slug", Kind.TEXT, length="enum"),
    field_of("status", Kind.TEXT, options=MAPPING),
    field_of("status", Kind.TEXT),
    field_of("status", Kind.INTEGER, options=MAPPING),
    field_of("integer", Kind.INTEGER),
    field_of("sort", Kind.INTEGER, datatype="TINYINT", signed=False),
    field_of("m2o", Kind.INTEGER, datatype="BIGINT"),
    field_of("file", Kind.TEXT),
    field_of("boolean", Kind.BOOLEAN),
    field_of("boolean", Kind.INTEGER),
    field_of("decimal", Kind.DECIMAL, length="10,2"),
    field_of("decimal", Kind.DECIMAL_TEXT, length="5,0"),
    field_of("decimal", Kind.DECIMAL, length="65,30"),
    field_of("decimal", Kind.DECIMAL, length="10,2", signed=False),
    field_of("decimal", Kind.DECIMAL),
    field_of("decimal", Kind.FLOAT),
    field_of("date", Kind.DATE),
    field_of("date", Kind.DATETIME),
    field_of("datetime", Kind.DATETIME),
    field_of("datetime", Kind.DATETIME_ZONE, length="3"),
    field_of("json", Kind.JSON),
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-300, 300),
    st.floats(),
    st.decimals(-10_000, 10_000, places=2).map(float),
    st.text(max_size=5),
    st.sampled_from(["draft", "1", "a\0b", "\ud800", "", "abc", "héé"]),
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat(" ", "seconds")),
    st.sampled_from(
        ["2031-02-30", "2031-02-03 24:00:00", "0000-01-01 00:00:00", "٢٠٣١-02-03", "2031-02-03\n"]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=1), st.integers(), max_size=1),
)


def outcome(parse: Any, *given: Any) -> tuple[Any, ...]:
    """What parsing gives, to the last digit; or how it fails."""
    try:
        parsed = parse(*given)
    except ApiError as error:
        return type(error), str(error), error.details
    exactly = parsed.as_tuple() if isinstance(parsed, Decimal) else repr(parsed)
    return type(parsed), exactly


def both_ways(field: Field, value: Any) -> None:
    assert outcome(parser(field), value) == outcome(type_of(field).parse, value, field)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.type} {field.kind.value}")
@given(value=VALUES)
def test_any_value(field: Field, value: Any) -> None:
    both_ways(field, value)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_the_samples(sample: Sample) -> None:
    both_ways(sample.field(), sample.given)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.type} {field.kind.value}")
@given(values=st.lists(VALUES.filter(lambda value: value is not None), min_size=1, max_size=3))
def test_many_values_are_settled_where_each_is_given_back(field: Field, values: list[Any]) -> None:
    if settled(field)(values):
        for value in values:
            assert outcome(type_of(field).parse, value, field) == (type(value), repr(value))


@pytest.mark.parametrize(
    ("field", "values", "expected"),
    [
        (field_of("string", Kind.TEXT), ["a", ""], True),
        (field_of("string", Kind.TEXT, length="3"), ["abc", "abcd"], False),
        (field_of("string", Kind.TEXT), ["a", "é", "🎈"], True),
        (field_of("string", Kind.TEXT), ["a\ud83c", "\udf88"], False),
        (field_of("string", Kind.TEXT), ["a", "\0"], False),
        (field_of("string", Kind.TEXT), ["a", 1], False),
        (field_of("status", Kind.TEXT, options=MAPPING), ["draft", "1"], True),
        (field_of("status", Kind.TEXT, options=MAPPING), ["draft", "unknown"], False),
        (field_of("integer", Kind.INTEGER), [1, -5], True),
        (field_of("integer", Kind.INTEGER), [1, True], False),
        (field_of("sort", Kind.INTEGER, datatype="TINYINT", signed=False), [0, 256], False),
        (field_of("sort", Kind.INTEGER, datatype="TINYINT", signed=False), [0, -1], False),
        (field_of("boolean", Kind.BOOLEAN), [True, False], True),
        (field_of("boolean", Kind.BOOLEAN), [True, 1], False),
        (field_of("decimal", Kind.DECIMAL, length="10,2"), [1.5], False),
        (field_of("decimal", Kind.FLOAT), [1.5, -2.25], True),
        (field_of("decimal", Kind.FLOAT), [1.5, 2], False),
        (field_of("decimal", Kind.FLOAT), [1.5, float("nan")], False),
        (field_of("decimal", Kind.FLOAT), [1.5, float("-inf")], False),
        (field_of("date", Kind.DATE), ["2031-02-03", "0001-01-01"], True),
        (field_of("date", Kind.DATE), ["2031-02-03", "2031-02-30"], False),
        (field_of("date", Kind.DATE), ["2031-02-03", "20310203"], False),
        (field_of("datetime", Kind.DATETIME), ["2031-02-03 04:05:06"], True),
        (field_of("datetime", Kind.DATETIME), ["2031-02-03T04:05:06"], False),
        (field_of("datetime", Kind.DATETIME), ["2031-02-03 04:05:06", 1], False),
    ],
)
def test_which_values_are_settled(field: Field, values: list[Any], expected: bool) -> None:
    assert settled(field)(values) is expected
