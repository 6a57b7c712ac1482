"""One unmanaged table becomes managed: rows for its columns and foreign keys."""

from __future__ import annotations

from collections.abc import Collection as Names

from conductus.projects.adoption import plan
from conductus.projects.schema_changes.metadata import FIELDS, RELATIONS, MetadataRows
from conductus.projects.schema_changes.picture import Picture


async def write(picture: Picture, metadata: MetadataRows, name: str, spoken_of: Names[str]) -> None:
    """Infers fields and relations of the table; fields that the client spoke of are theirs."""
    adoption = plan(picture.tables.values(), picture.metadata)
    relations = [row for row in adoption.relations if row["collection_many"] == name]
    aliases = {(row["collection_one"], row["field_one"]) for row in relations}
    columns = {column.name for column in picture.tables[name].columns}
    for row in adoption.fields:
        own_column = row["collection"] == name and row["field"] in columns - set(spoken_of)
        if own_column or (row["collection"], row["field"]) in aliases:
            await metadata.add(FIELDS, row)
    for row in relations:
        await metadata.add(RELATIONS, row)
