"""What the server writes into an item by itself: who and when, identifiers, slugs."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from conductus.items.context import Context
from conductus.permissions.actor import NOBODY, Actor
from conductus.schema.model import Collection, Field, Kind
from conductus.schema.slugs import made_slug, mirrored_field
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain

_CREATORS: Final = frozenset({"owner", "user_created"})
_ON_CREATE: Final = _CREATORS | {"user_updated", "datetime_created", "datetime_updated"}
_ON_UPDATE: Final = frozenset({"user_updated", "datetime_updated"})
_CORRECTABLE: Final = _CREATORS | {"datetime_created"}
_IDENTIFIED: Final = frozenset({"directus_users", "directus_roles"})
"""Collections whose `external_id` is filled with a UUID when it is missing."""


def ignored(field: Field, actor: Actor, *, creating: bool) -> bool:
    """True for a field whose value the server sets, whatever the client sends.

    Creator and time of creation may be corrected by administrators later on.
    """
    if field.type not in _ON_CREATE:
        return False
    return creating or field.type not in _CORRECTABLE or not actor.administrator


def on_create(
    collection: Collection, given: Container[str], context: Context, new_uuid: Callable[[], str]
) -> dict[str, Plain]:
    """What a new item gets besides what the request gives."""
    stamps = _stamped(collection, _ON_CREATE, context)
    for field in collection.columns():
        if field.name not in given and _is_identifier(field, collection):
            stamps[field.name] = type_of(field).parse(new_uuid(), field)
    return stamps


def on_update(collection: Collection, context: Context) -> dict[str, Plain]:
    """What a change of an item changes besides."""
    return _stamped(collection, _ON_UPDATE, context)


def mirrored_slugs(collection: Collection, body: Mapping[str, Any]) -> dict[str, str]:
    """The slugs that are not given and follow from fields that are."""
    slugs: dict[str, str] = {}
    for field in collection.columns():
        source = mirrored_field(field)
        if source is not None and source in body and field.name not in body:
            slug = made_slug(field, body[source])
            if slug is not None:
                slugs[field.name] = slug
    return slugs


def moment_in(field: Field, moment: datetime) -> Plain:
    """A moment as the field's column keeps it: UTC, whole seconds."""
    text = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return text[:10] if field.kind is Kind.DATE else type_of(field).parse(text, field)


def _stamped(collection: Collection, types: frozenset[str], context: Context) -> dict[str, Plain]:
    return {
        field.name: _stamp(field, context)
        for field in collection.columns()
        if field.type in types and not _generated(field)
    }


def _stamp(field: Field, context: Context) -> Plain:
    if field.type.startswith("datetime"):
        return moment_in(field, context.now)
    user = context.actor.user
    if user == NOBODY and field.column is not None and field.column.nullable:
        return None
    return type_of(field).parse(user, field)


def _is_identifier(field: Field, collection: Collection) -> bool:
    if field.type == "uuid" and field.name in collection.primary_key:
        return True
    return field.name == "external_id" and collection.name in _IDENTIFIED


def _generated(field: Field) -> bool:
    return field.column is not None and field.column.generated
