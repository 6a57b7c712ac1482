"""Lets before-hooks see, change or stop the changes of a write.

They run in the transaction, after the request and the rows were judged and before anything
is written; parents before what is nested in them. What a hook changes is judged again, by
the types of the fields and with the rights of the system, for hooks are part of the
project. What it adds below an item meets the hooks too. Source: extensions page §2.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conductus.database.executor import Transaction
from conductus.errors import ApiError, ValidationFailed
from conductus.items.changes import (
    Change,
    Child,
    Create,
    Delete,
    Item,
    Many,
    One,
    Secret,
    Update,
    secrets_among,
)
from conductus.items.context import Context
from conductus.items.hooks import FILES, KEEPS, WRITES, Hook, Hooks, Intended
from conductus.items.judge import Judge
from conductus.items.keys import Key, shown_key
from conductus.items.profile import Profiles
from conductus.items.records import Records
from conductus.items.steps import Step
from conductus.items.values import REQUIRED, ValueJudge
from conductus.permissions.writing import Action
from conductus.schema.model import Collection

Hash = Callable[[Sequence[Change]], Awaitable[Mapping[Secret, str]]]
C = TypeVar("C", Create, Update)


class Intercepted(Struct, frozen=True):
    """A batch as the hooks have left it."""

    changes: list[Change]
    hashes: Mapping[Secret, str]
    """Of the secrets in it."""


class Interceptor:
    """Runs the hooks of a project over the changes of one request.

    `judge` judges what hooks write, with the rights of the system.
    """

    def __init__(
        self,
        hooks: Hooks,
        judge: Judge,
        hash_secrets: Hash,
        context: Context,
        records: Records,
        profiles: Profiles,
    ) -> None:
        self._hooks = hooks
        self._judge = judge
        self._hash_secrets = hash_secrets
        self._context = context
        self._records = records
        self._profiles = profiles

    async def __call__(self, transaction: Transaction, steps: Sequence[Step]) -> Intercepted | None:
        """The batch with what the hooks changed; None where they left it as it was."""
        names = {step.collection.name for step in steps}
        if not any(
            waiting(self._hooks, action, name, self._context) for action in Action for name in names
        ):
            return None
        visit = _Visit(
            self._hooks, self._judge, self._context, self._records, self._profiles, transaction
        )
        for step in steps:
            if not isinstance(step.change, Create):
                visit.there[step.collection.name, step.key] = step.before is not None
        roots = [step for step in steps if step.parent is None]
        changes: list[Change] = []
        for root in roots:
            try:
                changes.append(await visit.change(root.change))
            except ApiError as error:
                raise error.at(root.index) from error.__cause__
        if all(made is root.change for made, root in zip(changes, roots, strict=True)):
            return None
        return Intercepted(changes, await self._hash_secrets(changes))


class _Visit:
    """One walk over the trees of a batch."""

    def __init__(
        self,
        hooks: Hooks,
        judge: Judge,
        context: Context,
        records: Records,
        profiles: Profiles,
        transaction: Transaction,
    ) -> None:
        self._hooks = hooks
        self._judge = judge
        self._context = context
        self._records = records
        self._profiles = profiles
        self._transaction = transaction
        self.there: dict[tuple[str, Key], bool] = {}
        """Which of the items that are named exist."""

    async def change(self, change: Change) -> Change:
        """The change and all that is nested in it; the very same where no hook changed any."""
        if isinstance(change, Delete):
            await self._asked(Action.DELETE, change.collection, change.key, {})
            return change
        if isinstance(change, Create):
            return await self._below(await self._created(change))
        if not isinstance(change.otherwise, Create) or await self._exists(change):
            return await self._below(await self._updated(change))
        made = await self._created(change.otherwise)
        if made is not change.otherwise:
            # What is nested is shared by the two, whichever of them is done.
            change = replace(change, otherwise=made, ones=made.ones, manys=made.manys)
        self.there[change.collection.name, change.key] = True
        return await self._below(change)

    async def _created(self, change: Create) -> Create:
        payload = await self._asked(Action.CREATE, change.collection, None, change.sent)
        return self._amended(change, payload, ())

    async def _updated(self, change: Update) -> Update:
        payload = await self._asked(Action.UPDATE, change.collection, change.key, change.sent)
        return self._amended(change, payload, change.key)

    async def _exists(self, change: Update) -> bool:
        known = self.there.get((change.collection.name, change.key))
        if known is None:
            # A hook has named it.
            rows = await self._records.read(self._transaction, change.collection, [change.key])
            known = bool(rows)
        return known

    async def _below(self, change: C) -> C:
        """The change with its nested ones as their hooks leave them."""
        ones = tuple([await self._one(one) for one in change.ones])
        manys = tuple([await self._many(many) for many in change.manys])
        if _same(ones, change.ones) and _same(manys, change.manys):
            return change
        if isinstance(change, Update) and isinstance(change.otherwise, Create):
            otherwise = replace(change.otherwise, ones=ones, manys=manys)
            return replace(change, ones=ones, manys=manys, otherwise=otherwise)
        return replace(change, ones=ones, manys=manys)

    async def _one(self, one: One) -> One:
        change = await self.change(one.change)
        return one if change is one.change else One(one.field, change)

    async def _many(self, many: Many) -> Many:
        children = tuple([await self._child(child) for child in many.children])
        return many if _same(children, many.children) else replace(many, children=children)

    async def _child(self, child: Child) -> Child:
        change = await self.change(child.change)
        return child if change is child.change else Child(change, child.tied)

    # -- one item -------------------------------------------------------------------

    async def _asked(
        self, action: Action, collection: Collection, key: Key | None, sent: Item
    ) -> Item:
        """The payload after every hook that waits for this."""
        payload = sent
        for hook in waiting(self._hooks, action, collection.name, self._context):
            intended = Intended(
                event=hook.event,
                collection=collection.name,
                key=None if key is None else shown_key(key, collection),
                payload=copy.deepcopy(payload),
                context=self._context,
                transaction=self._transaction,
            )
            answer = await hook.call(intended)
            if hook.event == KEEPS[action]:
                # What is kept and what is said of it is one: these may but refuse.
                continue
            payload = intended.payload if answer is None else answer
            if not isinstance(payload, dict):
                raise TypeError(f"The hook {hook.id} answered no payload: {type(payload)}")
        return payload

    def _amended(self, change: C, payload: Item, key: Key) -> C:
        """The change with the payload that its hooks want, judged."""
        sent, collection = change.sent, change.collection
        put: Item = {
            name: value
            for name, value in payload.items()
            if name not in sent or value != sent[name]
        }
        gone: set[str] = sent.keys() - payload.keys()
        if not (put or gone):
            return change
        self._refuse_missing(change, gone)
        keys = {name: put[name] for name in collection.primary_key if name in put}
        rest = put if key else {name: value for name, value in put.items() if name not in keys}
        part: Update = self._judge.update(collection, key, rest)
        kept = {
            name: value for name, value in change.values.items() if name not in gone | put.keys()
        }
        # A slug that was given does not follow the title that a hook changed.
        added = {
            name: value for name, value in part.values.items() if name in put or name not in kept
        }
        values = {**kept, **self._new_key(change, keys), **added}
        amended: dict[str, Any] = {
            "values": values,
            "secrets": secrets_among(values.values()),
            "sent": {
                **{name: value for name, value in sent.items() if name in payload},
                **part.sent,
                **keys,
            },
            "ones": (*_without(change.ones, put, gone), *part.ones),
            "manys": (*_without(change.manys, put, gone), *part.manys),
        }
        if isinstance(change, Update):
            amended["new_key"] = part.new_key or change.new_key
        return replace(change, **amended)

    def _new_key(self, change: Create | Update, keys: Item) -> dict[str, Any]:
        """The key that a hook gives a new item."""
        if not keys or isinstance(change, Update):
            return {}
        profile = self._profiles.of(change.collection)
        return dict(ValueJudge(profile, Action.UPDATE, {}).judge(keys).values)

    def _refuse_missing(self, change: Create | Update, gone: set[str]) -> None:
        """Raises `ValidationFailed` when a hook took out what a new item must have."""
        if isinstance(change, Update):
            return
        needed = {field.name for field in self._profiles.of(change.collection).needed}
        if needed & gone:
            raise ValidationFailed(dict.fromkeys(sorted(needed & gone), REQUIRED))


def waiting(hooks: Hooks, action: Action, collection: str, context: Context) -> tuple[Hook, ...]:
    """Who wants to be asked before items of a collection are written."""
    found = hooks.of(WRITES[action], "before", collection)
    if collection == FILES and context.content is not None:
        found += hooks.of(KEEPS[action], "before")
    return found


def _same(made: Sequence[object], known: Sequence[object]) -> bool:
    return all(one is other for one, other in zip(made, known, strict=True))


def _without(parts: tuple[Any, ...], put: Mapping[str, Any], gone: set[str]) -> tuple[Any, ...]:
    return tuple(
        part for part in parts if part.field.name not in put and part.field.name not in gone
    )
