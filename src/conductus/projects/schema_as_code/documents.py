"""The document: what a schema is in words that mean the same on each database.

Keys that are left out have their defaults, so that a text says no more than it must; two
documents that say the same are equal. Ids do not appear: everything goes by its name.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, Literal

from msgspec import Struct, structs

from conductus.database.datatypes import DEFAULT_SHAPES
from conductus.errors import ValidationFailed
from conductus.schema.model import REFERENCES_BY_TYPE
from conductus.schema.types import find_field_type

VERSION: Final = 1
Json = dict[str, Any] | list[Any] | None
ForeignKeyRule = Literal["restrict", "cascade", "set_null"]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all parts of a document have in common."""


class FieldDocument(_Part, frozen=True, kw_only=True):
    """A field, in the keys of the API."""

    type: str
    datatype: str | None = None
    """None for an alias, which has no column; left out, the one that the type has."""
    length: int | str | None = None
    signed: bool = True
    primary_key: bool = False
    auto_increment: bool = False
    unique: bool = False
    required: bool = False
    default_value: Any = None
    interface: str | None = None
    options: Json = None
    validation: str | None = None
    readonly: bool = False
    hidden_detail: bool = False
    hidden_browse: bool = False
    sort: int | None = None
    width: str | None = "full"
    group: str | None = None
    """The name of the field of type group that it belongs to."""
    note: str | None = None
    translation: Json = None


class CollectionDocument(_Part, frozen=True, kw_only=True):
    """A collection; of one that is built in, the fields that were added to it."""

    hidden: bool = False
    single: bool = False
    icon: str | None = None
    note: str | None = None
    translation: Json = None
    fields: dict[str, FieldDocument]


class RelationDocument(_Part, frozen=True, kw_only=True):
    """A relation, in the keys of the API."""

    collection_many: str
    field_many: str
    collection_one: str
    field_one: str | None = None
    junction_field: str | None = None
    foreign_key: ForeignKeyRule | None = None
    """What the database does when the one side is deleted; None: the text does not say."""


class RoleDocument(_Part, frozen=True, kw_only=True):
    """A role; its users are none of the schema's business."""

    builtin: Literal["administrator", "public"] | None = None
    """The two roles that every project has are known by this, whatever their names."""
    description: str | None = None
    ip_whitelist: list[str] | None = None
    enforce_2fa: bool = False
    module_listing: Json = None
    collection_listing: Json = None


class PermissionDocument(_Part, frozen=True, kw_only=True):
    """A row of permissions."""

    role: str
    collection: str
    status: str | None = None
    create: str | None = "none"
    read: str | None = "none"
    update: str | None = "none"
    delete: str | None = "none"
    comment: str | None = "none"
    explain: str | None = "none"
    read_field_blacklist: list[str] | None = None
    write_field_blacklist: list[str] | None = None
    status_blacklist: list[str] | None = None


class PresetDocument(_Part, frozen=True, kw_only=True):
    """A preset or bookmark of everybody or of a role; those of users are their own."""

    collection: str
    role: str | None = None
    title: str | None = None
    search_query: str | None = None
    filters: Json = None
    view_type: str = "tabular"
    view_query: Json = None
    view_options: Json = None
    translation: Json = None


class Document(_Part, frozen=True, kw_only=True):
    """A schema as a whole. Parts that are None are not spoken of."""

    version: Literal[1]
    collections: dict[str, CollectionDocument]
    relations: list[RelationDocument] = []
    roles: dict[str, RoleDocument] | None = None
    permissions: list[PermissionDocument] | None = None
    presets: list[PresetDocument] | None = None


Extra = Literal["roles", "permissions", "presets"]
EXTRAS: Final[tuple[Extra, ...]] = ("roles", "permissions", "presets")
"""The parts that a document has when they are asked for."""


def completed(document: Document) -> Document:
    """The document with the datatypes that it leaves to the field types.

    Raises `ValidationFailed` where its parts are at odds.
    """
    _check_relations(document)
    _check_roles(document)
    return structs.replace(
        document,
        collections={
            name: structs.replace(
                collection,
                fields={
                    field: _completed(f"{name}.{field}", told, collection)
                    for field, told in collection.fields.items()
                },
            )
            for name, collection in document.collections.items()
        },
    )


def _completed(name: str, told: FieldDocument, collection: CollectionDocument) -> FieldDocument:
    kind = find_field_type(told.type)
    if kind is None:
        raise ValidationFailed(f"{name}: there is no field type {told.type!r}")
    if kind.alias and told.datatype is not None:
        raise ValidationFailed(f"{name}: a field of type {told.type!r} has no column")
    group = None if told.group is None else collection.fields.get(told.group)
    if told.group is not None and (group is None or group.type != "group"):
        raise ValidationFailed(f"{name}: there is no group {told.group!r}")
    if kind.alias or told.datatype is not None:
        return told
    shape = DEFAULT_SHAPES[told.type]
    length = shape.length if told.length is None else told.length
    if isinstance(length, str) and length.isdecimal():
        length = int(length)
    # What refers to a user or a file has the keys of those.
    signed = told.signed and told.type not in REFERENCES_BY_TYPE
    return structs.replace(told, datatype=shape.datatype, length=length, signed=signed)


def _check_relations(document: Document) -> None:
    ends = [(one.collection_many, one.field_many) for one in document.relations]
    for end, times in Counter(ends).items():
        if times > 1:
            raise ValidationFailed(f"The relation of {'.'.join(end)} is told twice")


def _check_roles(document: Document) -> None:
    builtin = [role.builtin for role in (document.roles or {}).values()]
    if len({kind for kind in builtin if kind}) != sum(kind is not None for kind in builtin):
        raise ValidationFailed("Two roles are told to be the same built-in one")
