"""Samples of every field type in columns of every kind: JSON in, plain, JSON out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from conductus.schema.model import Column, Field, Kind

_DATATYPES = {
    Kind.INTEGER: ("INT", "int"),
    Kind.DECIMAL: ("DECIMAL", "decimal(10,2)"),
    Kind.DECIMAL_TEXT: ("DECIMAL", "DECIMAL(10,2)"),
    Kind.FLOAT: ("DOUBLE", "double"),
    Kind.SINGLE: ("FLOAT", "float"),
    Kind.BOOLEAN: ("TINYINT", "tinyint(1)"),
    Kind.TEXT: ("TEXT", "text"),
    Kind.UUID: ("UUID", "uuid"),
    Kind.DATE: ("DATE", "date"),
    Kind.TIME: ("TIME", "time"),
    Kind.DATETIME: ("DATETIME", "datetime"),
    Kind.DATETIME_ZONE: ("TIMESTAMP", "timestamp with time zone"),
    Kind.JSON: ("JSON", "json"),
    Kind.BINARY: ("BLOB", "blob"),
    Kind.TEXT_ARRAY: ("TEXT", "text[]"),
    Kind.OPAQUE: ("TEXT", "inet"),
}


class Sample(Struct, frozen=True):
    """A value that a field takes, and how it stands and comes back."""

    type: str
    kind: Kind
    given: Any
    plain: Any
    shown: Any
    length: str | None = None
    datatype: str | None = None
    options: dict[str, Any] | None = None
    signed: bool = True
    native: str | None = None

    def __str__(self) -> str:
        return f"{self.type} in {self.kind.value}: {self.given!r}"

    def field(self) -> Field:
        """A field that takes the value."""
        return field_of(
            self.type,
            self.kind,
            length=self.length,
            datatype=self.datatype,
            options=self.options,
            signed=self.signed,
            native=self.native,
        )


def field_of(
    type: str,
    kind: Kind,
    *,
    length: str | None = None,
    datatype: str | None = None,
    options: dict[str, Any] | None = None,
    signed: bool = True,
    native: str | None = None,
) -> Field:
    """A field `it` of that type, with a column of that kind."""
    column = Column(
        name="it",
        kind=kind,
        datatype=datatype or _DATATYPES[kind][0],
        native=native or _DATATYPES[kind][1],
        length=length,
        signed=signed,
    )
    return Field(collection="samples", name="it", type=type, column=column, options=options)


MAPPING = {"status_mapping": {"draft": {"name": "Draft"}, "1": {"value": 1}}}
VISIBLE = {"visible": True}
UUID = "5b1f3a52-9a0e-4c60-8f0e-2d1c3b4a5f6e"

SAMPLES = [
    Sample("string", Kind.TEXT, "héllo 🎈 \\ ' \"", "héllo 🎈 \\ ' \"", "héllo 🎈 \\ ' \""),
    Sample("string", Kind.TEXT, "", "", ""),
    Sample("string", Kind.TEXT, 5, "5", "5"),
    Sample("string", Kind.TEXT, 2.5, "2.5", "2.5"),
    Sample("string", Kind.TEXT, "🎈🎈", "🎈🎈", "🎈🎈", length="2"),
    Sample("string", Kind.INTEGER, "5", 5, "5"),
    Sample("string", Kind.DECIMAL, "5.10", Decimal("5.10"), "5.10", length="10,2"),
    Sample("string", Kind.FLOAT, "2.5", 2.5, "2.5"),
    Sample("string", Kind.SINGLE, "2.5", 2.5, "2.5"),
    Sample("string", Kind.BOOLEAN, "1", True, "1"),
    Sample("string", Kind.UUID, UUID.upper(), UUID, UUID),
    Sample("string", Kind.DATE, "2031-02-03", "2031-02-03", "2031-02-03"),
    Sample("string", Kind.TIME, "04:05", "04:05:00", "04:05:00"),
    Sample("string", Kind.JSON, '{"a":[1]}', '{"a":[1]}', '{"a":[1]}'),
    Sample("string", Kind.BINARY, "héllo", "héllo".encode(), "héllo"),
    Sample("string", Kind.TEXT_ARRAY, "a,b", ["a", "b"], "a,b"),
    Sample("string", Kind.OPAQUE, "10.0.0.1", "10.0.0.1", "10.0.0.1"),
    Sample("slug", Kind.TEXT, "first-one", "first-one", "first-one"),
    Sample("lang", Kind.TEXT, "nl", "nl", "nl", length="2"),
    Sample("uuid", Kind.UUID, UUID.upper(), UUID, UUID),
    Sample("uuid", Kind.TEXT, UUID.replace("-", ""), UUID, UUID, length="36"),
    Sample("hash", Kind.TEXT, "secret", "secret", "**********"),
    Sample("hash", Kind.TEXT, 1234, "1234", "**********", length="2"),
    Sample("hash", Kind.TEXT, "secret", "secret", "secret", options=VISIBLE),
    Sample("status", Kind.TEXT, "draft", "draft", "draft", options=MAPPING),
    Sample("status", Kind.TEXT, 1, "1", "1", options=MAPPING),
    Sample("status", Kind.TEXT, "anything", "anything", "anything"),
    Sample("status", Kind.INTEGER, "1", 1, 1, options=MAPPING),
    Sample("integer", Kind.INTEGER, 2**31 - 1, 2**31 - 1, 2**31 - 1),
    Sample("integer", Kind.INTEGER, "-5", -5, -5),
    Sample("integer", Kind.INTEGER, " 7 ", 7, 7),
    Sample("integer", Kind.INTEGER, 7.0, 7, 7),
    Sample("integer", Kind.INTEGER, "7.0", 7, 7),
    Sample("integer", Kind.INTEGER, -(2**63), -(2**63), -(2**63), datatype="BIGINT"),
    Sample("integer", Kind.INTEGER, 2**32 - 1, 2**32 - 1, 2**32 - 1, signed=False),
    Sample("integer", Kind.BOOLEAN, 1, True, 1),
    Sample("integer", Kind.DECIMAL, 7, Decimal(7), 7),
    Sample("integer", Kind.FLOAT, 7, 7.0, 7),
    Sample("integer", Kind.SINGLE, 7, 7.0, 7),
    Sample("integer", Kind.TEXT, 7, "7", 7),
    Sample("sort", Kind.INTEGER, 3, 3, 3),
    Sample("decimal", Kind.DECIMAL, 12.5, Decimal("12.50"), 12.5, length="10,2"),
    Sample("decimal", Kind.DECIMAL, "12.50", Decimal("12.50"), 12.5, length="10,2"),
    Sample("decimal", Kind.DECIMAL, "12.500", Decimal("12.50"), 12.5, length="10,2"),
    Sample("decimal", Kind.DECIMAL, "-0.0", Decimal("0.00"), 0.0, length="10,2"),
    Sample("decimal", Kind.DECIMAL, "12.500", Decimal("12.5"), 12.5),
    Sample("decimal", Kind.DECIMAL, -3.14, Decimal("-3.14"), -3.14, length="10,2"),
    Sample("decimal", Kind.DECIMAL, 100, Decimal("100.00"), 100.0, length="5,2"),
    Sample("decimal", Kind.DECIMAL, "1e2", Decimal(100), 100.0, length="3"),
    Sample(
        "decimal",
        Kind.DECIMAL,
        "12345678901234567.89",
        Decimal("12345678901234567.89"),
        "12345678901234567.89",
        length="20,2",
    ),
    Sample(
        "decimal",
        Kind.DECIMAL,
        "0.1000000000000000055511151231257827",
        Decimal("0.1000000000000000055511151231257827"),
        "0.1000000000000000055511151231257827",
        length="40,34",
    ),
    Sample("decimal", Kind.DECIMAL_TEXT, 12.5, Decimal("12.50"), 12.5, length="10,2"),
    Sample("decimal", Kind.FLOAT, "2.5", 2.5, 2.5),
    Sample("decimal", Kind.SINGLE, "2.5", 2.5, 2.5),
    Sample("decimal", Kind.SINGLE, "0.123456789", 0.12345679, 0.12345679),
    Sample("decimal", Kind.INTEGER, "2", 2, 2),
    Sample("decimal", Kind.TEXT, 2.5, "2.5", 2.5),
    Sample("boolean", Kind.BOOLEAN, True, True, True),
    Sample("boolean", Kind.BOOLEAN, "false", False, False),
    Sample("boolean", Kind.INTEGER, True, 1, True, datatype="TINYINT"),
    Sample("boolean", Kind.INTEGER, "0", 0, False, datatype="TINYINT"),
    Sample("boolean", Kind.TEXT, True, "1", True, length="1"),
    Sample("boolean", Kind.TEXT, 0, "0", False, length="1"),
    Sample("boolean", Kind.BINARY, True, b"\1", True, datatype="BIT", length="1"),
    Sample("boolean", Kind.BINARY, False, b"\0", False, datatype="BIT", length="1"),
    Sample("date", Kind.DATE, "2031-02-03", "2031-02-03", "2031-02-03"),
    Sample("date", Kind.DATE, "2032-02-29T23:59:59-05:00", "2032-02-29", "2032-02-29"),
    Sample("date", Kind.TEXT, "2031-02-03", "2031-02-03", "2031-02-03", length="10"),
    Sample("date", Kind.DATETIME, "2031-02-03", "2031-02-03 00:00:00", "2031-02-03"),
    Sample("time", Kind.TIME, "04:05:06", "04:05:06", "04:05:06"),
    Sample("time", Kind.TIME, "04:05", "04:05:00", "04:05:00"),
    Sample("time", Kind.TIME, "04:05:06.75", "04:05:06", "04:05:06"),
    Sample("time", Kind.TEXT, "04:05:06", "04:05:06", "04:05:06"),
    Sample(
        "datetime",
        Kind.DATETIME,
        "2031-02-03 04:05:06",
        "2031-02-03 04:05:06",
        "2031-02-03 04:05:06",
    ),
    Sample(
        "datetime",
        Kind.DATETIME,
        "2031-02-03T04:05:06+02:00",
        "2031-02-03 02:05:06",
        "2031-02-03 02:05:06",
    ),
    Sample(
        "datetime",
        Kind.DATETIME,
        "2031-02-03T04:05:06-0230",
        "2031-02-03 06:35:06",
        "2031-02-03 06:35:06",
    ),
    Sample(
        "datetime",
        Kind.DATETIME,
        "2031-12-31T23:30:00-01",
        "2032-01-01 00:30:00",
        "2032-01-01 00:30:00",
    ),
    Sample(
        "datetime", Kind.DATETIME, "2031-02-03T04:05Z", "2031-02-03 04:05:00", "2031-02-03 04:05:00"
    ),
    Sample("datetime", Kind.DATETIME, "2031-02-03", "2031-02-03 00:00:00", "2031-02-03 00:00:00"),
    Sample(
        "datetime",
        Kind.DATETIME,
        "2031-02-03T23:59:59.999Z",
        "2031-02-03 23:59:59",
        "2031-02-03 23:59:59",
    ),
    Sample(
        "datetime",
        Kind.DATETIME,
        "2031-02-03 04:05:06.25",
        "2031-02-03 04:05:06.25",
        "2031-02-03 04:05:06.25",
        "3",
    ),
    Sample(
        "datetime",
        Kind.DATETIME_ZONE,
        "2031-02-03T04:05:06+02:00",
        "2031-02-03 02:05:06",
        "2031-02-03 02:05:06",
    ),
    Sample(
        "datetime", Kind.TEXT, "2031-02-03T04:05:06", "2031-02-03 04:05:06", "2031-02-03 04:05:06"
    ),
    Sample(
        "datetime_created",
        Kind.DATETIME,
        "2031-02-03 04:05:06",
        "2031-02-03 04:05:06",
        "2031-02-03T04:05:06+00:00",
    ),
    Sample(
        "datetime_updated",
        Kind.DATETIME_ZONE,
        "2031-02-03T04:05:06Z",
        "2031-02-03 04:05:06",
        "2031-02-03T04:05:06+00:00",
    ),
    Sample(
        "datetime_updated",
        Kind.TEXT,
        "2031-02-03T04:05:06Z",
        "2031-02-03 04:05:06",
        "2031-02-03T04:05:06+00:00",
    ),
    Sample(
        "json",
        Kind.JSON,
        {"k": [1, None, "é", True]},
        '{"k":[1,null,"é",true]}',
        {"k": [1, None, "é", True]},
    ),
    Sample("json", Kind.TEXT, {"k": 1}, '{"k":1}', {"k": 1}),
    Sample("json", Kind.TEXT, '{"k":1}', '"{\\"k\\":1}"', '{"k":1}'),
    Sample("json", Kind.TEXT, [], "[]", []),
    Sample("json", Kind.TEXT, False, "false", False),
    Sample("json", Kind.JSON, 0, "0", 0),
    Sample("json", Kind.JSON, "\\u0000", '"\\\\u0000"', "\\u0000"),
    Sample("json", Kind.BINARY, {"k": 1}, b'{"k":1}', {"k": 1}),
    Sample("array", Kind.TEXT, ["a", "b", 3], "a,b,3", ["a", "b", "3"]),
    Sample("array", Kind.TEXT, "a,b", "a,b", ["a", "b"]),
    Sample("array", Kind.TEXT, [], "", []),
    Sample("array", Kind.TEXT_ARRAY, ["a,b", "c"], ["a,b", "c"], ["a,b", "c"]),
    Sample("array", Kind.TEXT_ARRAY, "a,b", ["a", "b"], ["a", "b"]),
    Sample("array", Kind.JSON, ["a,b"], '["a,b"]', ["a,b"]),
    Sample("binary", Kind.BINARY, "AP8=", b"\0\xff", "AP8="),
    Sample("binary", Kind.BINARY, "", b"", ""),
    Sample("binary", Kind.TEXT, "AP8=", "AP8=", "AP8="),
    Sample("m2o", Kind.INTEGER, 4, 4, 4),
    Sample("m2o", Kind.INTEGER, "4", 4, 4),
    Sample("m2o", Kind.TEXT, "key", "key", "key", length="3"),
    Sample("m2o", Kind.TEXT, 4, "4", "4"),
    Sample("m2o", Kind.UUID, UUID, UUID, UUID),
    Sample("m2o", Kind.DECIMAL, 4, Decimal(4), 4.0),
    Sample("user", Kind.INTEGER, 1, 1, 1),
    Sample("owner", Kind.INTEGER, "1", 1, 1),
    Sample("user_created", Kind.INTEGER, 1, 1, 1),
    Sample("user_updated", Kind.INTEGER, 1, 1, 1),
    Sample("file", Kind.INTEGER, 12, 12, 12),
]
