"""What writing asks of a collection, worked out once per collection and not per value.

Everything here follows from the schema alone: how values are parsed and checked, what a
new item must give, what the server sets, how history keeps a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from conductus.items import stamps
from conductus.items.per_collection import PerCollection
from conductus.schema.model import Collection, Column, Field, Kind
from conductus.schema.secrets import secret
from conductus.schema.slugs import mirrored_field
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Present
from conductus.schema.types.parsers import Parse, Settled, parser, settled
from conductus.schema.validation import check_rule, validator

Checks = Mapping[str, Callable[[Any], bool]]


class OwnField(Struct, frozen=True, eq=False):
    """A field that has a column."""

    field: Field
    column: Column
    parse: Parse
    settled: Settled
    check: Callable[[Any], None] | None
    """Checks a value by the field's `validation`; None where there is none."""
    needs_value: bool
    secret: bool
    recorded: bool
    """Whether history may hold it."""


class Profile(Struct, frozen=True, eq=False):
    """One collection, as writing sees it."""

    collection: Collection
    own: dict[str, OwnField]
    keys: frozenset[str]
    """The names of the key columns."""
    simple: frozenset[str]
    """Fields of `own` that the server never sets by itself."""
    quick: dict[str, Parse]
    """Those of `own` of which nothing more is asked than to be parsed."""
    secrets: bool
    """Whether some field of `own` is a secret."""
    needed: tuple[Field, ...]
    """Fields that may be missed when an item does not give them, in order."""
    incomplete: frozenset[str]
    """Texts of the statuses in which items may be incomplete."""
    slugs: tuple[tuple[Field, str], ...]
    """Slugs with the field that each is made from."""
    on_create: tuple[Field, ...]
    """Fields that the server sets in a new item …"""
    on_update: tuple[Field, ...]
    """… and in a changed one."""
    identifiers: tuple[Field, ...]
    """Fields that get a UUID when a new item does not give one."""
    lengths: dict[str, int | None]
    """How many letters the columns of text take; None for any number."""
    recorders: dict[str, Present | None]
    """How history keeps the columns that it keeps."""


class Profiles:
    """The profiles of the collections that are written."""

    def __init__(self, checks: Checks | None = None) -> None:
        """`checks` are rules that fields may name, besides the built-in ones."""
        self.of = PerCollection(partial(profile_of, checks=checks or {}))
        """Gives the profile of a collection."""


def profile_of(collection: Collection, checks: Checks) -> Profile:
    """The profile of a collection."""
    columns = tuple(collection.columns())
    own = {
        field.name: _own(field, field.column, checks)
        for field in columns
        if field.column is not None
    }
    return Profile(
        collection=collection,
        own=own,
        keys=frozenset(collection.primary_key),
        simple=frozenset(name for name, one in own.items() if _simple(one.field)),
        quick={name: one.parse for name, one in own.items() if _quick(one)},
        secrets=any(one.secret for one in own.values()),
        needed=tuple(field for field in collection.fields.values() if _needed(field)),
        incomplete=frozenset(
            str(status.value) for status in collection.statuses if not status.required_fields
        ),
        slugs=tuple(
            (field, source) for field in columns if (source := mirrored_field(field)) is not None
        ),
        on_create=tuple(field for field in columns if stamps.set_on_create(field)),
        on_update=tuple(field for field in columns if stamps.set_on_update(field)),
        identifiers=tuple(field for field in columns if stamps.identifies(field, collection)),
        lengths={
            name: _letters(one.column) for name, one in own.items() if one.column.kind is Kind.TEXT
        },
        recorders={
            name: type_of(one.field).recorder(one.column.kind)
            for name, one in own.items()
            if one.recorded
        },
    )


def _own(field: Field, column: Column, checks: Checks) -> OwnField:
    hidden = secret(field)
    return OwnField(
        field=field,
        column=column,
        parse=parser(field),
        settled=settled(field),
        check=_check(field, checks),
        needs_value=_must_have_value(field, column),
        secret=hidden,
        recorded=kept_in_history(field),
    )


def _letters(column: Column) -> int | None:
    length = column.length or ""
    return int(length) if length.isdecimal() else None


def _check(field: Field, checks: Checks) -> Callable[[Any], None] | None:
    if not field.validation:
        return None
    rule = checks.get(field.validation)
    if rule is None:
        return validator(field.validation, field.name)
    return partial(check_rule, rule, name=field.name)


def kept_in_history(field: Field) -> bool:
    """False for the secrets of built-in collections."""
    return not (secret(field) and field.collection.startswith("directus_"))


def _simple(field: Field) -> bool:
    return not type_of(field).alias and not stamps.server_set(field)


def _quick(own: OwnField) -> bool:
    return own.check is None and not own.secret and not own.column.generated


def _needed(field: Field) -> bool:
    column = field.column
    if column is None:
        return field.required and field.type in ("o2m", "translation")
    if column.generated or column.auto_increment:
        return False
    return _must_have_value(field, column)


def _must_have_value(field: Field, column: Column) -> bool:
    # The metadata of the built-in collections asks for more than was ever enforced:
    # a user needs an e-mail address, and no name.
    if field.collection.startswith("directus_"):
        return not column.nullable
    return field.required or not column.nullable
