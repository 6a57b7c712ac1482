"""Comments: activity rows that people write. Source: items page §8.

Who may comment is judged here; the row itself is read by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductus.database.executor import Database, Executor
from conductus.errors import ItemNotFound, ValidationFailed
from conductus.items.context import Context
from conductus.items.history import ACTIVITY, Deed, History, Note
from conductus.items.keys import Key, check_writable, key_of_text, text_of_key
from conductus.items.records import Kept, Record, Records
from conductus.items.stamps import moment_in
from conductus.items.values import REQUIRED
from conductus.permissions.writing import Action, judge_comment
from conductus.schema.model import Collection
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain


class Comments:
    """Writes, changes and withdraws comments."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept = Kept(database.dialect, 64)

    async def add(self, body: Mapping[str, Any], context: Context) -> str:
        """Comments on the item that the body names; answers the id of the activity row.

        Raises `ValidationFailed` for what is missing, `CollectionNotFound`, `ItemNotFound`.
        """
        judge_comment(context.actor, Action.CREATE)
        needed = {name: body.get(name) for name in ("collection", "item", "comment")}
        missing = {name: REQUIRED for name, value in needed.items() if not _text(value).strip()}
        if missing:
            raise ValidationFailed(missing)
        target = context.schema.collection(_text(needed["collection"]))
        check_writable(target)
        records = self._records(context)
        comment = _parsed(context, "comment", needed["comment"])
        async with self._database.transaction() as transaction:
            item = await _spelled(transaction, records, target, _text(needed["item"]), context)
            note = Note(deed=Deed.COMMENT, collection=target.name, item=item, comment=comment)
            (id,) = await History(records, context).note(transaction, [note])
        return str(id)

    async def edit(self, id: str, body: Mapping[str, Any], context: Context) -> str:
        """Changes the text of a comment; answers its id."""
        judge_comment(context.actor, Action.UPDATE)
        if not _text(body.get("comment")).strip():
            raise ValidationFailed({"comment": REQUIRED})
        comment = _parsed(context, "comment", body["comment"])
        return await self._change(id, context, {"comment": comment}, "edited_on")

    async def remove(self, id: str, context: Context) -> None:
        """Withdraws a comment: its row stays and says when."""
        judge_comment(context.actor, Action.DELETE)
        await self._change(id, context, {}, "comment_deleted_on")

    async def _change(
        self, id: str, context: Context, values: Mapping[str, Plain], moment: str
    ) -> str:
        """Changes a comment that was not withdrawn. Raises `ItemNotFound` for another row."""
        activity = context.schema.collection(ACTIVITY)
        key = key_of_text(id, activity, context.now)
        records = self._records(context)
        async with self._database.transaction() as transaction:
            found = (await records.read(transaction, activity, [key])).get(key)
            if found is None or not _is_comment(found.record):
                raise ItemNotFound(ACTIVITY, id)
            when = moment_in(activity.fields[moment], context.now)
            await records.update(transaction, activity, [key], {**values, moment: when})
        return text_of_key(key, activity)

    def _records(self, context: Context) -> Records:
        return Records(context.schema, self._kept)


async def _spelled(
    executor: Executor, records: Records, target: Collection, item: str, context: Context
) -> str:
    """The key of an existing item as history has it. Raises `ItemNotFound`."""
    key = key_of_text(item, target, context.now)
    found = await records.read(executor, target, [key])
    for there in found:
        exact: Key = key if key in found else there
        return text_of_key(exact, target)
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
