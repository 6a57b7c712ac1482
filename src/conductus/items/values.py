"""Judges the values of one item's own columns: required, type, length, pattern, status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from conductus.errors import Unprocessable, ValidationFailed
from conductus.items.changes import Item, Secret, secrets_among
from conductus.items.profile import OwnField, Profile
from conductus.items.stamps import mirrored_slugs
from conductus.permissions.writing import Action
from conductus.schema.model import Column, Field, Kind
from conductus.schema.types import MASK
from conductus.schema.types.field_type import Plain

REQUIRED = "This value is required"


class Judged(Struct, frozen=True):
    """Values that pass."""

    values: dict[str, Plain | Secret]
    sent: Item
    """The same as they were sent, secrets masked or left out."""
    secrets: tuple[Secret, ...] = ()


class ValueJudge:
    """Judges the values of one item. `elsewhere`: fields that are filled by other means,
    with False for those that end up without a value."""

    __slots__ = ("_creating", "_elsewhere", "_problems", "_profile")

    def __init__(self, profile: Profile, action: Action, elsewhere: Mapping[str, bool]) -> None:
        self._profile = profile
        self._creating = action is Action.CREATE
        self._elsewhere = elsewhere
        self._problems: dict[str, str] = {}

    def judge(self, own: Item) -> Judged:
        """The plain values of the columns that the payload gives.

        Raises `ValidationFailed` with a problem per field, or the first other error.
        """
        profile = self._profile
        given = {**own, **mirrored_slugs(profile.slugs, own)} if profile.slugs else own
        fields, quick = profile.own, profile.quick
        lenient = bool(profile.incomplete) and self._lenient(given)
        values: dict[str, Plain | Secret] = {}
        for name, value in given.items():
            parse = quick.get(name)
            if parse is not None and value is not None and value != "":
                try:
                    values[name] = parse(value)
                except ValidationFailed as problem:
                    self._problems.update(_by_field(problem, fields[name].field))
                continue
            field = fields.get(name)
            if field is not None and field.secret and value == MASK and not self._creating:
                # What answers show in its place, written back.
                continue
            if field is None or field.column.generated:
                raise Unprocessable(f"{name}: is computed by the database")
            parsed = self._value(field, value, lenient=lenient)
            if name not in self._problems:
                values[name] = parsed
        if self._creating or self._elsewhere:
            self._require_rest(given, values, lenient=lenient)
        if self._problems:
            raise ValidationFailed(self._problems)
        if not profile.secrets:
            return Judged(values, own)
        return Judged(values, _shown(own, profile), secrets_among(values.values()))

    def _value(self, own: OwnField, value: Any, *, lenient: bool) -> Plain | Secret:
        if value is None or value == "":
            return self._nothing(own, value, lenient=lenient)
        try:
            parsed = own.parse(value)
            if own.check is not None:
                own.check(value)
        except ValidationFailed as problem:
            self._problems.update(_by_field(problem, own.field))
            return None
        return Secret(parsed) if own.field.type == "hash" else parsed

    def _nothing(self, own: OwnField, value: Any, *, lenient: bool) -> Plain:
        """Null or empty text, where a value may or may not be needed."""
        field, column = own.field, own.column
        if own.needs_value and not column.has_default:
            if not lenient:
                self._problems[field.name] = REQUIRED
                return None
            return _incomplete(column, self._problems, field.name)
        if value is None or field.type == "hash":
            if not column.nullable:
                self._problems[field.name] = REQUIRED
            return None
        try:
            return own.parse(value)
        except ValidationFailed as problem:
            self._problems.update(_by_field(problem, field))
            return None

    def _require_rest(
        self, given: Item, values: dict[str, Plain | Secret], *, lenient: bool
    ) -> None:
        """Fields that the payload does not give, or gives as nested changes."""
        for field in self._profile.needed:
            name = field.name
            if name in given or self._elsewhere.get(name) is True:
                continue
            column = field.column
            emptied = name in self._elsewhere
            if column is None:
                if self._creating and not lenient:
                    self._problems[name] = REQUIRED
                continue
            if not (self._creating or emptied) or (column.has_default and not emptied):
                continue
            if not lenient:
                self._problems[name] = REQUIRED
            elif not column.nullable:
                values[name] = _incomplete(column, self._problems, name)

    def _lenient(self, given: Item) -> bool:
        """True when the written status lets items be incomplete."""
        collection = self._profile.collection
        if collection.status_field is None:
            return False
        column = collection.fields[collection.status_field].column
        written = given.get(collection.status_field)
        if written is None and self._creating and column is not None:
            written = column.default
        return str(written) in self._profile.incomplete


def _shown(own: Item, profile: Profile) -> Item:
    """Values as they were sent, secrets masked or left out."""
    fields = profile.own
    return {
        name: MASK if fields[name].secret and value is not None else value
        for name, value in own.items()
        if fields[name].recorded
    }


def _incomplete(column: Column, problems: dict[str, str], name: str) -> Plain:
    """What an item that may be incomplete holds in a required column."""
    if column.nullable:
        return None
    if column.kind is Kind.TEXT:
        return ""
    problems[name] = REQUIRED
    return None


def _by_field(problem: ValidationFailed, field: Field) -> dict[str, str]:
    fields = problem.details.get("fields")
    return fields if isinstance(fields, dict) else {field.name: problem.message}
