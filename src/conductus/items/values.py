"""Judges the values of one item's own columns: required, type, length, pattern, status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from conductus.errors import Unprocessable, ValidationFailed
from conductus.items.changes import Item, Secret
from conductus.items.stamps import mirrored_slugs
from conductus.permissions.writing import Action
from conductus.schema.model import Collection, Column, Field, Kind
from conductus.schema.secrets import secret
from conductus.schema.types import MASK, type_of
from conductus.schema.types.field_type import Plain
from conductus.schema.validation import check_validation

REQUIRED = "This value is required"


class Judged(Struct, frozen=True):
    """Values that pass."""

    values: dict[str, Plain | Secret]
    sent: Item
    """The same as they were sent, secrets masked or left out."""


class ValueJudge:
    """Judges the values of one item. `elsewhere`: fields that are filled by other means,
    with False for those that end up without a value."""

    def __init__(
        self, collection: Collection, action: Action, elsewhere: Mapping[str, bool]
    ) -> None:
        self._collection = collection
        self._creating = action is Action.CREATE
        self._elsewhere = elsewhere
        self._problems: dict[str, str] = {}

    def judge(self, own: Item) -> Judged:
        """The plain values of the columns that the payload gives.

        Raises `ValidationFailed` with a problem per field, or the first other error.
        """
        given = {**own, **mirrored_slugs(self._collection, own)}
        lenient = self._lenient(given)
        values: dict[str, Plain | Secret] = {}
        for name, value in given.items():
            field = self._collection.fields[name]
            if value == MASK and not self._creating and secret(field):
                # What answers show in its place, written back.
                continue
            parsed = self._value(field, value, lenient=lenient)
            if name not in self._problems:
                values[name] = parsed
        self._require_rest(given, values, lenient=lenient)
        if self._problems:
            raise ValidationFailed(self._problems)
        return Judged(
            values,
            {
                name: _shown(self._collection.fields[name], own[name])
                for name in own
                if not unrecorded(self._collection.fields[name])
            },
        )

    def _value(self, field: Field, value: Any, *, lenient: bool) -> Plain | Secret:
        column = field.column
        if column is None or column.generated:
            raise Unprocessable(f"{field.name}: is computed by the database")
        if value is None or value == "":
            return self._nothing(field, column, value, lenient=lenient)
        try:
            parsed = type_of(field).parse(value, field)
            if field.validation:
                check_validation(field.validation, value, field.name)
        except ValidationFailed as problem:
            self._problems.update(_by_field(problem, field))
            return None
        return Secret(parsed) if field.type == "hash" else parsed

    def _nothing(self, field: Field, column: Column, value: Any, *, lenient: bool) -> Plain:
        """Null or empty text, where a value may or may not be needed."""
        if _must_have_value(field, column) and not column.has_default:
            if not lenient:
                self._problems[field.name] = REQUIRED
                return None
            return _incomplete(column, self._problems, field.name)
        if value is None or field.type == "hash":
            if not column.nullable:
                self._problems[field.name] = REQUIRED
            return None
        try:
            return type_of(field).parse(value, field)
        except ValidationFailed as problem:
            self._problems.update(_by_field(problem, field))
            return None

    def _require_rest(
        self, given: Item, values: dict[str, Plain | Secret], *, lenient: bool
    ) -> None:
        """Fields that the payload does not give, or gives as nested changes."""
        for name, field in self._collection.fields.items():
            if name in given or self._elsewhere.get(name) is True:
                continue
            column = field.column
            emptied = name in self._elsewhere
            if column is None:
                if self._creating and field.required and _lists(field) and not lenient:
                    self._problems[name] = REQUIRED
                continue
            if column.generated or column.auto_increment or not (self._creating or emptied):
                continue
            if not _must_have_value(field, column) or (column.has_default and not emptied):
                continue
            if not lenient:
                self._problems[name] = REQUIRED
            elif not column.nullable:
                values[name] = _incomplete(column, self._problems, name)

    def _lenient(self, given: Item) -> bool:
        """True when the written status lets items be incomplete."""
        name = self._collection.status_field
        if name is None:
            return False
        column = self._collection.fields[name].column
        written = given.get(name)
        if written is None and self._creating and column is not None:
            written = column.default
        return any(
            not status.required_fields and str(status.value) == str(written)
            for status in self._collection.statuses
        )


def _must_have_value(field: Field, column: Column) -> bool:
    # The metadata of the built-in collections asks for more than was ever enforced:
    # a user needs an e-mail address, and no name.
    if field.collection.startswith("directus_"):
        return not column.nullable
    return field.required or not column.nullable


def _incomplete(column: Column, problems: dict[str, str], name: str) -> Plain:
    """What an item that may be incomplete holds in a required column."""
    if column.nullable:
        return None
    if column.kind is Kind.TEXT:
        return ""
    problems[name] = REQUIRED
    return None


def _lists(field: Field) -> bool:
    return field.type in ("o2m", "translation")


def _by_field(problem: ValidationFailed, field: Field) -> dict[str, str]:
    fields = problem.details.get("fields")
    return fields if isinstance(fields, dict) else {field.name: problem.message}


def unrecorded(field: Field) -> bool:
    """True for the secrets of built-in collections: history never holds them."""
    return secret(field) and field.collection.startswith("directus_")


def _shown(field: Field, value: Any) -> Any:
    return MASK if secret(field) and value is not None else value
