"""Comments: activity rows that people write. Source: items page §8.

Who may comment is judged here; the row itself is read by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductus.database.executor import Database, Executor
from conductus.errors import ItemNotFound, ReadForbidden, Unauthorized, ValidationFailed
from conductus.items.context import Context
from conductus.items.history import ACTIVITY, Deed, History, Note
from conductus.items.keys import Key, check_writable, key_of_text, text_of_key
from conductus.items.reader import Reader
from conductus.items.records import Kept, Record, Records
from conductus.items.stamps import moment_in
from conductus.items.values import REQUIRED
from conductus.permissions.writing import (
    Action,
    check_able,
    check_able_to_comment,
    judge_comment,
)
from conductus.query.item_query import ALL_STATUSES, ItemQuery, Selection
from conductus.schema.model import Collection
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain


class Comments:
    """Writes, changes and withdraws comments."""

    def __init__(self, database: Database, reader: Reader) -> None:
        """`reader` tells which items may be read: of others nobody talks."""
        self._database = database
        self._reader = reader
        self._kept = Kept(database.dialect, 64)

    async def add(self, body: Mapping[str, Any], context: Context) -> str:
        """Comments on the item that the body names; answers the id of the activity row.

        Raises `ValidationFailed` for what is missing, `CollectionNotFound`, `ItemNotFound`.
        """
        actor, policy = context.actor, context.policy
        check_able_to_comment(actor, policy, Action.CREATE)
        check_able(actor, policy, Action.CREATE, ACTIVITY)
        needed = {name: body.get(name) for name in ("collection", "item", "comment")}
        missing = {name: REQUIRED for name, value in needed.items() if not _text(value).strip()}
        if missing:
            raise ValidationFailed(missing)
        target = context.schema.collection(_text(needed["collection"]))
        check_writable(target)
        records = self._records(context)
        comment = _parsed(context, "comment", needed["comment"])
        asked = _text(needed["item"])
        await self._check_readable(target, asked, context)
        async with self._database.transaction() as transaction:
            key, row = await _item(transaction, records, target, asked, context)
            judge_comment(actor, policy, Action.CREATE, target, row, own=True)
            item = text_of_key(key, target)
            note = Note(deed=Deed.COMMENT, collection=target.name, item=item, comment=comment)
            history = History(records, context.schema)
            (id,) = await history.note(transaction, [note], context)
        return str(id)

    async def edit(self, id: str, body: Mapping[str, Any], context: Context) -> str:
        """Changes the text of a comment; answers its id."""
        check_able_to_comment(context.actor, context.policy, Action.UPDATE)
        if not _text(body.get("comment")).strip():
            raise ValidationFailed({"comment": REQUIRED})
        comment = _parsed(context, "comment", body["comment"])
        return await self._change(Action.UPDATE, id, context, {"comment": comment})

    async def remove(self, id: str, context: Context) -> None:
        """Withdraws a comment: its row stays and says when."""
        check_able_to_comment(context.actor, context.policy, Action.DELETE)
        await self._change(Action.DELETE, id, context, {})

    async def _change(
        self, action: Action, id: str, context: Context, values: Mapping[str, Plain]
    ) -> str:
        """Changes a comment that was not withdrawn. Raises `ItemNotFound` for another row."""
        activity = context.schema.collection(ACTIVITY)
        key = key_of_text(id, activity, context.now)
        moment = "edited_on" if action is Action.UPDATE else "comment_deleted_on"
        records = self._records(context)
        await self._judge_change(action, key, id, context)
        async with self._database.transaction() as transaction:
            found = (await records.read(transaction, activity, [key])).get(key)
            if found is None or not _is_comment(found.record):
                raise ItemNotFound(ACTIVITY, id)
            when = moment_in(activity.fields[moment], context.now)
            await records.update(transaction, activity, [key], {**values, moment: when})
        return text_of_key(key, activity)

    async def _judge_change(self, action: Action, key: Key, id: str, context: Context) -> None:
        """Whether the actor may change this comment: whose it is, and on which item."""
        if context.policy.administrator:
            return
        records = self._records(context)
        activity = context.schema.collection(ACTIVITY)
        found = (await records.read(self._database, activity, [key])).get(key)
        if found is None or not _is_comment(found.record):
            raise ItemNotFound(ACTIVITY, id)
        row = found.record
        target = context.schema.collections.get(str(row["collection"]))
        if target is None:
            raise ItemNotFound(ACTIVITY, id)
        try:
            await self._check_readable(target, str(row["item"]), context)
            _, item = await _item(self._database, records, target, str(row["item"]), context)
        except ItemNotFound:
            raise ItemNotFound(ACTIVITY, id) from None
        own = row["action_by"] == context.actor.user
        judge_comment(context.actor, context.policy, action, target, item, own=own)

    async def _check_readable(self, target: Collection, item: str, context: Context) -> None:
        """An item that may not be read looks as if it were not there."""
        if context.policy.administrator:
            return
        query = ItemQuery(
            collection=target.name,
            selection=Selection(target.primary_key),
            statuses=ALL_STATUSES,
            limit=None,
        )
        try:
            await self._reader.by_keys(query, [item], context.for_own_use())
        except (ReadForbidden, Unauthorized):
            raise ItemNotFound(target.name, item) from None

    def _records(self, context: Context) -> Records:
        return Records(context.schema, self._kept)


async def _item(
    executor: Executor, records: Records, target: Collection, item: str, context: Context
) -> tuple[Key, Record]:
    """The key and the row of an existing item. Raises `ItemNotFound`."""
    key = key_of_text(item, target, context.now)
    found = await records.read(executor, target, [key])
    for there, row in found.items():
        # A database that ignores case finds what is spelt differently.
        if key not in found or there == key:
            return there, row.record
    raise ItemNotFound(target.name, item)


def _is_comment(row: Record) -> bool:
    return row["action"] == Deed.COMMENT.value and not row["comment_deleted_on"]


def _parsed(context: Context, name: str, value: Any) -> Plain:
    field = context.schema.collection(ACTIVITY).field(name)
    return type_of(field).parse(value, field)


def _text(value: Any) -> str:
    """A name or text from a body; empty for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)
