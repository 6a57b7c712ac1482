"""What goes with a field: its column, its relation, the alias on the other side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from conductus.database.ddl import SchemaEditor, TableChange
from conductus.database.executor import Transaction
from conductus.errors import FieldPathNotFound, FieldWriteForbidden, Unprocessable
from conductus.projects.schema_changes.metadata import FIELDS, MetadataRows
from conductus.projects.schema_changes.picture import Picture
from conductus.schema.model import Collection, Field, Relation, Schema


class Removal(Struct, frozen=True, kw_only=True):
    """Everything that a removal of fields takes along."""

    collection: str
    fields: tuple[Field, ...]
    relations: tuple[Relation, ...]
    """Rows that go."""
    unlinked: tuple[Relation, ...]
    """Rows that stay without their alias."""
    aliases: tuple[tuple[str, str], ...]
    """Aliases of other collections that lose what they list."""
    junctions: tuple[str, ...]
    """Tables to be dropped."""


def removable(picture: Picture, collection: Collection, name: str) -> Field:
    """A field that may be removed. Raises 202/404, 305/403 or 12/422."""
    field = collection.fields.get(name)
    if field is None:
        raise FieldPathNotFound(name, collection.name)
    if field.locked or picture.builtin_field(collection.name, name):
        raise FieldWriteForbidden(name, collection.name)
    if field.column is not None and field.column.primary_key:
        raise Unprocessable(f"{name}: the primary key cannot be removed")
    if field.column is not None and collection.view:
        raise Unprocessable(f"{collection.name!r} is a view: its columns are fixed")
    return field


def refuse_emptying(collection: Collection, gone: Sequence[Field]) -> None:
    """Raises `Unprocessable` where no field would be left, or no column."""
    columns = {field.name for field in collection.columns()} - {field.name for field in gone}
    if len(gone) >= len(collection.fields) or not columns:
        raise Unprocessable("The last field of a collection cannot be removed")


def removal(
    schema: Schema, collection: Collection, gone: Iterable[Field], *, junctions: bool
) -> Removal:
    """What goes with the fields. `junctions`: also the tables between many and many."""
    fields = tuple(gone)
    relations: list[Relation] = []
    unlinked: list[Relation] = []
    tables: list[str] = []
    for field in fields:
        key = (collection.name, field.name)
        if field.column is not None:
            held = schema.many_to_one.get(key)
            relations += [held] if held is not None else []
            continue
        listed = schema.one_to_many.get(key)
        if listed is None:
            continue
        if listed.junction_field is None:
            unlinked.append(listed)
            continue
        far = schema.far_relation(listed)
        relations += [listed, far] if far is not None else [listed]
        tables += [listed.collection_many] if junctions else []
    return Removal(
        collection=collection.name,
        fields=fields,
        relations=tuple(relations),
        unlinked=tuple(unlinked),
        aliases=tuple(
            (relation.collection_one, relation.field_one)
            for relation in relations
            if relation.field_one is not None
        ),
        junctions=tuple(dict.fromkeys(tables)),
    )


async def carry_out(
    removal: Removal,
    editor: SchemaEditor,
    transaction: Transaction,
    metadata: MetadataRows,
    picture: Picture,
) -> None:
    """Drops the columns, then removes the rows."""
    columns = tuple(field.name for field in removal.fields if field.column is not None)
    if columns:
        table = picture.tables[removal.collection]
        await editor.change_table(transaction, table, TableChange(dropped=columns))
    for relation in removal.relations:
        await metadata.remove_relation(relation)
    for relation in removal.unlinked:
        await metadata.unlink_alias(relation)
    for collection, alias in removal.aliases:
        await metadata.remove_field(collection, alias)
    for field in removal.fields:
        await metadata.remove_field(removal.collection, field.name)
        if field.type == "group" and field.id is not None:
            await metadata.change(FIELDS, {"group": field.id}, {"group": None})


def refuse_referred(picture: Picture, collection: Collection) -> None:
    """Raises `Unprocessable` where the table cannot be dropped for the sake of others."""
    if collection.view:
        raise Unprocessable(f"{collection.name!r} is a view and is not dropped")
    referring = sorted(
        table.name
        for table in picture.tables.values()
        for key in table.foreign_keys
        if key.table == collection.name and table.name != collection.name
    )
    if referring:
        raise Unprocessable(
            f"Foreign keys of {', '.join(dict.fromkeys(referring))} refer to {collection.name!r}",
            details={"collections": list(dict.fromkeys(referring))},
        )
