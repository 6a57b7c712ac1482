"""The schema of a project as immutable values: collections, fields, relations.

A `Schema` is a snapshot: what the database says (columns) merged with what the
metadata says (`directus_collections`, `directus_fields`, `directus_relations`).
It is built once, shared by every request that starts while it is current, and
never changed. No I/O here. Source: schema page of the API reference, §1 and §5
of the items page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from conductus.errors import CollectionNotFound, FieldNotFound


class Kind(Enum):
    """How a column stores its values, whatever the database calls the type."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    """Exact numbers, native to the database (`numeric`, `DECIMAL`)."""
    DECIMAL_TEXT = "decimal text"
    """Exact numbers kept as canonical text, where the database has no exact type (SQLite)."""
    FLOAT = "float"
    """Of double precision."""
    SINGLE = "single"
    """Of single precision (`real`, MySQL's `float`). A plain value is a double with no more
    digits than it takes to tell it from its neighbours."""
    BOOLEAN = "boolean"
    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    """Without a zone; UTC where the server sets it."""
    DATETIME_ZONE = "datetime with zone"
    JSON = "json"
    """A native JSON type. JSON kept in a text column is `TEXT`."""
    BINARY = "binary"
    TEXT_ARRAY = "text array"
    OPAQUE = "opaque"
    """Anything else (inet, ranges, geometry): read and written in its text form."""

    # Members are single: by identity they hash several times faster, and they are looked
    # up for every value that is read or written.
    __hash__ = object.__hash__


NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DECIMAL_TEXT, Kind.FLOAT, Kind.SINGLE})


class Column(Struct, frozen=True, kw_only=True):
    """A column as the database has it."""

    name: str
    kind: Kind
    datatype: str
    """Upper-case MySQL-style name of the closest type, as the API reports it: `VARCHAR`."""
    native: str
    """The type as this database spells it: `character varying(100)`."""
    length: str | None = None
    """As text: `"100"`, `"10,2"`; None where the type has none."""
    letters: str | None = None
    """The codec of the letters that it holds (`schema.letters`); None for all there are."""
    nullable: bool = True
    default: Any = None
    """The default as a plain value; None when there is none or it is an expression."""
    has_default: bool = False
    """True when the database fills the column by itself, also by an expression."""
    primary_key: bool = False
    auto_increment: bool = False
    unique: bool = False
    signed: bool = True
    wide: bool = False
    """True for an integer that holds 64 bits whatever its datatype: SQLite's INTEGER."""
    halved: bool = False
    """True for an integer that a check keeps from being negative, in a type with a sign."""
    generated: bool = False
    """Computed by the database: readable, never written."""


class Field(Struct, frozen=True, kw_only=True):
    """One field of a collection: a column with metadata, or an alias without a column."""

    collection: str
    name: str
    type: str
    """Name of the field type: `string`, `m2o`, `o2m`, … (`schema.types`)."""
    column: Column | None = None
    id: int | None = None
    """Row of `directus_fields`; None when the field is inferred from its column."""
    interface: str | None = None
    options: dict[str, Any] | None = None
    locked: bool = False
    validation: str | None = None
    required: bool = False
    """As the metadata says; `must_have_value` is what counts when writing."""
    readonly: bool = False
    hidden_detail: bool = False
    hidden_browse: bool = False
    sort: int | None = None
    width: str | None = None
    group: int | None = None
    note: str | None = None
    translation: Any = None

    @property
    def managed(self) -> bool:
        """True when `directus_fields` has a row for it."""
        return self.id is not None

    @property
    def kind(self) -> Kind:
        """The kind of its column; an alias counts as opaque."""
        return Kind.OPAQUE if self.column is None else self.column.kind

    @property
    def option(self) -> Mapping[str, Any]:
        """The options, empty when there are none."""
        return self.options or {}


class Relation(Struct, frozen=True, kw_only=True):
    """`collection_many.field_many` holds the key of `collection_one`.

    `field_one` is the alias on the one side that lists the many side.
    `junction_field` names the field of the many side that points on to the far collection.
    """

    collection_many: str
    field_many: str
    collection_one: str
    field_one: str | None = None
    junction_field: str | None = None
    id: int | None = None
    """Row of `directus_relations`; None for the relations that field types imply."""


class Status(Struct, frozen=True):
    """One entry of a status mapping."""

    value: str | int
    soft_delete: bool = False
    required_fields: bool = True


class Collection(Struct, frozen=True, kw_only=True):
    """A table or view, its metadata and its fields in API order."""

    name: str
    fields: dict[str, Field]
    primary_key: tuple[str, ...] = ()
    """Names of the key columns in order; more than one: composite; none: list only."""
    managed: bool = False
    hidden: bool = False
    single: bool = False
    icon: str | None = None
    note: str | None = None
    translation: Any = None
    view: bool = False
    """Read-only: a view of the database."""
    triggers: bool = False
    """The database does more than it is told when rows of it are written."""
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Column sets that the database keeps unique, the primary key not among them."""
    statuses: tuple[Status, ...] = ()
    """The status mapping, empty when there is no status field."""
    status_field: str | None = None
    sort_field: str | None = None
    owner_field: str | None = None
    computed: Mapping[str, tuple[str, ...]] = {}
    """Aliases that are shown although nothing stores them, with the columns they are made of."""

    @property
    def system(self) -> bool:
        """One of the built-in `directus_*` collections."""
        return self.name.startswith("directus_")

    def field(self, name: str) -> Field:
        """The field of that name. Raises `FieldNotFound`."""
        found = self.fields.get(name)
        if found is None:
            raise FieldNotFound(name, self.name)
        return found

    def columns(self) -> Iterable[Field]:
        """The fields that have a column, in order."""
        return (field for field in self.fields.values() if field.column is not None)


class Schema(Struct, frozen=True):
    """Every collection and relation of a project at one version."""

    collections: dict[str, Collection]
    relations: tuple[Relation, ...]
    many_to_one: dict[tuple[str, str], Relation]
    """(collection_many, field_many) → relation."""
    one_to_many: dict[tuple[str, str], Relation]
    """(collection_one, field_one) → relation."""
    version: int = 0

    def collection(self, name: str) -> Collection:
        """The collection of that name. Raises `CollectionNotFound`."""
        found = self.collections.get(name)
        if found is None:
            raise CollectionNotFound(name)
        return found

    def far_relation(self, relation: Relation) -> Relation | None:
        """For a junction: the relation that leads on to the far collection."""
        if relation.junction_field is None:
            return None
        return self.many_to_one.get((relation.collection_many, relation.junction_field))


REFERENCES_BY_TYPE: Mapping[str, str] = {
    "user": "directus_users",
    "owner": "directus_users",
    "user_updated": "directus_users",
    "user_created": "directus_users",
    "file": "directus_files",
}
"""Field types that relate to a system collection without a row in `directus_relations`."""


def assemble(
    collections: Iterable[Collection], relations: Iterable[Relation], version: int = 0
) -> Schema:
    """A snapshot with its relation indexes; relations whose ends do not exist are left out.

    A relation that the metadata states wins over the one that a field type implies.
    """
    by_name = {collection.name: collection for collection in collections}
    stated = [relation for relation in relations if _plausible(relation, by_name)]
    many_to_one: dict[tuple[str, str], Relation] = {}
    for relation in [*stated, *_implied(by_name)]:
        many_to_one.setdefault((relation.collection_many, relation.field_many), relation)
    one_to_many = {
        (relation.collection_one, relation.field_one): relation
        for relation in many_to_one.values()
        if relation.field_one is not None
    }
    return Schema(by_name, tuple(many_to_one.values()), many_to_one, one_to_many, version)


def _plausible(relation: Relation, collections: Mapping[str, Collection]) -> bool:
    many = collections.get(relation.collection_many)
    one = collections.get(relation.collection_one)
    if many is None or one is None or len(one.primary_key) != 1:
        return False
    field = many.fields.get(relation.field_many)
    return field is not None and field.column is not None


def _implied(collections: Mapping[str, Collection]) -> Iterable[Relation]:
    for collection in collections.values():
        for field in collection.columns():
            target = REFERENCES_BY_TYPE.get(field.type)
            if target is not None and target in collections:
                yield Relation(
                    collection_many=collection.name,
                    field_many=field.name,
                    collection_one=target,
                )
