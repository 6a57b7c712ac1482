"""Items on their way in: a file is judged whole, then written in one transaction.

The file is read twice, some rows at a time; between the two nothing of it is kept but the
keys of the items that are there already.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import Enum
from functools import partial
from itertools import count
from typing import BinaryIO

from msgspec import Struct

from conductus.errors import ApiError, Unprocessable
from conductus.items.batches import Changes
from conductus.items.breathing import breathing
from conductus.items.changes import Create, Update
from conductus.items.context import Context
from conductus.items.judge import Judge
from conductus.items.keys import Key
from conductus.items.reader import Reader
from conductus.items.writer import WriteOptions, Writer
from conductus.permissions.writing import Action, check_able, check_able_to_change
from conductus.schema.model import Collection
from conductus.transfer.formats import Format, check_installed
from conductus.transfer.matching import Matching
from conductus.transfer.problems import Problems
from conductus.transfer.rows import Row, rows_of


class Mode(Enum):
    """What is done with the rows of a file."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be imported, and how."""

    collection: str
    format: Format
    mode: Mode = Mode.CREATE
    key: str | None = None
    """The field by which rows find their items; None: the primary key."""
    most_rows: int


class Outcome(Struct, frozen=True):
    """What an import did."""

    created: int
    updated: int


def check_able_to_import(context: Context, collection: Collection, mode: Mode) -> None:
    """Who may write nothing learns nothing. Raises as `permissions.writing` does."""
    actor, policy = context.actor, context.policy
    match mode:
        case Mode.CREATE:
            check_able(actor, policy, Action.CREATE, collection.name)
        case Mode.UPDATE:
            check_able_to_change(actor, policy, collection)
        case Mode.UPSERT:
            try:
                check_able(actor, policy, Action.CREATE, collection.name)
            except ApiError:
                check_able_to_change(actor, policy, collection)


class Import:
    """Imports one file."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        context: Context,
        options: WriteOptions,
        wanted: Wanted,
        file: BinaryIO,
    ) -> None:
        """Raises `CollectionNotFound`, `FieldNotFound`, `Unprocessable`."""
        check_installed(wanted.format)
        self._writer = writer
        self._context = context
        self._options = options
        self._wanted = wanted
        self._file = file
        self._collection = writer.judge(context).collection(wanted.collection)
        self._matching = (
            None
            if wanted.mode is Mode.CREATE
            else Matching(reader, context, self._collection, wanted.key)
        )
        self._keys: list[Key | None] = []
        """Of each row, where rows may be about items that are there."""
        self._lines: list[int] = []
        """Of the rows that are being written."""

    async def check(self) -> Outcome:
        """What the import would do, as far as can be told before it is done.

        Raises `ValidationFailed` with the problems of the lines.
        """
        problems = Problems(self._collection)
        rows = 0
        async with aclosing(self._rows()) as parts:
            async for part in parts:
                rows += len(part)
                if rows > self._wanted.most_rows:
                    raise Unprocessable(
                        f"More than {self._wanted.most_rows} rows in one import",
                        details={"limit": self._wanted.most_rows},
                    )
                await self._look_at(part, problems)
                if problems.full:
                    problems.check(whole=False)
        problems.check()
        if not rows:
            raise Unprocessable("The file holds no items")
        updated = sum(key is not None for key in self._keys)
        return Outcome(created=rows - updated, updated=updated)

    async def run(self) -> Outcome:
        """Writes all of it or nothing. Raises as `check`, and for what the database refuses."""
        outcome = await self.check()
        try:
            await self._writer.write_parts(self._parts, self._context, self._options)
        except ApiError as error:
            place = error.details.get("index")
            if not isinstance(place, int) or place >= len(self._lines):
                raise
            problems = Problems(self._collection)
            problems.add(self._lines[place], error)
            problems.check(whole=False)
        return outcome

    def _rows(self) -> AsyncGenerator[list[Row], None]:
        wanted, schema = self._wanted, self._context.schema
        return rows_of(self._file, wanted.format, self._collection, schema)

    async def _look_at(self, part: Sequence[Row], problems: Problems) -> None:
        matched = await self._matched(part)
        judge = self._judge()

        look = partial(self._tell, judge, problems)
        await breathing(look, list(zip(part, matched, strict=True)))
        if self._matching is not None:
            self._keys += [None if isinstance(key, ApiError) else key for key in matched]

    def _tell(self, judge: Judge, problems: Problems, row: Row, key: Key | ApiError | None) -> None:
        """Everything that is wrong with a row: one field after the other is left out."""
        body, told = row.body, set[str]()
        while not problems.full:
            try:
                self._change(judge, Row(row.line, body), key)
            except ApiError as error:
                found = problems.add(row.line, error, told)
                if not found:
                    return
                told |= found
                body = {name: value for name, value in body.items() if name not in found}
            else:
                return

    async def _matched(self, part: Sequence[Row]) -> Sequence[Key | ApiError | None]:
        if self._matching is None:
            return [None] * len(part)
        return await self._matching.matched(part, new=self._wanted.mode is Mode.UPSERT)

    async def _parts(self) -> AsyncGenerator[Changes, None]:
        """The file as changes."""
        done = 0
        async with aclosing(self._rows()) as parts:
            async for part in parts:
                self._lines = [row.line for row in part]
                keys = self._keys[done : done + len(part)] or [None] * len(part)
                done += len(part)
                change = partial(self._placed_change, self._judge())
                yield await breathing(change, list(zip(count(), part, keys, strict=False)))

    def _placed_change(
        self, judge: Judge, place: int, row: Row, key: Key | None
    ) -> Create | Update:
        try:
            return self._change(judge, row, key)
        except ApiError as error:
            raise error.at(place) from error.__cause__

    def _judge(self) -> Judge:
        return self._writer.judge(self._context, self._options)

    def _change(self, judge: Judge, row: Row, key: Key | ApiError | None) -> Create | Update:
        if isinstance(key, ApiError):
            raise key
        if key is None:
            return judge.create(self._collection, row.body)
        return judge.update(self._collection, key, row.body)
