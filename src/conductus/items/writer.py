"""Writes items: judges a request whole, then does it in one transaction.

Either everything is there afterwards, history included, or nothing. A transaction that
the database gives up for the sake of concurrency is done again, a bounded number of
times. What is answered to the client is read by the caller, for what is given back.
Source: items page §2 and §6 to §9.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conductus.database.executor import Database, Transaction
from conductus.database.insisting import insist
from conductus.errors import ApiError, Unprocessable, ValidationFailed
from conductus.items.attempt import Attempt
from conductus.items.breathing import breathing
from conductus.items.changes import Create, Delete, Item, Secret, Update, secrets_of
from conductus.items.context import Context
from conductus.items.history import Deed, History, unsure
from conductus.items.hooks import NO_HOOKS, WRITES, Hooks
from conductus.items.intercepting import Interceptor
from conductus.items.judge import Judge, WriteLimits
from conductus.items.keys import find_key_in_body, key_of_text
from conductus.items.profile import Profiles
from conductus.items.records import Kept, Records
from conductus.items.revert import find_revision, permitted, restorable
from conductus.items.rules import Rules
from conductus.items.steps import Step
from conductus.items.wishes import Wish, judged
from conductus.items.written import Written
from conductus.permissions.policy import ADMINISTRATOR
from conductus.permissions.writing import check_able_to_change
from conductus.schema.model import Collection

Changes = Sequence[Create | Update | Delete]
Judged = TypeVar("Judged", Create, Update, Delete, Create | Update | Delete)
HashSecret = Callable[[str], Awaitable[str]]
_EVERYTHING = 1 << 30


class WriteOptions(Struct, frozen=True, kw_only=True):
    """What a request says about its history."""

    comment: str | None = None
    """Kept with the activity of the items that the request names."""
    skip_activity: bool = False
    """Neither activity nor revisions; for administrators, others' wish is not heard."""


class Bookkeeping(Protocol):
    """Is told of every write, so that what is kept of the collections can be renewed."""

    async def before_commit(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Any:
        """In the transaction, with the steps that did something; the answer is kept …"""
        ...

    def after_commit(self, noted: Any) -> None:
        """… and handed over once the transaction is there for all to see."""
        ...


class Events(Protocol):
    """Keeps what is to be told of a write to those who wait for it."""

    async def record(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> None:
        """In the transaction, with every step."""
        ...

    def after_commit(self, steps: Sequence[Step]) -> None:
        """What was recorded of the steps is there for all to see."""
        ...


class Writer:
    """The one way items are written."""

    def __init__(
        self,
        database: Database,
        hash_secret: HashSecret,
        limits: WriteLimits | None = None,
        bookkeeping: Bookkeeping | None = None,
        rules: Rules | None = None,
        hooks: Hooks = NO_HOOKS,
        events: Events | None = None,
    ) -> None:
        """`hash_secret` hashes a password off the event loop; `events` is told what was done."""
        self._database = database
        self._hash_secret = hash_secret
        self._limits = limits or WriteLimits()
        self._bookkeeping = bookkeeping
        self._rules = rules
        self._hooks = hooks if hooks.waits(WRITES.values(), "before") else None
        self._events = events
        self._kept = Kept(database.dialect)
        self._profiles = Profiles(hooks.checks)

    async def create(
        self,
        collection: str,
        bodies: Sequence[Item],
        context: Context,
        options: WriteOptions | None = None,
    ) -> list[Written]:
        """Creates items; answers them in the same order."""
        judge = self._judge(context, options)
        target = judge.collection(collection)

        def judged(place: int, body: Item) -> Create:
            return _at(place, judge.create, target, body)

        changes = await breathing(judged, list(enumerate(bodies)))
        return await self._write(changes, context, options)

    async def together(
        self,
        wishes: Sequence[Wish],
        context: Context,
        options: WriteOptions | None = None,
    ) -> list[Written]:
        """Does what is wished for items of any collections, all of it or nothing.

        Answers in the same order. The wishes are judged together: one cannot change what
        another one makes.
        """
        judge = self._judge(context, options)

        def judge_one(place: int, wish: Wish) -> Create | Update | Delete:
            return _at(place, judged, judge, wish, context.now)

        changes = await breathing(judge_one, list(enumerate(wishes)))
        return await self._write(changes, context, options)

    async def create_within(
        self,
        transaction: Transaction,
        collection: str,
        body: Item,
        context: Context,
        options: WriteOptions | None = None,
    ) -> str:
        """Creates an item as part of a transaction under way, which counts its own changes."""
        judge = self._judge(context, options)
        change = judge.create(judge.collection(collection), body)
        steps = await self._join(transaction, [change], context, options)
        return steps[0].text

    async def update_within(
        self, transaction: Transaction, collection: str, key: str, body: Item, context: Context
    ) -> None:
        """Changes an item in the same way."""
        judge = self._judge(context, None)
        target = judge.collection(collection)
        change = judge.update(target, key_of_text(key, target, context.now), body)
        await self._join(transaction, [change], context, None)

    async def delete_within(
        self, transaction: Transaction, collection: str, key: str, context: Context
    ) -> None:
        """Removes an item in the same way."""
        judge = self._judge(context, None)
        target = judge.collection(collection)
        change = judge.delete(target, key_of_text(key, target, context.now))
        await self._join(transaction, [change], context, None)

    async def _join(
        self,
        transaction: Transaction,
        changes: Changes,
        context: Context,
        options: WriteOptions | None,
    ) -> list[Step]:
        hashes = await self._hashes(changes)
        return await self._steps(
            transaction, changes, context, options or WriteOptions(), hashes, None, _EVERYTHING
        )

    async def update(
        self,
        collection: str,
        keys: Sequence[str] | None,
        body: Item | list[Item],
        context: Context,
        options: WriteOptions | None = None,
    ) -> list[Written]:
        """Changes items: all those of `keys` alike, or without them each of a list by its key.

        Raises 12/422 for a list with keys, 4/422 for an object without.
        """
        judge = self._judge(context, options)
        target = judge.collection(collection)
        changes = (
            await _each_by_its_key(judge, target, body)
            if keys is None
            else _all_alike(judge, target, keys, body, context)
        )
        return await self._write(changes, context, options)

    async def delete(
        self,
        collection: str,
        keys: Sequence[str],
        context: Context,
        options: WriteOptions | None = None,
    ) -> None:
        """Removes items for good, all of them or none."""
        judge = self._judge(context, options)
        target = judge.collection(collection)
        changes = [
            _at(place, judge.delete, target, key_of_text(key, target, context.now))
            for place, key in enumerate(dict.fromkeys(keys))
        ]
        await self._write(changes, context, options)

    async def revert(
        self,
        collection: str,
        key: str,
        revision: str,
        context: Context,
        options: WriteOptions | None = None,
    ) -> Written:
        """Writes back what a revision of the item holds.

        Raises `RevisionNotFound` for an unknown one and for one of another item.
        """
        judge = self._judge(context, options)
        target = judge.collection(collection)
        check_able_to_change(context.actor, context.policy, target)
        parsed = key_of_text(key, target, context.now)
        records = self._records(context)
        found = await find_revision(self._database, records, revision, target, parsed, context)
        body = restorable(found, target)
        if not context.policy.administrator:
            rows = await records.read(self._database, target, [parsed])
            row = rows[parsed].record if parsed in rows else {}
            body = permitted(body, row, target, context.policy)
        change = judge.update(target, parsed, body)
        (answer,) = await self._write([change], context, options, Deed.REVERT)
        return answer

    # -- running --------------------------------------------------------------------

    async def _write(
        self,
        changes: Changes,
        context: Context,
        options: WriteOptions | None,
        deed: Deed | None = None,
    ) -> list[Written]:
        hashes = await self._hashes(changes)

        async def attempt(widest: int) -> list[Step]:
            return await self._attempt(
                changes, context, options or WriteOptions(), hashes, deed, widest
            )

        try:
            steps = await insist(lambda: attempt(_EVERYTHING), "items", self._limits.attempts)
        except ApiError as error:
            if len(changes) == 1 or "index" in error.details or error.status >= 500:
                raise
            # Rows went to the database together: one by one tells which of them fails.
            steps = await insist(lambda: attempt(1), "items", self._limits.attempts)
        return [step.written_item for step in steps if step.parent is None]

    async def _attempt(
        self,
        changes: Changes,
        context: Context,
        options: WriteOptions,
        hashes: Mapping[Secret, str],
        deed: Deed | None,
        widest: int,
    ) -> list[Step]:
        async with self._database.transaction() as transaction:
            steps = await self._steps(transaction, changes, context, options, hashes, deed, widest)
            noted = None
            if self._bookkeeping is not None:
                done = [step for step in steps if not step.idle]
                noted = await self._bookkeeping.before_commit(transaction, done, context)
        if self._bookkeeping is not None:
            self._bookkeeping.after_commit(noted)
        if self._events is not None:
            self._events.after_commit(steps)
        return steps

    async def _steps(
        self,
        transaction: Transaction,
        changes: Changes,
        context: Context,
        options: WriteOptions,
        hashes: Mapping[Secret, str],
        deed: Deed | None,
        widest: int,
    ) -> list[Step]:
        """The changes and their history."""
        records = self._records(context)
        intercept = self._interceptor(context, options, records)
        attempt = Attempt(transaction, records, context, hashes, widest, intercept)
        steps = await attempt.run(changes)
        if self._rules is not None:
            await self._rules.hold(transaction, records, context, steps)
        if not (options.skip_activity and context.actor.administrator):
            history = History(records, context, self._profiles)
            await history.record(transaction, steps, comment=options.comment, deed=deed)
        else:
            for step in unsure(steps):
                step.after = None
        if self._events is not None:
            await self._events.record(transaction, steps, context)
        return steps

    async def _hashes(self, changes: Changes) -> dict[Secret, str]:
        secrets = {secret: None for change in changes for secret in secrets_of(change)}
        if not secrets:
            return {}
        hashed = await asyncio.gather(*(self._hash_secret(secret.text) for secret in secrets))
        return dict(zip(secrets, hashed, strict=True))

    def _judge(self, context: Context, options: WriteOptions | None) -> Judge:
        explained = options is not None and bool(options.comment and options.comment.strip())
        return Judge(
            context, self._limits, _new_uuid, self._profiles, self._rules, explained=explained
        )

    def _interceptor(
        self, context: Context, options: WriteOptions, records: Records
    ) -> Interceptor | None:
        if self._hooks is None:
            return None
        judge = self._judge(replace(context, policy=ADMINISTRATOR), options)
        return Interceptor(self._hooks, judge, self._hashes, context, records, self._profiles)

    def _records(self, context: Context) -> Records:
        return Records(context.schema, self._kept)


def _new_uuid() -> str:
    return str(uuid.uuid4())


def _all_alike(
    judge: Judge, target: Collection, keys: Sequence[str], body: Item | list[Item], context: Context
) -> Changes:
    if isinstance(body, list):
        raise Unprocessable("Changing items by their ids takes one object, not a list")
    distinct = dict.fromkeys(keys)
    parsed = [key_of_text(key, target, context.now) for key in distinct]
    if not parsed:
        raise ValidationFailed("The id of an item is needed")
    return judge.update_all(target, parsed, body)


async def _each_by_its_key(judge: Judge, target: Collection, body: Item | list[Item]) -> Changes:
    if not isinstance(body, list):
        raise ValidationFailed("The id of an item is needed, or a list of objects with their ids")

    def judged(place: int, one: Item) -> Update:
        return _at(place, _change_by_its_key, judge, target, one)

    return await breathing(judged, list(enumerate(body)))


def _change_by_its_key(judge: Judge, target: Collection, body: Item) -> Update:
    key = find_key_in_body(body, target)
    if key is None:
        raise Unprocessable(f"{', '.join(target.primary_key)}: every item needs its key")
    return judge.update(target, key, body)


def _at(place: int, judged: Callable[..., Judged], *given: Any) -> Judged:
    """What the judge says of one item of a batch; its errors tell the place."""
    try:
        return judged(*given)
    except ApiError as error:
        raise error.at(place) from error.__cause__
