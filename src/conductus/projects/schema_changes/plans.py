"""What a request does to one table: columns to add and change, rows of metadata to write.

Pure judgement, in the order and with the codes of the API reference; nothing is done here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct

from conductus.database.ddl import ColumnChange, TableChange
from conductus.database.ddl.elements import check_identifier
from conductus.database.dialect import Name
from conductus.errors import (
    FieldExists,
    FieldPathNotFound,
    FieldWriteForbidden,
    Unprocessable,
    ValidationFailed,
)
from conductus.projects.schema_changes.columns import (
    SINGLE_TYPES,
    changed_column,
    new_column,
    stated_type,
)
from conductus.projects.schema_changes.metadata import FIELD_COLUMNS
from conductus.projects.schema_changes.objects import field_object
from conductus.projects.schema_changes.picture import Picture
from conductus.projects.schema_changes.requests import FieldRequest
from conductus.schema.model import Collection, Column, Field
from conductus.schema.names import check_field_name, find_twin
from conductus.schema.types import field_type

FREE_KEYS = frozenset({"note", "translation", "width", "sort", "hidden_detail", "hidden_browse"})
"""What may be changed of fields that belong to the system."""
_ANSWERED_ONLY = frozenset({"field", "nullable"})


class FieldRow(Struct, frozen=True):
    """What a row of `directus_fields` shall say."""

    field: str
    type: str
    values: Mapping[str, Any]


class FieldPlan(Struct, frozen=True, kw_only=True):
    """What becomes of one field."""

    row: FieldRow
    added: Column | None = None
    changed: ColumnChange | None = None
    dropped: Column | None = None
    """A field that becomes an alias loses its column."""
    rename_to: str | None = None


def table_change(plans: Iterable[FieldPlan]) -> TableChange:
    """The plans of one table as one change of it."""
    every = list(plans)
    return TableChange(
        added=tuple(plan.added for plan in every if plan.added is not None),
        changed=tuple(
            plan.changed
            for plan in every
            if plan.changed is not None and plan.changed.before != plan.changed.after
        ),
        dropped=tuple(plan.dropped.name for plan in every if plan.dropped is not None),
        renamed=tuple(
            (plan.row.field, plan.rename_to)
            for plan in every
            if plan.rename_to is not None and plan.changed is not None
        ),
    )


class FieldJudge:
    """Judges what is asked of the fields of one collection."""

    def __init__(self, database: Name, picture: Picture, collection: Collection) -> None:
        self._database: Name = database
        self._picture = picture
        self._collection = collection

    def put(self, requests: Sequence[FieldRequest]) -> list[FieldPlan]:
        """Adds the fields that are not there, changes those that are."""
        names = unique_names(requests)
        plans = [
            self.change(name, request) if name in self._collection.fields else self.add(request)
            for name, request in zip(names, requests, strict=True)
        ]
        self.refuse_doubles(plans)
        return plans

    def create(self, request: FieldRequest) -> FieldPlan:
        """A field that must not be there yet; a column without metadata is taken over."""
        name = check_field_name(None if request.field is UNSET else request.field)
        existing = self._collection.fields.get(name)
        if existing is not None and (existing.managed or existing.locked):
            raise FieldExists(name, self._collection.name)
        plan = self.add(request) if existing is None else self.change(name, request)
        self.refuse_doubles([plan])
        return plan

    def add(self, request: FieldRequest) -> FieldPlan:
        """A new field. Raises 4, 12, 401, 402 or 403."""
        name = check_field_name(None if request.field is UNSET else request.field)
        self._refuse_twin(name)
        if request.primary_key is True and not self._is_new():
            raise Unprocessable(f"{name}: the collection has its primary key already")
        kind = stated_type(request)
        schema = self._picture.schema
        column = new_column(self._database, schema, self._collection.name, request, name)
        if column is not None:
            check_identifier(self._database, "field", name)
        if column is not None and self._collection.view:
            raise Unprocessable(f"{self._collection.name!r} is a view: its columns are fixed")
        return FieldPlan(row=FieldRow(name, kind.name, row_values(request)), added=column)

    def change(self, name: str, request: FieldRequest) -> FieldPlan:
        """A change of a field. Raises 202, 305, 308, 12, 401, 402 or 403."""
        field = self._collection.fields.get(name)
        if field is None:
            raise FieldPathNotFound(name, self._collection.name)
        if field.locked or self._picture.builtin_field(self._collection.name, name):
            return self._change_locked(field, request)
        kind = field_type(request.type.lower()) if request.type is not UNSET else None
        row = FieldRow(name, kind.name if kind else field.type, row_values(request))
        new_name = self._new_name(field, request)
        alias = kind.alias if kind is not None else field.column is None
        if alias:
            dropped = self._droppable(field) if field.column else None
            return FieldPlan(row=row, dropped=dropped, rename_to=new_name)
        if field.column is None:
            return FieldPlan(
                row=row, added=self._column_of(new_name or name, request), rename_to=new_name
            )
        schema = self._picture.schema
        after = changed_column(self._database, schema, field, field.column, request)
        changed = ColumnChange(field.column, after)
        if self._collection.view and after != field.column:
            raise Unprocessable(f"{self._collection.name!r} is a view: its columns are fixed")
        return FieldPlan(row=row, changed=changed, rename_to=new_name)

    def refuse_doubles(self, plans: Iterable[FieldPlan]) -> None:
        """Raises `ValidationFailed` where a type would be there twice that may be once."""
        types = {field.name: field.type for field in self._collection.fields.values()}
        types |= {plan.row.field: plan.row.type for plan in plans}
        refuse_double_types(types.values())

    def _column_of(self, name: str, request: FieldRequest) -> Column | None:
        schema = self._picture.schema
        return new_column(self._database, schema, self._collection.name, request, name)

    def _droppable(self, field: Field) -> Column | None:
        if field.column is not None and field.column.primary_key:
            raise Unprocessable(f"{field.name}: the primary key cannot become an alias")
        return field.column

    def _change_locked(self, field: Field, request: FieldRequest) -> FieldPlan:
        present = field_object(field)
        for key, value in request.stated().items():
            same = key in _ANSWERED_ONLY or value == present.get(key)
            if key not in FREE_KEYS and not same:
                raise FieldWriteForbidden(field.name, field.collection)
        values = {key: value for key, value in row_values(request).items() if key in FREE_KEYS}
        return FieldPlan(row=FieldRow(field.name, field.type, values))

    def _new_name(self, field: Field, request: FieldRequest) -> str | None:
        if request.rename_to is UNSET or request.rename_to == field.name:
            return None
        name = check_field_name(request.rename_to)
        if field.column is not None and field.column.primary_key:
            raise Unprocessable(f"{field.name}: the primary key cannot be renamed")
        check_identifier(self._database, "rename_to", name)
        if name in self._collection.fields:
            raise FieldExists(name, self._collection.name)
        self._refuse_twin(name, besides=field.name)
        return name

    def _refuse_twin(self, name: str, besides: str | None = None) -> None:
        twin = find_twin(name, self._collection.fields)
        if twin is not None and twin != besides:
            raise FieldExists(twin, self._collection.name)

    def _is_new(self) -> bool:
        return not self._collection.fields


def row_values(request: FieldRequest) -> dict[str, Any]:
    """What the request wants the row of `directus_fields` to say."""
    stated = request.stated()
    values: dict[str, Any] = {name: stated[name] for name in FIELD_COLUMNS if name in stated}
    if "type" in values:
        values["type"] = field_type(values["type"].lower()).name
    if values.get("options") == []:
        # What an empty object is for clients written in PHP.
        values["options"] = None
    return values


def unique_names(requests: Iterable[FieldRequest]) -> list[str]:
    """The names of the fields asked for. Raises `Unprocessable` when one is there twice."""
    names = [
        request.field if request.field is not UNSET else check_field_name(None)
        for request in requests
    ]
    # Not every database tells names apart by case.
    counted = Counter(name.lower() for name in names)
    twice = [name for name in names if counted[name.lower()] > 1]
    if twice:
        raise Unprocessable(f"The field {twice[0]!r} is there twice", details={"field": twice[0]})
    return names


def refuse_double_types(types: Iterable[str]) -> None:
    """Raises `ValidationFailed` for two fields of a type of which there is one at most."""
    for type, times in Counter(types).items():
        if times > 1 and type in SINGLE_TYPES:
            raise ValidationFailed(f"A collection has one field of type {type!r} at most")
