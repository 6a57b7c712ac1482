"""What a revision holds that can be written back. Source: items page §7."""

from __future__ import annotations

from typing import Any

import msgspec

from conductus.database.executor import Executor
from conductus.errors import ItemNotFound, RevisionNotFound, Unprocessable
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.history import REVISIONS
from conductus.items.keys import Key, key_of_text, text_of_key
from conductus.items.records import Record, Records
from conductus.permissions.policy import Policy
from conductus.permissions.writing import writable
from conductus.schema.model import Collection, Field
from conductus.schema.secrets import secret

_SERVER_SET = frozenset(
    {"owner", "user_created", "user_updated", "datetime_created", "datetime_updated"}
)


async def revision_of(
    executor: Executor,
    records: Records,
    revision: str,
    collection: Collection,
    key: Key,
    context: Context,
) -> Record:
    """The row of a revision of that item. Raises `RevisionNotFound`."""
    revisions = context.schema.collection(REVISIONS)
    try:
        id = key_of_text(revision, revisions, context.now)
    except ItemNotFound:
        raise RevisionNotFound(revision) from None
    found = (await records.read(executor, revisions, [id])).get(id)
    if found is None or found.record["collection"] != collection.name:
        raise RevisionNotFound(revision)
    if found.record["item"] != text_of_key(key, collection):
        raise RevisionNotFound(revision)
    return found.record


def restorable(revision: Record, collection: Collection) -> Item:
    """The values of a revision that are written back, as a payload.

    Columns that no longer exist, keys, secrets and what the server sets are left alone.
    Raises `Unprocessable` when the revision cannot be read.
    """
    data = _decoded(revision["data"])
    if not isinstance(data, dict):
        raise Unprocessable(f"Revision {revision['id']!r} holds no item")
    return {
        name: value
        for name, value in data.items()
        if name in collection.fields and _is_restored(collection.fields[name], collection)
    }


def permitted(body: Item, row: Record, collection: Collection, policy: Policy) -> Item:
    """What of it may be written into the row, by the status that it has and would get."""
    name = collection.status_field
    current = row.get(name) if name is not None else None
    free = writable(policy, collection, current, current)
    target = body.get(name, current) if name is not None and name in free else current
    free = writable(policy, collection, current, target)
    return {field: value for field, value in body.items() if field in free}


def _is_restored(field: Field, collection: Collection) -> bool:
    column = field.column
    if column is None or column.generated or field.name in collection.primary_key:
        return False
    return field.type not in _SERVER_SET and not secret(field)


def _decoded(data: Any) -> Any:
    try:
        return msgspec.json.decode(data or "")
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unprocessable("The revision cannot be read") from error
