"""What a write must answer and leave behind. Source: permissions page §3.3, §3.4, §4.3 to §8.

Two rounds: first everything that the request itself tells, then everything that the rows
tell. Where several sentences refuse a request in the same round, any of them may be told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal

from msgspec import Struct

from tests.permissions.model import (
    KEY,
    NOT_FOUND,
    UNEXPLAINED,
    UNWRITABLE,
    Access,
    Permission,
    Refusal,
    Row,
    State,
)
from tests.permissions.model_reading import Found, Read, Reading

DELETE = "$delete"
DUPLICATE: Refusal = (204, 409)


class Write(Struct, frozen=True, kw_only=True):
    """A request to write."""

    action: Literal["create", "update", "delete"]
    collection: str
    ids: tuple[int, ...] = ()
    """Keys in the path; none for creations and for updates of a list."""
    body: Any = None
    """An object, or a list of them."""
    explained: bool = False
    """Whether it comes with a comment."""


class Written(Struct, frozen=True):
    """What a write leaves behind. Keys that the server makes are negative."""

    state: State
    shown: Found | None
    """The answer; None for one without a body."""


class Touched(Exception):
    """The request names a row twice, or two new ones alike: the model has no say there."""


class Writing:
    """Writes of one asker in one state."""

    def __init__(self, access: Access, state: State) -> None:
        self.access = access
        self.before = state
        self.after: State = copy.deepcopy(state)
        self.shapes = access.world.shapes
        self._early: list[Refusal] = []
        self._late: list[Refusal] = []
        self._explained = False
        self._either = False
        """A change that becomes a creation where there is no row: judged when that is known."""
        self._touched: set[tuple[str, int]] = set()
        self._made = 0

    def answer(self, write: Write) -> Written | set[Refusal]:
        """What is left behind and shown, or how the request may be refused."""
        self._explained = write.explained
        work, one = self._work(write)
        keys = [each() for each in work]
        new = [
            (name, row["word"])
            for name, rows in self.after.items()
            for key, row in rows.items()
            if key < 0
        ]
        if len(set(new)) < len(new):
            raise Touched
        if self._early or self._late:
            found = self._early + self._late if self._either else self._early or self._late
            return set(found)
        if write.action == "delete":
            return Written(self.after, None)
        return Written(self.after, self._shown(write, keys, one=one))

    def _work(self, write: Write) -> tuple[list[Callable[[], int]], bool]:
        """What is done to each item, and whether one item is answered."""
        name, body, ids = write.collection, write.body, list(dict.fromkeys(write.ids))
        if write.action == "delete":
            return [partial(self._delete, name, id) for id in ids], False
        if write.action == "create":
            many = isinstance(body, list)
            return [
                partial(self._create, name, one) for one in (body if many else [body])
            ], not many
        if ids:
            return [partial(self._update, name, id, body) for id in ids], len(write.ids) == 1
        return [partial(self._update, name, one[KEY], one) for one in body], False

    def _shown(self, write: Write, keys: list[int], *, one: bool) -> Found | None:
        """The items as they may be read; nothing where they may not."""
        reading = Reading(self.access, self.after)
        if one:
            found = reading.answer(Read(collection=write.collection, ids=(keys[0],)))
            return found if isinstance(found, Found) else None
        if self.access.closed(write.collection):
            return None
        data = []
        for key in keys:
            found = reading.answer(Read(collection=write.collection, ids=(key,)))
            data += [found.data] if isinstance(found, Found) else []
        return Found(data)

    # -- one item ---------------------------------------------------------------------

    def _create(self, collection: str, body: Row, tie: tuple[str, int | None] | None = None) -> int:
        """Creates an item, tied to a parent by a field; answers its key."""
        shape = self.shapes[collection]
        status = body.get("status", shape.default) if shape.statuses else None
        row = self.access.row(collection, status)
        names = {*body, *([tie[0]] if tie else [])}
        self._judge_create(collection, status, row, names)
        key = body.get(KEY)
        if key is None:
            self._made -= 1
            key = self._made
        elif key in self.before[collection]:
            self._late.append(DUPLICATE)
        self._touch(collection, key)
        item: Row = dict.fromkeys(shape.columns)
        item[KEY] = key
        if shape.statuses:
            item["status"] = status
        self.after[collection][key] = item
        self._write(collection, item, body, tie)
        if shape.owner is not None:
            item[shape.owner] = self.access.asker.user or None
        return int(key)

    def _judge_create(
        self, collection: str, status: str | None, row: Permission | None, names: set[str]
    ) -> None:
        if self.access.asker.administrator:
            return
        new = self.access.on_create(collection)
        if row is None or not row.level("create") or (new and status in new.status_blacklist):
            self._early.append(self.access.denied("create"))
            return
        if row.explain in ("create", "always"):
            self._need_explanation()
        for rule in (row, new):
            self._judge_fields(rule, names, self._early)

    def _update(
        self, collection: str, key: int, body: Row, tie: tuple[str, int | None] | None = None
    ) -> int:
        """Changes an item, and ties it to a parent by a field; answers its key."""
        self._touch(collection, key)
        shape = self.shapes[collection]
        target = body.get("status") if shape.statuses else None
        into_deleted = shape.statuses.get(target or "", False)
        written = set(body) - ({"status"} if into_deleted else set())
        self._judge_update(collection, body, written, into_deleted=into_deleted)
        item = self.after[collection].get(key)
        if item is None:
            self._late.append(NOT_FOUND)
            self._write(collection, dict.fromkeys(shape.columns), {**body, KEY: key}, None)
            return key
        names = written | ({tie[0]} if tie and item[tie[0]] != tie[1] else set())
        self._judge_item(collection, item, body, names, into_deleted=into_deleted)
        self._write(collection, item, body, tie)
        return key

    def _judge_update(
        self, collection: str, body: Row, names: set[str], *, into_deleted: bool
    ) -> None:
        """What can be said before the row is known."""
        if self.access.asker.administrator:
            return
        action = "delete" if into_deleted else "update"
        if not self.access.once(action, collection):
            self._early.append(self.access.denied(action))
            return
        shape = self.shapes[collection]
        stated = body.get("status", shape.default) if shape.statuses else None
        row = self.access.row(collection, stated)
        if row is not None and row.explain in ("update", "always"):
            self._need_explanation()
        if not self.access.workflow(collection) or "status" in body:
            self._judge_fields(row, names, self._early)

    def _judge_item(
        self, collection: str, item: Row, body: Row, names: set[str], *, into_deleted: bool
    ) -> None:
        """What the row tells."""
        if self.access.asker.administrator:
            return
        current = self.access.status(collection, item)
        target = body.get("status", current) if self.shapes[collection].statuses else None
        row = self.access.row(collection, current)
        if into_deleted and target != current:
            if not self.access.may("delete", collection, item):
                self._late.append(self.access.denied("delete"))
        elif self.access.deleted(collection, item) or not self.access.may(
            "update", collection, item
        ):
            self._late.append(self.access.denied("update"))
        if row is not None and target != current and target in row.status_blacklist:
            self._late.append(self.access.denied("update"))
        for rule in (row, self.access.row(collection, target)):
            self._judge_fields(rule, names, self._late)
        owner = self.shapes[collection].owner
        if owner in body and body[owner] != item[owner] and (not row or row.level("update") < 3):
            self._late.append(UNWRITABLE)

    def _delete(self, collection: str, key: int) -> int:
        self._touch(collection, key)
        asker = self.access.asker
        if not asker.administrator:
            if not self.access.once("delete", collection):
                self._early.append(self.access.denied("delete"))
            else:
                shape = self.shapes[collection]
                row = self.access.row(collection, shape.default if shape.statuses else None)
                if row is not None and row.explain == "always":
                    self._need_explanation()
        item = self.after[collection].pop(key, None)
        if item is None:
            self._late.append(NOT_FOUND)
        elif not self.access.may("delete", collection, item):
            self._late.append(self.access.denied("delete"))
        return key

    def _touch(self, collection: str, key: int) -> None:
        if (collection, key) in self._touched:
            raise Touched
        self._touched.add((collection, key))

    def _need_explanation(self) -> None:
        if not self._explained:
            self._early.append(UNEXPLAINED)

    def _judge_fields(
        self, rule: Permission | None, names: Iterable[str], refusals: list[Refusal]
    ) -> None:
        """The key may always be named."""
        if rule is not None and (set(names) - {KEY}) & set(rule.write_field_blacklist):
            refusals.append(UNWRITABLE)

    # -- values and what is nested ------------------------------------------------------

    def _write(
        self, collection: str, item: Row, body: Row, tie: tuple[str, int | None] | None
    ) -> None:
        shape = self.shapes[collection]
        manys: list[tuple[str, list[Any]]] = []
        for name, value in body.items():
            if name in shape.manys:
                manys.append((name, value or []))
            elif name in shape.ones and isinstance(value, dict):
                item[name] = self._one(shape.ones[name], value)
            else:
                item[name] = value
        if tie is not None:
            item[tie[0]] = tie[1]
        for name, members in manys:
            target, field = shape.manys[name]
            for member in members:
                self._member(target, field, member, item.get(KEY))

    def _one(self, target: str, value: Row) -> int | None:
        """What a many-to-one field holds after a nested change."""
        key = value.get(KEY)
        rest = {name: given for name, given in value.items() if name != KEY}
        if rest.pop(DELETE, False):
            assert key is not None
            self._delete(target, key)
            return None
        if key is None:
            return self._create(target, value)
        if not rest:
            return int(key)
        self._either = True
        if key in self.before[target]:
            return self._update(target, key, rest)
        refused = len(self._early)
        made = self._create(target, value)
        if len(self._early) > refused:
            # Who may do neither is not told which of the two it would have been.
            self._judge_update(target, rest, set(rest), into_deleted=False)
        return made

    def _member(self, target: str, field: str, member: Any, parent: int | None) -> None:
        """One entry of a one-to-many list."""
        body: Row = member if isinstance(member, dict) else {KEY: member}
        key = body.get(KEY)
        if body.get(DELETE):
            self._delete(target, body[KEY])
        elif key is None:
            tied = body.get(field) is None
            named = {name: value for name, value in body.items() if not (tied and name == field)}
            self._create(target, named, (field, parent) if tied else None)
        else:
            rest = {name: value for name, value in body.items() if name != KEY}
            self._update(target, key, rest, None if field in body else (field, parent))


def renamed(state: State, made: dict[int, int]) -> State:
    """The state with the keys that the server really made, also where rows refer to them."""

    def name(value: Any) -> Any:
        return made.get(value, value) if isinstance(value, int) and value < 0 else value

    return {
        collection: {
            name(key): {field: name(value) for field, value in row.items()}
            for key, row in rows.items()
        }
        for collection, rows in state.items()
    }


def made_keys(expected: State, found: State, before: State) -> dict[int, int]:
    """Which key the server made for each row that the model made: told by their words."""
    made: dict[int, int] = {}
    for collection, rows in expected.items():
        new = found[collection].keys() - before[collection].keys()
        by_word = {found[collection][key]["word"]: key for key in new}
        made |= {
            key: by_word[row["word"]]
            for key, row in rows.items()
            if key < 0 and row["word"] in by_word
        }
    return made
