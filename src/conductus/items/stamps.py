"""What the server writes into an item by itself: who and when, identifiers, slugs."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from conductus.database.dialect import Dialect
from conductus.items.context import Context
from conductus.permissions.actor import NOBODY
from conductus.permissions.policy import Policy
from conductus.schema.model import Collection, Field, Kind
from conductus.schema.slugs import made_slug
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain

_CREATORS: Final = frozenset({"owner", "user_created"})
_ON_CREATE: Final = _CREATORS | {"user_updated", "datetime_created", "datetime_updated"}
_ON_UPDATE: Final = frozenset({"user_updated", "datetime_updated"})
_CORRECTABLE: Final = _CREATORS | {"datetime_created"}
_IDENTIFIED: Final = frozenset({"directus_users", "directus_roles"})
"""Collections whose `external_id` is filled with a UUID when it is missing."""
_SECONDS: Final = len("2031-02-03 04:05:06")


def server_set(field: Field) -> bool:
    """True for a field of a type whose values the server sets."""
    return field.type in _ON_CREATE


def set_on_create(field: Field) -> bool:
    """True for a column that the server sets in a new item …"""
    return field.type in _ON_CREATE and not _generated(field)


def set_on_update(field: Field) -> bool:
    """… and in a changed one."""
    return field.type in _ON_UPDATE and not _generated(field)


def identifies(field: Field, collection: Collection) -> bool:
    """True for a column that gets a UUID when a new item does not give one."""
    if field.type == "uuid" and field.name in collection.primary_key:
        return True
    return field.name == "external_id" and collection.name in _IDENTIFIED


def ignored(field: Field, collection: Collection, policy: Policy, *, creating: bool) -> bool:
    """True for a field whose value the server sets, whatever the client sends.

    The time of creation may be corrected by administrators later on, and the owner by
    whom the row is judged to let: who may change it whosever it is.
    """
    if not server_set(field):
        return False
    if creating or field.type not in _CORRECTABLE:
        return True
    return not policy.administrator and field.name != collection.owner_field


def stamped(fields: Iterable[Field], context: Context) -> dict[str, Plain]:
    """What the server writes into these fields."""
    return {field.name: _stamp(field, context) for field in fields}


def identified(
    fields: Iterable[Field], given: Container[str], new_uuid: Callable[[], str]
) -> dict[str, Plain]:
    """Identifiers for those fields that the request does not give."""
    return {
        field.name: type_of(field).parse(new_uuid(), field)
        for field in fields
        if field.name not in given
    }


def mirrored_slugs(fields: Iterable[tuple[Field, str]], body: Mapping[str, Any]) -> dict[str, str]:
    """The slugs that are not given and follow from fields that are."""
    slugs: dict[str, str] = {}
    for field, source in fields:
        if source in body and field.name not in body:
            slug = made_slug(field, body[source])
            if slug is not None:
                slugs[field.name] = slug
    return slugs


def moment_in(field: Field, moment: datetime) -> Plain:
    """A moment as the field's column keeps it: UTC, whole seconds."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = utc.isoformat(" ", "seconds")[:_SECONDS]
    match field.kind:
        case Kind.DATETIME | Kind.DATETIME_ZONE:
            return text
        case Kind.DATE:
            return text[:10]
        case _:
            return type_of(field).parse(text, field)


def bound_moment(field: Field, moment: datetime, dialect: Dialect) -> Any:
    """A moment as a statement takes it that compares the field's column with it."""
    bind = dialect.binder(field.kind)
    plain = moment_in(field, moment)
    return bind(plain) if bind else plain


def _stamp(field: Field, context: Context) -> Plain:
    if field.type.startswith("datetime"):
        return moment_in(field, context.now)
    user = context.actor.user
    if user == NOBODY and field.column is not None and field.column.nullable:
        return None
    return type_of(field).parse(user, field)


def _generated(field: Field) -> bool:
    return field.column is not None and field.column.generated
