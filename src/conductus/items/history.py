"""Activity and revisions: what happened, by whom, and how the item looked afterwards.

Written in the transaction of the change itself. Secrets are masked, those of built-in
collections left out. Source: items page §7 and §8, authentication page §10.1 and §16.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import Struct

from conductus.database.executor import Row, Transaction
from conductus.errors import ItemNotFound
from conductus.items.breathing import breathing
from conductus.items.changes import Create, Delete, Item, Update
from conductus.items.context import Context
from conductus.items.profile import Profiles
from conductus.items.records import Record, Records
from conductus.items.stamps import moment_in
from conductus.items.steps import Step
from conductus.permissions.actor import Actor
from conductus.schema.model import Field, Schema
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain, Present

ACTIVITY: Final = "directus_activity"
REVISIONS: Final = "directus_revisions"
_USERS: Final = "directus_users"
_encode = msgspec.json.Encoder().encode
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


class Deed(StrEnum):
    """What an activity row says was done."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SOFT_DELETE = "soft-delete"
    REVERT = "revert"
    UPLOAD = "upload"
    COMMENT = "comment"
    STATUS_UPDATE = "status-update"
    AUTHENTICATE = "authenticate"
    INVALID_CREDENTIALS = "invalid-credentials"


class Note(Struct, frozen=True, kw_only=True):
    """One activity row to be written."""

    deed: Deed
    collection: str
    item: str
    comment: str | None = None


class History:
    """Writes activity and revisions, for one schema."""

    def __init__(self, records: Records, schema: Schema, profiles: Profiles | None = None) -> None:
        self.schema = schema
        self.records = records
        self._profiles = profiles or Profiles()
        self._activity = schema.collection(ACTIVITY)
        self._revisions = schema.collection(REVISIONS)
        self._second: datetime | None = None
        self._spelled: Plain = None
        self._activity_lengths = self._profiles.of(self._activity).lengths
        self._revision_lengths = self._profiles.of(self._revisions).lengths

    async def note(
        self, transaction: Transaction, notes: Sequence[Note], context: Context
    ) -> list[int]:
        """Writes activity rows; answers their ids in the same order."""
        if not notes:
            return []
        rows = self._activity_rows(notes, context)
        keys = await self.records.insert(transaction, self._activity, rows)
        return [key[0] for key in keys]

    async def record(
        self,
        transaction: Transaction,
        steps: Sequence[Step],
        context: Context,
        *,
        comment: str | None,
        deed: Deed | None,
    ) -> None:
        """Writes what the steps did. `comment` and `deed` are those of the items asked for."""
        done = [step for step in steps if not step.idle]
        if len(done) == 1 and _saves(done[0]):
            note = _note(done[0], comment, deed)
            await self._record_one(transaction, done[0], note, context)
        else:
            notes = [_note(step, comment, deed) for step in done]
            await self._record_many(transaction, done, notes, context)
        if any(step.collection.name == _USERS for step in done):
            await self.note(transaction, list(_status_notes(done)), context)

    async def _record_one(
        self, transaction: Transaction, step: Step, note: Note, context: Context
    ) -> None:
        """Nearly every write: its two rows go to the database together."""
        if step.after is None or step.collection.triggers:
            await self._look_again(transaction, [step])
        (image,) = self.records.recorded(step.collection, [_after(step)])
        (activity,) = self._activity_rows([note], context)
        row_of = self._nested_row if step.parent else self._revision_row
        made, linked = (self._activity, activity), (self._revisions, row_of(step, image))
        await self.records.add_chained(transaction, made, linked, "activity")

    async def _record_many(
        self,
        transaction: Transaction,
        done: Sequence[Step],
        notes: Sequence[Note],
        context: Context,
    ) -> None:
        await self._look_again(transaction, unsure(done))
        saved = _saved(done)
        revisions = await self._revision_rows(saved)
        ids = await self.note(transaction, notes, context)
        if len(saved) < len(done):
            ids = [id for step, id in zip(done, ids, strict=True) if _saves(step)]
        for id, row in zip(ids, revisions, strict=True):
            row["activity"] = id
        if revisions:
            await self.records.add(transaction, self._revisions, revisions)

    async def _look_again(self, transaction: Transaction, steps: Iterable[Step]) -> None:
        """Reads the rows as the database now has them, one statement per collection."""
        alike: dict[str, list[Step]] = {}
        for step in steps:
            alike.setdefault(step.collection.name, []).append(step)
        for members in alike.values():
            keys = [step.key for step in members]
            rows = await self.records.read(transaction, members[0].collection, keys)
            for step in members:
                found = rows.get(step.key)
                step.after = None if found is None else found.row

    def _activity_rows(self, notes: Sequence[Note], context: Context) -> list[Record]:
        actor, lengths = context.actor, self._activity_lengths
        common: Record = {
            "action_by": actor.user,
            "action_on": self._now(context),
            "ip": _cut(_address(actor), lengths["ip"]),
            "user_agent": _cut(actor.user_agent, lengths["user_agent"]),
        }
        longest, comment = lengths["item"], self._activity.fields["comment"]
        rows: list[Record] = []
        commented = False
        for note in notes:
            row = {**common, "action": str(note.deed), "collection": note.collection}
            row["item"] = _cut(note.item, longest)
            commented = commented or note.comment is not None
            rows.append(row)
        if commented:
            for row, note in zip(rows, notes, strict=True):
                row["comment"] = _parsed(note.comment, comment)
        return rows

    def _now(self, context: Context) -> Plain:
        """When it is done: to spell it out takes long, and many do something in one second."""
        second = context.now.replace(microsecond=0)
        if second != self._second:
            self._second = second
            self._spelled = moment_in(self._activity.fields["action_on"], second)
        return self._spelled

    async def _revision_rows(self, steps: Sequence[Step]) -> list[Record]:
        """What is kept of the steps, but for the ids of their activity."""
        rows: list[Record] = []
        # Where no item has a parent, all rows leave those columns to the database.
        row_of = self._nested_row if any(step.parent for step in steps) else self._revision_row
        for _, run in groupby(steps, key=lambda step: step.collection.name):
            alike = list(run)
            stored = [_after(step) for step in alike]
            images = self.records.recorded(alike[0].collection, stored)
            rows += await breathing(row_of, list(zip(alike, images, strict=True)))
        return rows

    def _revision_row(self, step: Step, image: Item) -> Record:
        change = step.change
        delta = change.sent if isinstance(change, Create) else self._delta(step, change, image)
        return {
            "collection": step.collection.name,
            "item": _cut(step.text, self._revision_lengths["item"]),
            "data": _json(image),
            "delta": _json(delta),
            "parent_changed": False,
        }

    def _nested_row(self, step: Step, image: Item) -> Record:
        row, parent = self._revision_row(step, image), step.parent
        if parent is None:
            return {**row, "parent_collection": None, "parent_item": None}
        text = _cut(parent.text, self._revision_lengths["parent_item"])
        return {
            **row,
            "parent_collection": parent.collection.name,
            "parent_item": text,
            "parent_changed": bool(parent.written),
        }

    def _delta(self, step: Step, change: Update | Delete, image: Item) -> Item:
        """What the request changed of an item: the columns that differ."""
        if isinstance(change, Delete):
            return {}
        recorders = self._profiles.of(step.collection).recorders
        changed = {
            name: image[name]
            for name in step.written
            if name in image
            and (
                step.before is None
                or step.collection.fields[name].type == "hash"
                or _recorded(step.before[name], recorders[name]) != image[name]
            )
        }
        if not (change.ones or change.manys):
            return changed
        nested = [one.field.name for one in change.ones]
        nested += [many.field.name for many in change.manys]
        return {**changed, **{name: change.sent[name] for name in nested}}


def _note(step: Step, comment: str | None, deed: Deed | None) -> Note:
    asked = step.parent is None
    return Note(
        deed=deed if asked and deed is not None else _deed(step),
        collection=step.collection.name,
        item=step.text,
        comment=comment if asked else None,
    )


def _recorded(value: Plain, record: Present | None) -> Any:
    return value if record is None else record(value)


def _deed(step: Step) -> Deed:
    match step.change:
        case Create():
            return Deed.UPLOAD if step.collection.name == "directus_files" else Deed.CREATE
        case Delete():
            return Deed.DELETE
        case _:
            return Deed.SOFT_DELETE if _soft_deletes(step) else Deed.UPDATE


def _soft_deletes(step: Step) -> bool:
    name = step.collection.status_field
    if name is None or name not in step.written:
        return False
    written = step.written[name]
    return any(
        status.soft_delete and str(status.value) == str(written)
        for status in step.collection.statuses
    )


def _status_notes(steps: Iterable[Step]) -> Iterable[Note]:
    """A user's status was written: the count of failed logins begins anew."""
    for step in steps:
        if step.collection.name == _USERS and step.before and step.written.get("status"):
            yield Note(
                deed=Deed.STATUS_UPDATE,
                collection=_USERS,
                item=step.text,
            )


def _saves(step: Step) -> bool:
    return not isinstance(step.change, Delete)


def _saved(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if not isinstance(step.change, Delete)]


def unsure(steps: Sequence[Step]) -> list[Step]:
    """Those whose rows may no longer be as their own change left them, or were not seen."""
    saved = _saved(steps)
    # A deletion may null what refers to the row, a trigger may do anything.
    if len(saved) < len(steps) or any(step.collection.triggers for step in steps):
        return saved
    unseen = [step for step in saved if step.after is None]
    items = [(step.collection.name, step.key) for step in saved]
    if len(set(items)) == len(items):
        return unseen
    times = Counter(items)
    return [
        step
        for step, item in zip(saved, items, strict=True)
        if step.after is None or times[item] > 1
    ]


def _after(step: Step) -> Row:
    if step.after is None:
        # Removed by somebody else between our statements.
        raise ItemNotFound(step.collection.name, step.text).at(step.index)
    return step.after


def _address(actor: Actor) -> str:
    return "localhost" if actor.ip in _LOOPBACK else actor.ip


def _parsed(comment: str | None, field: Field) -> Plain:
    return None if comment is None else type_of(field).parse(comment, field)


def _cut(text: str, length: int | None) -> str:
    """The text as the column takes it: the wish of a client must not fail the change."""
    if not text.isascii() or "\0" in text:
        text = text.replace("\0", "").encode(errors="replace").decode()
    return text[:length]


def _json(value: Any) -> str:
    return _encode(value).decode()
