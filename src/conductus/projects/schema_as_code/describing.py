"""From a schema to its document. Pure.

The words are the API's own, less what a database adds by itself: the display widths of
integers, the spelling of booleans and UUIDs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from conductus.database.datatypes import DATATYPES, INTEGER_WIDTHS, REFERENCE_TYPES, LengthRule
from conductus.database.introspection import Table
from conductus.projects.schema_as_code.documents import (
    VERSION,
    CollectionDocument,
    Document,
    FieldDocument,
    RelationDocument,
)
from conductus.projects.schema_changes.objects import field_object
from conductus.projects.schema_changes.picture import EXTENSIBLE, Picture
from conductus.schema.model import Collection, Field, Kind, Relation, Schema
from conductus.schema.system import System

COLUMN_KEYS: Final = ("datatype", "length", "signed", "default_value", "unique", "required")
"""What a document says of a column that exists, which the database may spell otherwise."""
_PLAIN_KEYS: Final = (
    "type",
    "signed",
    "primary_key",
    "auto_increment",
    "unique",
    "default_value",
    "interface",
    "options",
    "validation",
    "readonly",
    "hidden_detail",
    "hidden_browse",
    "sort",
    "width",
    "note",
    "translation",
)


def describe(picture: Picture) -> Document:
    """The managed collections and their relations."""
    schema = picture.schema
    found = {name: schema.collections[name] for name in described(schema)}
    collections = {
        name: describe_collection(collection, picture)
        for name, collection in sorted(found.items())
        if not collection.system or _own_fields(collection, picture)
    }
    relations = [
        describe_relation(relation, picture.tables)
        for relation in own_relations(schema, picture.system)
    ]
    return Document(version=VERSION, collections=collections, relations=relations)


def described(schema: Schema) -> list[str]:
    """The collections that a document speaks of: managed tables with a key."""
    return [
        name
        for name, collection in schema.collections.items()
        if collection.managed
        and not collection.view
        and collection.primary_key
        and (not collection.system or name in EXTENSIBLE)
    ]


def own_relations(schema: Schema, system: System) -> list[Relation]:
    """The relations that have a row of their own, by the side of many."""
    builtin = {(one.collection_many, one.field_many) for one in system.relations}
    known = set(described(schema))
    found = [
        relation
        for relation in schema.relations
        if relation.id is not None
        and relation.collection_many in known
        and (relation.collection_many, relation.field_many) not in builtin
    ]
    return sorted(found, key=lambda one: (one.collection_many, one.field_many))


def describe_collection(collection: Collection, picture: Picture) -> CollectionDocument:
    """A collection with its fields in their order, which does not hang on ids."""
    fields = {
        field.name: describe_field(field, collection, picture.schema)
        for field in sorted(_own_fields(collection, picture), key=_place)
    }
    if collection.system:
        return CollectionDocument(fields=fields)
    return CollectionDocument(
        hidden=collection.hidden,
        single=collection.single,
        icon=collection.icon,
        note=collection.note,
        translation=collection.translation,
        fields=fields,
    )


def describe_field(field: Field, collection: Collection, schema: Schema) -> FieldDocument:
    """One field."""
    told = field_object(field)
    by_id = {other.id: other.name for other in collection.fields.values() if other.id is not None}
    datatype, length = _words(field, schema)
    return FieldDocument(
        **{key: told[key] for key in _PLAIN_KEYS},
        datatype=datatype,
        length=length,
        required=told["required"] and not told["primary_key"],
        group=by_id.get(field.group) if field.group is not None else None,
    )


def describe_relation(relation: Relation, tables: Mapping[str, Table]) -> RelationDocument:
    """One relation, and what the database keeps of it."""
    return RelationDocument(
        collection_many=relation.collection_many,
        field_many=relation.field_many,
        collection_one=relation.collection_one,
        field_one=relation.field_one,
        junction_field=relation.junction_field,
        foreign_key=next(
            (
                key.on_delete
                for key in tables[relation.collection_many].foreign_keys
                if key.columns == (relation.field_many,) and key.table == relation.collection_one
            ),
            None,
        ),
    )


def with_words_of(field: FieldDocument, other: FieldDocument) -> FieldDocument:
    """The field, with its column in the words of another that means the same here."""
    return structs.replace(field, **{key: getattr(other, key) for key in COLUMN_KEYS})


def _own_fields(collection: Collection, picture: Picture) -> list[Field]:
    return [
        field
        for field in collection.fields.values()
        if not (field.column is not None and field.column.generated)
        and not picture.builtin_field(collection.name, field.name)
    ]


def _place(field: Field) -> tuple[bool, int, str]:
    return field.sort is None, field.sort or 0, field.name


def _words(field: Field, schema: Schema) -> tuple[str | None, int | str | None]:
    """Datatype and length of the column, as every database takes them."""
    column = field.column
    if column is None:
        return None, None
    match column.kind:
        case Kind.BOOLEAN:
            return "BOOLEAN", None
        case Kind.UUID:
            return "UUID", None
        case Kind.BINARY if column.datatype not in DATATYPES:
            return "BLOB", None
        case _ if _holds_uuid(field, schema):
            return "UUID", None
        case _:
            return _stated(column.datatype, column.length)


def _stated(datatype: str, length: str | None) -> tuple[str, int | str | None]:
    rule = DATATYPES.get(datatype)
    if datatype in INTEGER_WIDTHS or rule is not LengthRule.NEEDED:
        return datatype, None
    if length is None and datatype in ("CHAR", "VARCHAR"):
        # Without an end: SQLite's.
        return "TEXT", None
    if length is None and datatype in ("BINARY", "VARBINARY"):
        return "BLOB", None
    return datatype, int(length) if length is not None and length.isdecimal() else length


def _holds_uuid(field: Field, schema: Schema) -> bool:
    """Whether a CHAR(36) is a UUID, or the key of something that has one."""
    column = field.column
    if column is None or (column.datatype, column.length) != ("CHAR", "36"):
        return False
    if field.type == "uuid":
        return True
    relation = schema.many_to_one.get((field.collection, field.name))
    if field.type not in REFERENCE_TYPES or relation is None:
        return False
    one = schema.collections[relation.collection_one]
    return all(one.fields[name].type == "uuid" for name in one.primary_key)
