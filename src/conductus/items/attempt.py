"""One attempt to do a change tree within a transaction.

Reads what is to be changed, one statement per collection; then does the stages in order,
rows of one shape together. Which item of a batch failed is known when `widest` is 1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from conductus.database.executor import Transaction
from conductus.errors import ApiError, ItemNotFound, Unprocessable
from conductus.items.changes import Change, Create, Delete, Many, Secret, Update
from conductus.items.context import Context
from conductus.items.intercepting import Intercepted
from conductus.items.keys import Key, key_fixed, text_of_key
from conductus.items.records import Record, Records, Stored
from conductus.items.standing import judge_rows, judge_ties
from conductus.items.steps import Step, laid_out, stages
from conductus.permissions.writing import default_status, judge_row
from conductus.schema.model import NUMBERS, Collection, Field, Kind
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain

_FILLABLE: Final = frozenset(NUMBERS | {Kind.BOOLEAN, Kind.TEXT})
"""Kinds whose defaults are as good written by us as by the database."""

Changes = Sequence[Create | Update | Delete]
Intercept = Callable[[Transaction, Sequence[Step]], Awaitable[Intercepted | None]]


class Attempt:
    """Does a batch of changes once. Not to be used twice."""

    def __init__(
        self,
        transaction: Transaction,
        records: Records,
        context: Context,
        hashes: Mapping[Secret, str],
        widest: int,
        intercept: Intercept | None = None,
    ) -> None:
        """`intercept` is asked before anything is written."""
        self._transaction = transaction
        self._records = records
        self._context = context
        self._hashes = hashes
        self._widest = widest
        self._intercept = intercept
        self._known: dict[str, dict[Key, Stored | None]] = {}
        """Rows that exist, by collection; None for those made here."""
        self._made: dict[tuple[str, Key], Create] = {}
        """Items that turned out to be new."""
        self._gone: set[tuple[str, Key]] = set()
        """Items that were deleted."""

    async def run(self, changes: Changes) -> list[Step]:
        """The steps that were done, parents before what is nested in them."""
        steps = await self._prepared(changes)
        if not self._context.policy.administrator:
            # Once: what hooks add is written with the rights of the system.
            judge_ties(self._context, steps)
        if self._intercept is not None:
            found = await self._intercept(self._transaction, steps)
            if found is not None:
                self._hashes = {**self._hashes, **found.hashes}
                steps = await self._prepared(found.changes)
        for stage in stages(steps):
            for alike in stage:
                await self._do(alike)
        await self._check_kept(steps)
        return steps

    async def _prepared(self, changes: Changes) -> list[Step]:
        """The steps, with the rows that they change known and judged."""
        steps = laid_out(changes)
        await self._look_up(steps)
        if not self._context.policy.administrator:
            await self._judge_rows(steps)
        return steps

    # -- what is there --------------------------------------------------------------

    async def _look_up(self, steps: Sequence[Step]) -> None:
        """Reads the rows to be changed. Raises `ItemNotFound` for the first that is missing."""
        known = [step for step in steps if type(step.change) is not Create]
        wanted: dict[str, list[Step]] = {}
        for step in known:
            wanted.setdefault(step.collection.name, []).append(step)
        for name, alike in wanted.items():
            collection = alike[0].collection
            rows = await self._records.read_to_change(
                self._transaction, collection, [step.key for step in alike]
            )
            self._known[name] = dict(rows)
            missed = [step for step in alike if step.key not in rows]
            if missed:
                spelled = _Spelling(rows)
                for step in missed:
                    step.key = spelled(step.key)
        for step in known:
            self._check_there(step)

    def _check_there(self, step: Step) -> None:
        change = step.change
        known = self._known[step.collection.name].get(step.key)
        step.before = None if known is None else known.record
        if step.before is None:
            if isinstance(change, Update) and change.otherwise is not None:
                return
            text = text_of_key(step.key, step.collection)
            raise ItemNotFound(step.collection.name, text).at(step.index)
        if isinstance(change, Update) and change.refused is not None:
            raise change.refused.at(step.index)
        if isinstance(change, Update) and change.new_key not in (None, change.key, step.key):
            raise key_fixed(step.collection).at(step.index)

    async def _judge_rows(self, steps: Sequence[Step]) -> None:
        """Whether the actor may do this to these rows, judged before any is changed."""
        standings = [
            (step, step.change.wish, step.before, self._moved(step))
            for step in steps
            if not isinstance(step.change, Create)
            and step.change.wish is not None
            and step.before is not None
        ]
        await judge_rows(self._transaction, self._records, self._context, standings)

    def _moved(self, step: Step) -> frozenset[str]:
        """The field that a tie to the parent gives another value."""
        if not step.tied or step.parent is None or step.relation is None or step.before is None:
            return frozenset()
        name = step.relation.field_many
        if name in step.collection.primary_key:
            # It was found by that key, however its own is spelled.
            return frozenset()
        known = not isinstance(step.parent.change, Create)
        if known and step.before[name] == _as_reference(step.parent, step.collection.fields[name]):
            return frozenset()
        return frozenset({name})

    # -- stages ---------------------------------------------------------------------

    async def _do(self, steps: Sequence[Step]) -> None:
        """Steps of one stage and collection, runs of the same kind together."""
        for step in steps:
            if isinstance(step.change, Update) and step.change.otherwise is not None:
                self._decide(step, step.change.otherwise)
        for kind, run in groupby(steps, key=_kind_of):
            if kind is Create:
                await self._create(list(run))
            elif kind is Update:
                await self._update(list(run))
            else:
                await self._delete(list(run))

    def _decide(self, step: Step, otherwise: Create | ApiError) -> None:
        """Makes a creation of a change of what turned out not to exist."""
        known = self._known[step.collection.name]
        if step.key in known:
            self._judge_new(step)
            return
        if isinstance(otherwise, ApiError):
            raise otherwise.at(step.index)
        known[step.key] = None
        self._made[step.collection.name, step.key] = otherwise
        step.change = otherwise

    def _judge_new(self, step: Step) -> None:
        """Whether an item may be changed that this very request has made."""
        made = self._made.get((step.collection.name, step.key))
        if made is None or isinstance(step.change, Create) or step.change.wish is None:
            return
        if isinstance(step.change, Update) and step.change.refused is not None:
            raise step.change.refused.at(step.index)
        row: Record = {**dict.fromkeys(step.collection.fields), **made.stamps}
        if step.collection.status_field is not None:
            stated = {step.collection.status_field: default_status(step.collection)}
            row |= stated | {name: made.values[name] for name in stated if name in made.values}
        context = self._context
        judge_row(context.actor, context.policy, step.change.wish, row, None, self._moved(step))

    async def _create(self, steps: Sequence[Step]) -> None:
        collection = steps[0].collection
        rows = [self._row(step.change, step) for step in steps if isinstance(step.change, Create)]
        alike = all(map(rows[0].keys().__eq__, map(dict.keys, rows)))
        if not alike:
            rows = _filled_out(rows, collection)
        work = list(zip(steps, rows, strict=True))
        # The shape of rows that are alike is told by how many columns they have.
        for run in _runs(work, len if alike else dict.keys, self._widest):
            try:
                made = await self._records.insert_seen(
                    self._transaction, collection, [row for _, row in run]
                )
            except ApiError as error:
                raise _named(error, [step for step, _ in run]) from error.__cause__
            for (step, _), (key, after) in zip(run, made, strict=True):
                step.key, step.after = key, after

    async def _update(self, steps: Sequence[Step]) -> None:
        collection = steps[0].collection
        busy = [
            (step, values)
            for step in steps
            if isinstance(step.change, Update) and (values := self._new_values(step.change, step))
        ]
        for run in _runs(busy, dict, self._widest):
            try:
                seen = await self._records.update_seen(
                    self._transaction,
                    collection,
                    [step.key for step, _ in run],
                    run[0][1],
                    self._known[collection.name],
                )
            except ApiError as error:
                raise _named(error, [step for step, _ in run]) from error.__cause__
            for step, _ in run:
                step.after = seen.get(step.key)

    async def _delete(self, steps: Sequence[Step]) -> None:
        collection = steps[0].collection
        for step in steps:
            # An item that is named twice goes once.
            step.idle = (collection.name, step.key) in self._gone
            self._gone.add((collection.name, step.key))
        steps = [step for step in steps if not step.idle]
        for start in range(0, len(steps), self._widest):
            run = steps[start : start + self._widest]
            keys = [step.key for step in run]
            try:
                gone = await self._records.delete(self._transaction, collection, keys)
                if gone < len(keys):
                    # Somebody else was quicker.
                    raise ItemNotFound(collection.name, text_of_key(run[0].key, collection))
            except ApiError as error:
                raise _named(error, run) from error.__cause__

    # -- values ---------------------------------------------------------------------

    def _row(self, change: Create, step: Step) -> Record:
        """The columns of a new item."""
        step.written = self._own_values(change, step)
        return {**change.stamps, **step.written} if change.stamps else step.written

    def _new_values(self, change: Update, step: Step) -> Record:
        """The columns to be written; none when all is as it should be."""
        step.written = self._own_values(change, step)
        if not step.written and change.empty:
            step.idle = True
            return {}
        return {**change.stamps, **step.written}

    def _own_values(self, change: Create | Update, step: Step) -> Record:
        if not (self._hashes or change.ones or step.ones or step.tied):
            return change.values
        values = dict(change.values)
        if self._hashes:
            values = {
                name: self._hashes[value] if isinstance(value, Secret) else value
                for name, value in values.items()
            }
        for one in change.ones:
            if isinstance(one.change, Delete):
                values[one.field.name] = None
        for name, below in step.ones:
            values[name] = _as_reference(below, step.collection.fields[name])
        if step.tied and step.parent is not None and step.relation is not None:
            name = step.relation.field_many
            # An item that hangs there already is left alone.
            if isinstance(change, Create) or self._moved(step):
                values[name] = _as_reference(step.parent, step.collection.fields[name])
        return values

    # -- the rest -------------------------------------------------------------------

    async def _check_kept(self, steps: Iterable[Step]) -> None:
        """Raises `Unprocessable` when a required list has lost all its items."""
        for step in steps:
            if not isinstance(step.change, Update):
                continue
            for many in step.change.manys:
                if many.field.required and _may_lose(many):
                    await self._check_list(step, many)

    async def _check_list(self, step: Step, many: Many) -> None:
        target = self._context.schema.collections[many.relation.collection_many]
        field = target.fields[many.relation.field_many]
        key = _as_reference(step, field)
        if not await self._records.used(self._transaction, field, target, [key]):
            raise Unprocessable(f"{many.field.name}: must keep an item").at(step.index)


def _kind_of(step: Step) -> type[Change]:
    return type(step.change)


def _named(error: ApiError, steps: Sequence[Step]) -> ApiError:
    """The error of the database with the item that failed, where that is known."""
    alone = len({step.index for step in steps}) == 1
    return error.at(steps[0].index) if alone else error


class _Spelling:
    """Keys as the database spells them: some compare text without regard to case."""

    def __init__(self, rows: Iterable[Key]) -> None:
        self._folded = {_folded(known): known for known in rows}

    def __call__(self, key: Key) -> Key:
        """A key that is not among them as it stands."""
        return self._folded.get(_folded(key), key)


def _folded(key: Key) -> Key:
    return tuple(part.casefold().rstrip(" ") if isinstance(part, str) else part for part in key)


def _as_reference(step: Step, field: Field) -> Plain:
    """The key of a step's item as the column that refers to it holds it."""
    (key,) = step.key
    target = step.collection.fields[step.collection.primary_key[0]]
    if target.kind is field.kind:
        return key
    return type_of(field).parse(key, field)


def _filled_out(rows: list[Record], collection: Collection) -> list[Record]:
    """Rows that differ in what they leave out get the same columns, where that is safe."""
    names = {name for row in rows for name in row}
    fillings = {name: value for name in names for value in _filling(collection.fields[name])}
    return [{**fillings, **row} for row in rows]


def _filling(field: Field) -> tuple[Plain, ...]:
    """What the database would put there by itself; nothing where only it can know."""
    column = field.column
    if column is None or column.auto_increment or column.generated:
        return ()
    if column.default is not None:
        return (column.default,) if column.kind in _FILLABLE else ()
    return () if column.has_default or not column.nullable else (None,)


def _runs(
    work: Sequence[tuple[Step, Record]], shape: Callable[[Record], object], widest: int
) -> Iterator[list[tuple[Step, Record]]]:
    """Neighbours of the same shape, at most `widest` of them together."""
    if len(work) == 1:
        yield list(work)
        return
    run: list[tuple[Step, Record]] = []
    alike: object = None
    for step, values in work:
        form = shape(values)
        if run and (len(run) >= widest or form != alike):
            yield run
            run = []
        run.append((step, values))
        alike = form
    if run:
        yield run


def _may_lose(many: Many) -> bool:
    return any(not isinstance(child.change, Create) for child in many.children)
