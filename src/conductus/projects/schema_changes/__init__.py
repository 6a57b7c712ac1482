"""Changes of a project's schema: the service behind collections, fields and relations."""

from __future__ import annotations

from conductus.projects.schema_changes.objects import (
    collection_metadata,
    collection_object,
    field_object,
)
from conductus.projects.schema_changes.relations import check_relation
from conductus.projects.schema_changes.service import SchemaChanges

__all__ = [
    "SchemaChanges",
    "check_relation",
    "collection_metadata",
    "collection_object",
    "field_object",
]
