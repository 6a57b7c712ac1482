"""Writes items: judges a request whole, then does it in one transaction.

Either everything is there afterwards, history included, or nothing. A transaction that
the database gives up for the sake of concurrency is done again, a bounded number of
times. What is answered to the client is read by the caller, for what is given back.
Source: items page §2 and §6 to §9.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from conductus.database.executor import Database, Transaction
from conductus.database.insisting import insist
from conductus.errors import ApiError
from conductus.items.attempt import Attempt
from conductus.items.batches import (
    Changes,
    all_alike,
    at,
    each_by_its_key,
    new_items,
    worth_again,
)
from conductus.items.breathing import breathing
from conductus.items.changes import Change, Item, Secret, WriteLimits, extent, secrets_of
from conductus.items.context import Context
from conductus.items.history import Deed, History, unsure
from conductus.items.hooks import KEEPS, NO_HOOKS, WRITES, Hooks
from conductus.items.intercepting import Interceptor
from conductus.items.judge import Judge
from conductus.items.keys import key_of_text
from conductus.items.profile import Profiles
from conductus.items.proposals import Proposal, judged
from conductus.items.records import Kept, Records
from conductus.items.revert import permitted, restorable, revision_of
from conductus.items.rules import Rules
from conductus.items.steps import Step
from conductus.items.witnesses import Afterwards, Bookkeeping, Companion, Events
from conductus.items.written import Written
from conductus.permissions.policy import ADMINISTRATOR
from conductus.permissions.writing import check_able_to_change
from conductus.schema.model import Schema

Parts = Callable[[], AsyncGenerator[Changes, None]]
HashSecret = Callable[[str], Awaitable[str]]
_EVERYTHING = 1 << 30
_BRIEF = 32
"""Items whose change keeps nobody waiting."""


class WriteOptions(Struct, frozen=True, kw_only=True):
    """What a request says about its history."""

    comment: str | None = None
    """Kept with the activity of the items that the request names."""
    skip_activity: bool = False
    """Neither activity nor revisions; for administrators, others' wish is not heard."""


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
        asked = (*WRITES.values(), *KEEPS.values())
        self._hooks = hooks if hooks.waits(asked, "before") else None
        self._events = events
        self._kept = Kept(database.dialect)
        self._profiles = Profiles(hooks.checks)
        self._latest: History | None = None

    async def create(
        self,
        collection: str,
        bodies: Sequence[Item],
        context: Context,
        options: WriteOptions | None = None,
    ) -> list[Written]:
        """Creates items; answers them in the same order."""
        judge = self.judge(context, options)
        changes = await new_items(judge, judge.collection(collection), bodies)
        return await self._write(changes, context, options)

    async def together(
        self,
        proposals: Sequence[Proposal],
        context: Context,
        options: WriteOptions | None = None,
        companion: Companion | None = None,
    ) -> list[Written]:
        """Does what is proposed for items of any collections, all of it or nothing.

        Answers in the same order. The proposals are judged together: one cannot change what
        another one makes.
        """
        judge = self.judge(context, options)

        def judge_one(place: int, proposal: Proposal) -> Change:
            return at(place, judged, judge, proposal, context.now)

        changes = await breathing(judge_one, list(enumerate(proposals)))
        return await self._write(changes, context, options, companion=companion)

    async def create_within(
        self,
        transaction: Transaction,
        collection: str,
        body: Item,
        context: Context,
        options: WriteOptions | None = None,
    ) -> str:
        """Creates an item as part of a transaction under way, which counts its own changes."""
        judge = self.judge(context, options)
        change = judge.create(judge.collection(collection), body)
        steps = await self._join(transaction, [change], context, options)
        return steps[0].text

    async def update_within(
        self, transaction: Transaction, collection: str, key: str, body: Item, context: Context
    ) -> None:
        """Changes an item in the same way."""
        judge = self.judge(context, None)
        target = judge.collection(collection)
        change = judge.update(target, key_of_text(key, target, context.now), body)
        await self._join(transaction, [change], context, None)

    async def delete_within(
        self, transaction: Transaction, collection: str, key: str, context: Context
    ) -> None:
        """Removes an item in the same way."""
        judge = self.judge(context, None)
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
        steps = await self._steps(
            transaction, changes, context, options or WriteOptions(), hashes, None, _EVERYTHING
        )
        if self._events is not None:
            # Nobody rings for it: whoever waits looks by the clock.
            await self._events.record(transaction, steps, context)
        return steps

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
        judge = self.judge(context, options)
        target = judge.collection(collection)
        changes = (
            await each_by_its_key(judge, target, body)
            if keys is None
            else all_alike(judge, target, keys, body, context)
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
        judge = self.judge(context, options)
        target = judge.collection(collection)
        changes = [
            at(place, judge.delete, target, key_of_text(key, target, context.now))
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
        judge = self.judge(context, options)
        target = judge.collection(collection)
        check_able_to_change(context.actor, context.policy, target)
        parsed = key_of_text(key, target, context.now)
        records = self._history(context.schema).records
        found = await revision_of(self._database, records, revision, target, parsed, context)
        body = restorable(found, target)
        if not context.policy.administrator:
            rows = await records.read(self._database, target, [parsed])
            row = rows[parsed].record if parsed in rows else {}
            body = permitted(body, row, target, context.policy)
        change = judge.update(target, parsed, body)
        (answer,) = await self._write([change], context, options, Deed.REVERT)
        return answer

    def judge(self, context: Context, options: WriteOptions | None = None) -> Judge:
        """Judges what one request, or one part of it, is to write."""
        explained = options is not None and bool(options.comment and options.comment.strip())
        return Judge(
            context, self._limits, _new_uuid, self._profiles, self._rules, explained=explained
        )

    async def write_parts(
        self, parts: Parts, context: Context, options: WriteOptions | None = None
    ) -> None:
        """Writes more than memory holds: what comes in parts, in one transaction.

        `parts` is begun anew for each attempt. An error is raised while its part is the one
        that was asked for last, and tells the place in it where that is known.
        """
        suspect: int | None = None

        async def attempt() -> int | None:
            return await self._attempt_parts(parts, context, options or WriteOptions(), suspect)

        # Rows went to the database together: that part again, one by one, tells which fails.
        while (found := await insist(attempt, "items", self._limits.attempts)) is not None:
            suspect = found

    # -- running --------------------------------------------------------------------

    async def _write(
        self,
        changes: Changes,
        context: Context,
        options: WriteOptions | None,
        deed: Deed | None = None,
        companion: Companion | None = None,
    ) -> list[Written]:
        hashes = await self._hashes(changes)
        attempt = partial(
            self._attempt, changes, context, options or WriteOptions(), hashes, deed, companion
        )
        try:
            steps = await insist(partial(attempt, _EVERYTHING), "items", self._limits.attempts)
        except ApiError as error:
            if not worth_again(error, changes):
                raise
            steps = await insist(partial(attempt, 1), "items", self._limits.attempts)
        return _answers(steps)

    async def _attempt(
        self,
        changes: Changes,
        context: Context,
        options: WriteOptions,
        hashes: Mapping[Secret, str],
        deed: Deed | None,
        companion: Companion | None,
        widest: int,
    ) -> list[Step]:
        # Hooks may wait for anything.
        alone = self._hooks is not None or companion is not None
        brief = not alone and len(changes) <= _BRIEF and extent(changes) <= _BRIEF
        async with self._database.transaction(brief=brief) as transaction:
            if companion is not None:
                await companion.before(transaction)
            steps = await self._steps(transaction, changes, context, options, hashes, deed, widest)
            if companion is not None:
                await companion.after(transaction, _answers(steps))
            afterwards = await self._witnessed(transaction, steps, context)
        for then in afterwards:
            then()
        return steps

    async def _attempt_parts(
        self, parts: Parts, context: Context, options: WriteOptions, suspect: int | None
    ) -> int | None:
        """The number of the part in which rows that went together failed; None: all is done."""
        afterwards: dict[Callable[[], None], None] = {}
        number = 0
        try:
            async with self._database.transaction() as transaction, aclosing(parts()) as following:
                async for changes in following:
                    number += 1
                    widest = 1 if number == suspect else _EVERYTHING
                    hashes = await self._hashes(changes)
                    steps = await self._steps(
                        transaction, changes, context, options, hashes, None, widest
                    )
                    witnessed = await self._witnessed(transaction, steps, context)
                    afterwards |= dict.fromkeys(witnessed)
        except ApiError as error:
            if number == suspect or "index" in error.details or error.status >= 500:
                raise
            return number
        for then in afterwards:
            then()
        return None

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
        history = self._history(context.schema)
        records = history.records
        intercept = self._interceptor(context, options, records)
        attempt = Attempt(transaction, records, context, hashes, widest, intercept)
        steps = await attempt.run(changes)
        if self._rules is not None:
            await self._rules.hold(transaction, records, context, steps)
        if not (options.skip_activity and context.actor.administrator):
            await history.record(transaction, steps, context, comment=options.comment, deed=deed)
        else:
            for step in unsure(steps):
                step.after = None
        return steps

    async def _witnessed(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """Tells those who are told of every write."""
        afterwards: list[Callable[[], None]] = []
        if self._bookkeeping is not None:
            done = [step for step in steps if not step.idle]
            afterwards += await self._bookkeeping.before_commit(transaction, done, context)
        if self._events is not None:
            afterwards += await self._events.record(transaction, steps, context)
        return afterwards

    async def _hashes(self, changes: Changes) -> dict[Secret, str]:
        if not any(map(secrets_of, changes)):
            return {}
        secrets = {secret: None for change in changes for secret in secrets_of(change)}
        hashed = await asyncio.gather(*(self._hash_secret(secret.text) for secret in secrets))
        return dict(zip(secrets, hashed, strict=True))

    def _interceptor(
        self, context: Context, options: WriteOptions, records: Records
    ) -> Interceptor | None:
        if self._hooks is None:
            return None
        judge = self.judge(replace(context, policy=ADMINISTRATOR), options)
        return Interceptor(self._hooks, judge, self._hashes, context, records, self._profiles)

    def _history(self, schema: Schema) -> History:
        """That of a schema, made once: requests come with the same one for long."""
        latest = self._latest
        if latest is None or latest.schema is not schema:
            latest = self._latest = History(Records(schema, self._kept), schema, self._profiles)
        return latest


def _answers(steps: Sequence[Step]) -> list[Written]:
    """What was written of the items that the request names."""
    return [step.written_item for step in steps if step.parent is None]


def _new_uuid() -> str:
    return str(uuid.uuid4())
