"""Each field type's values: taken, refused, compared with, shown, recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from conductus.errors import (
    ApiError,
    FieldTypeUnknown,
    ScalarExpected,
    Unprocessable,
    ValidationFailed,
)
from conductus.schema.model import Field, Kind
from conductus.schema.types import FIELD_TYPES, MASK, NO_MATCH, field_type, type_of
from conductus.schema.types.json import decode
from conductus.schema.types.numbers import decimal_json, decimal_json_plainly, single, widened
from tests.field_samples import MAPPING, SAMPLES, UUID, Sample, field_of

NOW = datetime(2031, 3, 31, 12, 30, 15, 250_000, tzinfo=UTC)
COLUMN_TYPES = sorted(name for name, type in FIELD_TYPES.items() if not type.alias)
ALIAS_TYPES = ("alias", "group", "o2m", "translation")


def shown(field: Field, plain: Any) -> Any:
    show = type_of(field).presenter(field.kind)
    return plain if show is None else show(plain)


def recorded(field: Field, plain: Any) -> Any:
    record = type_of(field).recorder(field.kind)
    return plain if record is None else record(plain)


def test_the_types_are_those_of_the_reference() -> None:
    assert set(FIELD_TYPES) == {
        *("string", "slug", "lang", "uuid", "hash", "status", "integer", "sort", "decimal"),
        *("boolean", "date", "time", "datetime", "datetime_created", "datetime_updated"),
        *("json", "array", "binary", "m2o", "user", "owner", "user_created", "user_updated"),
        *("file", "o2m", "translation", "alias", "group"),
    }
    assert {sample.type for sample in SAMPLES} == set(COLUMN_TYPES)
    with pytest.raises(FieldTypeUnknown):
        field_type("creditcard")


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_value_is_taken_and_shown(sample: Sample) -> None:
    field = sample.field()
    plain = type_of(field).parse(sample.given, field)
    assert (plain, type(plain)) == (sample.plain, type(sample.plain))
    out = shown(field, plain)
    assert (out, type(out)) == (sample.shown, type(sample.shown))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_is_shown_can_be_written_back(sample: Sample) -> None:
    field = sample.field()
    if sample.type == "hash":
        return
    again = type_of(field).parse(sample.shown, field)
    assert shown(field, again) == sample.shown


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_was_recorded_can_be_written_back(sample: Sample) -> None:
    field = sample.field()
    if sample.type == "hash":
        assert recorded(field, sample.plain) == MASK
        return
    assert type_of(field).parse(recorded(field, sample.plain), field) == sample.plain


@pytest.mark.parametrize("name", COLUMN_TYPES)
def test_null_stays_null(name: str) -> None:
    for kind in Kind:
        field = field_of(name, kind)
        assert type_of(field).parse(None, field) is None
        assert type_of(field).operand(None, field, NOW) is NO_MATCH
        assert recorded(field, None) is None


@pytest.mark.parametrize("name", COLUMN_TYPES)
def test_null_is_shown_as_clients_have_always_had_it(name: str) -> None:
    expected: Any = {"boolean": False, "array": []}.get(name)
    for kind in Kind:
        assert shown(field_of(name, kind), None) == expected or name == "decimal"
    numbers = (Kind.DECIMAL, Kind.DECIMAL_TEXT, Kind.FLOAT, Kind.INTEGER, Kind.TEXT)
    if name == "decimal":
        assert [shown(field_of(name, kind), None) for kind in numbers] == [0] * len(numbers)


class Bad(Struct, frozen=True):
    """A value that a field does not take, and the code it is refused with."""

    name: str
    kind: Kind
    value: Any
    code: int
    more: dict[str, Any]

    def __str__(self) -> str:
        # Numbers beyond Python's bound on digits cannot be written.
        huge = isinstance(self.value, int) and self.value.bit_length() > 1000
        return f"{self.name}-{self.kind.value}-{'huge' if huge else ascii(self.value)[:30]}"


BAD = [
    Bad("string", Kind.TEXT, "abc", 12, {"length": "2"}),
    Bad("string", Kind.TEXT, "a\0b", 4, {}),
    Bad("string", Kind.TEXT, "\ud800", 4, {}),
    Bad("string", Kind.TEXT, True, 12, {}),
    Bad("string", Kind.TEXT, 10**5000, 12, {}),
    Bad("string", Kind.TEXT, ["a"], 213, {}),
    Bad("string", Kind.TEXT, {"a": 1}, 213, {}),
    Bad("string", Kind.INTEGER, "abc", 12, {}),
    Bad("string", Kind.UUID, "abc", 12, {}),
    Bad("string", Kind.JSON, "{bad", 12, {}),
    Bad("string", Kind.BINARY, "abc", 12, {"length": "2"}),
    Bad("lang", Kind.TEXT, "nl-NL", 12, {"length": "2"}),
    Bad("uuid", Kind.TEXT, "abc", 12, {}),
    Bad("uuid", Kind.UUID, f"{{{UUID}}}", 12, {}),
    Bad("uuid", Kind.UUID, 5, 12, {}),
    Bad("hash", Kind.TEXT, ["a"], 213, {}),
    Bad("hash", Kind.TEXT, "a\0", 4, {}),
    Bad("hash", Kind.TEXT, "a" * 5000, 12, {}),
    Bad("status", Kind.TEXT, "nope", 12, {"options": MAPPING}),
    Bad("status", Kind.INTEGER, 2, 12, {"options": MAPPING}),
    Bad("integer", Kind.INTEGER, 2**31, 12, {}),
    Bad("integer", Kind.INTEGER, -(2**31) - 1, 12, {}),
    Bad("integer", Kind.INTEGER, 2**63, 12, {"datatype": "BIGINT"}),
    Bad("integer", Kind.INTEGER, 2**64, 12, {"datatype": "BIGINT", "signed": False}),
    Bad("integer", Kind.INTEGER, -1, 12, {"signed": False}),
    Bad("integer", Kind.INTEGER, 128, 12, {"datatype": "TINYINT"}),
    Bad("integer", Kind.INTEGER, 256, 12, {"datatype": "TINYINT", "signed": False}),
    Bad("integer", Kind.INTEGER, 32768, 12, {"datatype": "SMALLINT"}),
    Bad("integer", Kind.INTEGER, 1.5, 12, {}),
    Bad("integer", Kind.INTEGER, "1.5", 12, {}),
    Bad("integer", Kind.INTEGER, "abc", 12, {}),
    Bad("integer", Kind.INTEGER, "", 12, {}),
    Bad("integer", Kind.INTEGER, "١٢", 12, {}),
    Bad("integer", Kind.INTEGER, "1_000", 12, {}),
    Bad("integer", Kind.INTEGER, True, 12, {}),
    Bad("integer", Kind.INTEGER, float("nan"), 12, {}),
    Bad("integer", Kind.INTEGER, float("inf"), 12, {}),
    Bad("integer", Kind.INTEGER, "1e400", 12, {}),
    Bad("integer", Kind.INTEGER, "1e999999", 12, {}),
    Bad("integer", Kind.INTEGER, 1e300, 12, {}),
    Bad("integer", Kind.INTEGER, "9" * 10_000, 12, {}),
    Bad("integer", Kind.INTEGER, 10**5000, 12, {}),
    Bad("integer", Kind.INTEGER, [1], 213, {}),
    Bad("integer", Kind.BOOLEAN, 2, 12, {}),
    Bad("integer", Kind.DATE, 5, 4, {}),
    Bad("decimal", Kind.DECIMAL, "1.234", 12, {"length": "10,2"}),
    Bad("decimal", Kind.DECIMAL, 123456789, 12, {"length": "10,2"}),
    Bad("decimal", Kind.DECIMAL, 1.5, 12, {"length": "10"}),
    Bad("decimal", Kind.DECIMAL, -1, 12, {"length": "10,2", "signed": False}),
    Bad("decimal", Kind.DECIMAL, "NaN", 12, {}),
    Bad("decimal", Kind.DECIMAL, "Infinity", 12, {}),
    Bad("decimal", Kind.DECIMAL, float("nan"), 12, {}),
    Bad("decimal", Kind.DECIMAL, float("-inf"), 12, {}),
    Bad("decimal", Kind.DECIMAL, "1e400", 12, {}),
    Bad("decimal", Kind.DECIMAL, "1e-400", 12, {}),
    Bad("decimal", Kind.DECIMAL, 10**5000, 12, {}),
    Bad("decimal", Kind.DECIMAL, "abc", 12, {}),
    Bad("decimal", Kind.DECIMAL, True, 12, {}),
    Bad("decimal", Kind.DECIMAL, {}, 213, {}),
    Bad("decimal", Kind.FLOAT, "1e400", 12, {}),
    Bad("decimal", Kind.INTEGER, 2.5, 12, {}),
    Bad("boolean", Kind.BOOLEAN, 2, 12, {}),
    Bad("boolean", Kind.BOOLEAN, "yes", 12, {}),
    Bad("boolean", Kind.BOOLEAN, "", 12, {}),
    Bad("boolean", Kind.BOOLEAN, 0.5, 12, {}),
    Bad("boolean", Kind.BOOLEAN, 10**5000, 12, {}),
    Bad("boolean", Kind.BOOLEAN, [], 213, {}),
    Bad("date", Kind.DATE, "2031-02-30", 4, {}),
    Bad("date", Kind.DATE, "0000-00-00", 4, {}),
    Bad("date", Kind.DATE, "03-02-2031", 4, {}),
    Bad("date", Kind.DATE, "2031-W01-1", 4, {}),
    Bad("date", Kind.DATE, "now", 4, {}),
    Bad("date", Kind.DATE, 20310203, 4, {}),
    Bad("date", Kind.DATE, ["2031-02-03"], 213, {}),
    Bad("date", Kind.INTEGER, "2031-02-03", 12, {}),
    Bad("time", Kind.TIME, "24:00", 4, {}),
    Bad("time", Kind.TIME, "04:60", 4, {}),
    Bad("time", Kind.TIME, "4:5", 4, {}),
    Bad("time", Kind.TIME, "04:05:06Z", 4, {}),
    Bad("datetime", Kind.DATETIME, "2031-02-30 00:00:00", 4, {}),
    Bad("datetime", Kind.DATETIME, "2031-02-03 25:00:00", 4, {}),
    Bad("datetime", Kind.DATETIME, "2031-02-03x04:05:06", 4, {}),
    Bad("datetime", Kind.DATETIME, "2031-02-03T04:05:06+99:00", 4, {}),
    Bad("datetime", Kind.DATETIME, "0001-01-01T00:00:00+02:00", 4, {}),
    Bad("datetime", Kind.DATETIME, "9999-12-31T23:59:59-02:00", 4, {}),
    Bad("datetime", Kind.DATETIME, 1_900_000_000, 4, {}),
    Bad("datetime", Kind.DATETIME, "now", 4, {}),
    Bad("datetime_created", Kind.DATETIME, "soon", 4, {}),
    Bad("json", Kind.JSON, {"k": ["a\0"]}, 4, {}),
    Bad("json", Kind.JSON, {"\0": 1}, 4, {}),
    Bad("json", Kind.JSON, ["\ud800"], 4, {}),
    Bad("json", Kind.TEXT, "abc", 12, {"length": "3"}),
    Bad("array", Kind.TEXT, ["a,b"], 4, {}),
    Bad("array", Kind.TEXT, [["a"]], 4, {}),
    Bad("array", Kind.TEXT, [None], 4, {}),
    Bad("array", Kind.TEXT, [True], 4, {}),
    Bad("array", Kind.TEXT, {"a": 1}, 4, {}),
    Bad("array", Kind.TEXT, 5, 4, {}),
    Bad("array", Kind.TEXT, ["a\0"], 4, {}),
    Bad("array", Kind.TEXT, ["aa", "bb"], 12, {"length": "4"}),
    Bad("binary", Kind.BINARY, "AP8", 4, {}),
    Bad("binary", Kind.BINARY, "é", 4, {}),
    Bad("binary", Kind.BINARY, "AP 8=", 4, {}),
    Bad("binary", Kind.BINARY, 5, 4, {}),
    Bad("binary", Kind.BINARY, "AAAA", 12, {"length": "2"}),
    Bad("m2o", Kind.INTEGER, "abc", 12, {}),
    Bad("m2o", Kind.INTEGER, True, 12, {}),
    Bad("m2o", Kind.INTEGER, {"id": 1}, 213, {}),
    Bad("m2o", Kind.INTEGER, [1], 213, {}),
    Bad("m2o", Kind.UUID, "abc", 12, {}),
    Bad("file", Kind.INTEGER, "abc", 12, {}),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_value_is_refused(bad: Bad) -> None:
    field = field_of(bad.name, bad.kind, **bad.more)
    with pytest.raises(ApiError) as caught:
        type_of(field).parse(bad.value, field)
    assert (caught.value.code, caught.value.status) == (bad.code, 422)
    assert caught.value.message.startswith("it: ")
    assert len(caught.value.message) < 200


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


def test_json_nested_too_deep_is_refused() -> None:
    field = field_of("json", Kind.JSON)
    with pytest.raises(ApiError) as caught:
        type_of(field).parse(DEEP, field)
    assert caught.value.code == 4


@pytest.mark.parametrize("name", ALIAS_TYPES)
def test_aliases_hold_nothing(name: str) -> None:
    field = Field(collection="samples", name="it", type=name)
    assert type_of(field).alias
    with pytest.raises(Unprocessable):
        type_of(field).parse([], field)
    assert type_of(field).operand(1, field, NOW) is NO_MATCH


OPERANDS = [
    ("integer", Kind.INTEGER, "10", 10),
    ("integer", Kind.INTEGER, "99999999999", 99999999999),
    ("integer", Kind.INTEGER, "abc", NO_MATCH),
    ("integer", Kind.INTEGER, "1abc", NO_MATCH),
    ("integer", Kind.INTEGER, "+", NO_MATCH),
    ("integer", Kind.INTEGER, "null", NO_MATCH),
    ("integer", Kind.INTEGER, "", NO_MATCH),
    ("integer", Kind.INTEGER, "9" * 30, NO_MATCH),
    ("integer", Kind.INTEGER, 2**63, NO_MATCH),
    ("integer", Kind.INTEGER, [1], NO_MATCH),
    ("decimal", Kind.DECIMAL, "1.23456", Decimal("1.23456")),
    ("decimal", Kind.DECIMAL, "abc", NO_MATCH),
    ("decimal", Kind.FLOAT, "nan", NO_MATCH),
    ("string", Kind.TEXT, "null", "null"),
    ("string", Kind.TEXT, 5, "5"),
    ("string", Kind.TEXT, "a\0", NO_MATCH),
    ("string", Kind.TEXT, "\udfff", NO_MATCH),
    ("string", Kind.INTEGER, "abc", NO_MATCH),
    ("uuid", Kind.TEXT, UUID.upper(), UUID),
    ("uuid", Kind.UUID, "abc", NO_MATCH),
    ("hash", Kind.TEXT, "secret", NO_MATCH),
    ("status", Kind.TEXT, "gone", "gone"),
    ("status", Kind.INTEGER, "1", 1),
    ("status", Kind.INTEGER, "draft", NO_MATCH),
    ("boolean", Kind.BOOLEAN, "1", True),
    ("boolean", Kind.BOOLEAN, "false", False),
    ("boolean", Kind.INTEGER, "true", 1),
    ("boolean", Kind.BOOLEAN, "maybe", NO_MATCH),
    ("date", Kind.DATE, "2031-02-03", "2031-02-03"),
    ("date", Kind.DATE, "notadate", NO_MATCH),
    ("date", Kind.DATE, "now", "2031-03-31"),
    ("date", Kind.DATE, "now(-1 month)", "2031-02-28"),
    ("date", Kind.DATE, "NOW(+ 1 year)", "2032-03-31"),
    ("date", Kind.DATE, "now(11 months)", "2032-02-29"),
    ("date", Kind.DATE, "now(-3000 years)", NO_MATCH),
    ("date", Kind.DATE, "now(-7 parsecs)", NO_MATCH),
    ("time", Kind.TIME, "now", "12:30:15"),
    ("time", Kind.TIME, "now(-45 minutes)", "11:45:15"),
    ("datetime", Kind.DATETIME, "now", "2031-03-31 12:30:15.250000"),
    ("datetime", Kind.DATETIME, "now()", "2031-03-31 12:30:15.250000"),
    ("datetime", Kind.DATETIME, "now(-7 days)", "2031-03-24 12:30:15.250000"),
    ("datetime", Kind.DATETIME, "now(2 weeks)", "2031-04-14 12:30:15.250000"),
    ("datetime", Kind.DATETIME, "now(-1 hour)", "2031-03-31 11:30:15.250000"),
    ("datetime", Kind.DATETIME, "now(-999999 weeks)", NO_MATCH),
    ("datetime", Kind.DATETIME, "2031-02-03T04:05:06+02:00", "2031-02-03 02:05:06"),
    ("datetime", Kind.DATETIME, "2031-02-03", "2031-02-03 00:00:00"),
    ("datetime_created", Kind.DATETIME, "now", "2031-03-31 12:30:15.250000"),
    ("m2o", Kind.INTEGER, "abc", NO_MATCH),
    ("m2o", Kind.INTEGER, "4", 4),
    ("array", Kind.TEXT, "a,b", "a,b"),
    ("array", Kind.TEXT, ["a", "b"], "a,b"),
    ("array", Kind.TEXT_ARRAY, "a,b", ["a", "b"]),
    ("json", Kind.TEXT, '{"k": 1}', '{"k":1}'),
    ("json", Kind.TEXT, "", NO_MATCH),
    ("json", Kind.TEXT, "null", NO_MATCH),
    ("binary", Kind.BINARY, "AP8=", b"\0\xff"),
    ("binary", Kind.BINARY, "?", NO_MATCH),
]


@pytest.mark.parametrize(("name", "kind", "value", "expected"), OPERANDS)
def test_a_value_is_compared_with(name: str, kind: Kind, value: Any, expected: Any) -> None:
    field = field_of(name, kind)
    found = type_of(field).operand(value, field, NOW)
    assert found is NO_MATCH if expected is NO_MATCH else found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("length", "given", "text"),
    [
        ("10,2", "0.1", "0.10"),
        ("10,2", "12.500", "12.50"),
        ("10,2", "1e3", "1000.00"),
        ("10,2", "0.125", "0.125"),
        ("10,2", "-0", "0.00"),
        (None, "12.50", "12.5"),
        (None, "1e3", "1000"),
        (None, "0.00", "0"),
    ],
)
def test_equal_decimals_are_equal_texts(length: str | None, given: str, text: str) -> None:
    field = field_of("decimal", Kind.DECIMAL_TEXT, length=length)
    assert str(type_of(field).operand(given, field, NOW)) == text
    if given != "0.125":
        assert str(type_of(field).parse(given, field)) == text


def test_text_too_long_for_the_column_can_be_compared_with() -> None:
    field = field_of("string", Kind.TEXT, length="2")
    assert type_of(field).operand("abc", field, NOW) == "abc"


def test_now_is_told_in_utc_whatever_its_zone() -> None:
    field = field_of("datetime", Kind.DATETIME)
    east = NOW.astimezone(tz=datetime.now().astimezone().tzinfo)
    assert type_of(field).operand("now", field, east) == "2031-03-31 12:30:15.250000"


def test_columns_with_a_zone_keep_fractions_of_seconds() -> None:
    field = field_of("datetime", Kind.DATETIME, native="timestamp without time zone")
    assert type_of(field).operand("now", field, NOW) == "2031-03-31 12:30:15.250000"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(st.characters(exclude_categories=())),
    st.decimals(),
    st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(), st.integers(), max_size=2),
    st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat),
    st.dates().map(str),
    st.times().map(str),
    st.uuids().map(str),
    st.from_regex(r"now\([+-]?[0-9]{1,6} (day|month|year)s?\)", fullmatch=True),
)


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_of_single_precision_is_told_by_few_digits(number: float) -> None:
    told = single(number)
    assert told is not None
    assert widened(told) == number
    assert single(told) == told
    assert len(repr(told)) <= len(repr(number))


@given(name=st.sampled_from(COLUMN_TYPES), kind=st.sampled_from(Kind), value=VALUES)
def test_no_value_is_a_surprise(name: str, kind: Kind, value: Any) -> None:
    field = field_of(name, kind, length="10,2" if kind is Kind.DECIMAL else None)
    type_of(field).operand(value, field, NOW)
    try:
        plain = type_of(field).parse(value, field)
    except (ScalarExpected, Unprocessable, ValidationFailed):
        return
    out = shown(field, plain)
    msgspec.json.encode(out)
    if name != "hash" and plain is not None:
        again = type_of(field).parse(out, field)
        assert shown(field, again) == out


@given(st.decimals().filter(lambda value: not value.is_snan()))
def test_decimals_are_shown_as_the_plain_rule_says(value: Decimal) -> None:
    quick, plainly = decimal_json(value), decimal_json_plainly(value)
    assert (quick, type(quick)) == (plainly, type(plainly))
    show = field_type("decimal").presenter(Kind.DECIMAL)
    assert show is not None
    assert show(value) == plainly
    if value.is_finite():
        assert Decimal(str(plainly)) == value


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)))
def test_moments_with_offsets_become_utc(moment: datetime) -> None:
    field = field_of("datetime", Kind.DATETIME, length="6")
    offset = timedelta(hours=5, minutes=30)
    written = f"{(moment + offset).isoformat()}+05:30"
    expected = (
        moment.isoformat(sep=" ").rstrip("0") if moment.microsecond else moment.isoformat(sep=" ")
    )
    assert type_of(field).parse(written, field) == expected


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("", None),
        ("{bad", "{bad"),
        ('{"a": 1', '{"a": 1'),
        ("null", None),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_json_text_of_old_databases_is_read_as_well_as_can_be(stored: str, expected: Any) -> None:
    assert decode(stored) == expected


def test_old_columns_show_what_they_hold() -> None:
    assert shown(field_of("integer", Kind.TEXT), "half") == "half"
    assert shown(field_of("decimal", Kind.TEXT), "n/a") == "n/a"
    assert shown(field_of("decimal", Kind.FLOAT), float("inf")) == "inf"
    assert shown(field_of("decimal", Kind.DECIMAL), Decimal("NaN")) == "NaN"
    assert shown(field_of("boolean", Kind.INTEGER), 2) is True
    assert shown(field_of("boolean", Kind.TEXT), "No") is False
    assert shown(field_of("datetime_created", Kind.TEXT), "yesterday") == "yesterday"
    assert shown(field_of("string", Kind.BINARY), b"\xff\xfe") == "//4="
    assert shown(field_of("array", Kind.JSON), '{"a": 1}') == []


def test_users_passwords_are_never_visible() -> None:
    field = Field(
        collection="directus_users", name="password", type="hash", options={"visible": True}
    )
    show = type_of(field).presenter(Kind.TEXT)
    assert show is not None
    assert show("$2y$10$abc") == MASK


def test_secrets_are_not_searched() -> None:
    for type in FIELD_TYPES.values():
        assert not (type.secret and type.searchable)
    assert [name for name, type in FIELD_TYPES.items() if type.secret] == ["hash"]
    dates = ("date", "time", "datetime", "datetime_created", "datetime_updated")
    assert not any(FIELD_TYPES[name].searchable for name in dates)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("string", Kind.TEXT),
        ("integer", Kind.INTEGER),
        ("m2o", Kind.INTEGER),
        ("date", Kind.DATE),
        ("datetime", Kind.DATETIME),
        ("status", Kind.TEXT),
        ("uuid", Kind.UUID),
    ],
)
def test_common_types_need_no_conversion(name: str, kind: Kind) -> None:
    assert field_type(name).presenter(kind) is None
