"""From what a client asks of a field to the column that it gets. Pure.

Source: schema page of the API reference, §2.2 and §3.1.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, structs

from conductus.database.column_types import ColumnRequest, planned_column
from conductus.database.datatypes import (
    DEFAULT_SHAPES,
    INTEGER_WIDTHS,
    LengthRule,
    Shape,
    length_rule,
    shape,
)
from conductus.database.ddl.conversion import fits
from conductus.database.dialect import Name
from conductus.errors import FieldTypeUnknown, Unprocessable, ValidationFailed
from conductus.projects.schema_changes.requests import FieldRequest
from conductus.schema.model import NUMBERS, REFERENCES_BY_TYPE, Column, Field, Kind, Schema
from conductus.schema.types import FIELD_TYPES, FieldType, field_type
from conductus.schema.types.fitting import fit

SINGLE_TYPES = frozenset(
    {"status", "sort", "lang", "owner", "user_updated", "datetime_created", "datetime_updated"}
)
"""Field types of which a collection has one at most."""
_TEXTS = frozenset({Kind.TEXT, Kind.OPAQUE, Kind.UUID})


def stated_type(request: FieldRequest) -> FieldType:
    """The type of a new field. Raises `FieldTypeUnknown` (401)."""
    if request.type is UNSET:
        raise FieldTypeUnknown("")
    return field_type(request.type.lower())


def new_column(
    database: Name, schema: Schema, collection: str, request: FieldRequest, name: str
) -> Column | None:
    """The column of a new field; None for an alias."""
    kind = stated_type(request)
    if kind.alias:
        return None
    wanted = ColumnRequest(
        name=name,
        type=kind.name,
        shape=_new_shape(schema, kind.name, request),
        signed=_signed(schema, kind.name, request),
        nullable=_nullable(request, otherwise=True),
        primary_key=request.primary_key is True,
        auto_increment=request.auto_increment is True,
        unique=request.unique is True,
    )
    if wanted.auto_increment and not wanted.primary_key:
        raise Unprocessable(f"{name}: only a primary key counts by itself")
    planned = planned_column(database, wanted)
    if planned.auto_increment and planned.kind is not Kind.INTEGER:
        raise Unprocessable(f"{name}: only integers count by themselves")
    return _with_default(planned, collection, kind, request)


def changed_column(
    database: Name, schema: Schema, field: Field, before: Column, request: FieldRequest
) -> Column:
    """The column of an existing field as a request wants it; the same when nothing differs.

    Raises `Unprocessable` (12) where the primary key would change.
    """
    _refuse_key_changes(field, before, request)
    kind = field_type(request.type.lower()) if request.type is not UNSET else None
    shape_wanted = _changed_shape(schema, kind, before, request)
    signed = before.signed
    if request.signed is not UNSET and before.kind in NUMBERS:
        signed = request.signed
    after = before
    if shape_wanted is not None or signed != before.signed:
        if before.primary_key:
            raise Unprocessable(
                f"{field.name}: the primary key keeps its type", details={"field": field.name}
            )
        after = _retyped(database, before, kind.name if kind else field.type, shape_wanted, signed)
        if request.default_value is UNSET:
            after = _with_old_default(field, before, after)
    nullable = before.primary_key is False and _nullable(request, otherwise=before.nullable)
    unique = request.unique if request.unique is not UNSET else before.unique
    after = structs.replace(after, nullable=nullable, unique=unique and not before.primary_key)
    return _with_default(after, field.collection, kind or _type_of(field), request)


def _retyped(
    database: Name, before: Column, type: str, wanted: Shape | None, signed: bool
) -> Column:
    planned = planned_column(
        database,
        ColumnRequest(
            name=before.name,
            type=type,
            shape=wanted or Shape(before.datatype, before.length),
            signed=signed,
            primary_key=before.primary_key,
            auto_increment=before.auto_increment,
        ),
    )
    same = (planned.kind, planned.datatype, planned.length) == (
        before.kind,
        before.datatype,
        before.length,
    )
    return structs.replace(
        planned,
        # The catalogue's own spelling, where only the sign differs or nothing.
        native=before.native if same else planned.native,
        default=before.default,
        has_default=before.has_default,
    )


def _refuse_key_changes(field: Field, before: Column, request: FieldRequest) -> None:
    for name in ("primary_key", "auto_increment"):
        wanted = getattr(request, name)
        if wanted is not UNSET and wanted != getattr(before, name):
            raise Unprocessable(
                f"{field.name}: {name} cannot be changed on an existing column",
                details={"field": field.name},
            )


def _with_old_default(field: Field, before: Column, after: Column) -> Column:
    """The column with the default that it had, converted as the values of its rows are."""
    if before.default is None:
        return after
    if not fits(before.default, before, after):
        raise Unprocessable(
            f"{field.name}: the default does not fit the new datatype",
            details={"field": field.name},
        )
    return structs.replace(after, default=fit(before.default, structs.replace(field, column=after)))


def _new_shape(schema: Schema, type: str, request: FieldRequest) -> Shape:
    stated = None if request.length is UNSET else request.length
    if request.datatype not in (UNSET, None):
        return shape(str(request.datatype), stated)
    target = _target_column(schema, type)
    if target is not None:
        return Shape(_creatable(target), target.length)
    default = DEFAULT_SHAPES[type]
    if type == "status" and _numeric_statuses(request.options):
        default = Shape("INT")
    if stated is not None and length_rule(default.datatype) is LengthRule.NEEDED:
        return shape(default.datatype, stated)
    return default


def _changed_shape(
    schema: Schema, kind: FieldType | None, before: Column, request: FieldRequest
) -> Shape | None:
    """The shape that a request asks for; None when it asks for none or for the present one."""
    length = None if request.length is UNSET else request.length
    if request.datatype in (UNSET, None):
        if kind is not None and not _suits(kind, before):
            return _new_shape(schema, kind.name, request)
        if request.length is UNSET or length == before.length:
            return None
        return _unless_same(shape(before.datatype, length), before)
    if str(request.datatype).upper() == before.datatype and length in (None, before.length):
        return None
    stated = str(request.datatype)
    keeps = request.length is UNSET and stated.upper() == before.datatype
    return _unless_same(shape(stated, before.length if keeps else length), before)


def _unless_same(wanted: Shape, before: Column) -> Shape | None:
    if wanted.datatype in INTEGER_WIDTHS and wanted.datatype == before.datatype:
        # A length of integers is taken and ignored.
        return None
    return None if wanted == Shape(before.datatype, before.length) else wanted


def _suits(kind: FieldType, column: Column) -> bool:
    """Whether the column can stay as it is for a field of that type."""
    have = Kind.DECIMAL if column.kind is Kind.DECIMAL_TEXT else column.kind
    return not kind.kinds or have in kind.kinds


def _signed(schema: Schema, type: str, request: FieldRequest) -> bool:
    if request.signed is not UNSET:
        return request.signed
    target = _target_column(schema, type)
    return target is None or request.datatype not in (UNSET, None) or target.signed


def _target_column(schema: Schema, type: str) -> Column | None:
    """The key that a field of such a type holds, where the type says which."""
    target = schema.collections.get(REFERENCES_BY_TYPE.get(type, ""))
    if target is None or len(target.primary_key) != 1:
        return None
    return target.fields[target.primary_key[0]].column


def _creatable(column: Column) -> str:
    return "UUID" if column.kind is Kind.UUID else column.datatype


def _numeric_statuses(options: Any) -> bool:
    mapping = options.get("status_mapping") if isinstance(options, dict) else None
    if not isinstance(mapping, dict) or not mapping:
        return False
    values = (
        entry.get("value", key) if isinstance(entry, dict) else key
        for key, entry in mapping.items()
    )
    return all(
        isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdecimal())
        for value in values
    )


def _nullable(request: FieldRequest, *, otherwise: bool) -> bool:
    if request.required is True or request.nullable is False:
        return False
    if request.required is False or request.nullable is True:
        return True
    return otherwise


def _type_of(field: Field) -> FieldType:
    return FIELD_TYPES[field.type]


def _with_default(
    column: Column, collection: str, kind: FieldType, request: FieldRequest
) -> Column:
    value = request.default_value
    if value is UNSET or column.auto_increment or column.generated:
        return column
    if value is None or (value == "" and column.kind not in _TEXTS):
        # An expression cannot be told from no default: sent back as null, it stays.
        expression = column.has_default and column.default is None
        return column if expression else structs.replace(column, default=None, has_default=False)
    if column.kind is Kind.BINARY:
        raise ValidationFailed({"default_value": "Binary fields take no default"})
    options = request.options if isinstance(request.options, dict) else None
    field = Field(
        collection=collection, name=column.name, type=kind.name, column=column, options=options
    )
    plain = kind.parse(value, field)
    if isinstance(plain, str) and "\0" in plain:
        raise ValidationFailed({"default_value": "This may not hold the NUL character"})
    return structs.replace(column, default=plain, has_default=plain is not None)
