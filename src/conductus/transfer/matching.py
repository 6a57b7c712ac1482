"""Which items of a collection the rows of a file are about.

They are looked for as any list is: what its asker may not read is not found.
"""

from __future__ import annotations

from collections.abc import Sequence

from conductus.errors import ApiError, ItemNotFound, Unprocessable, ValidationFailed
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.keys import Key, find_key_in_body, text_of_key
from conductus.items.reader import Reader
from conductus.query.item_query import ALL_STATUSES, Compare, ItemQuery, Operator, Selection
from conductus.schema.model import Collection
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain
from conductus.transfer.rows import Row

Value = tuple[Plain, ...]
"""What a row is known by: its key, or the value of one other field."""


class Matching:
    """Finds the items of one collection by their keys, or by one other field."""

    def __init__(
        self, reader: Reader, context: Context, collection: Collection, field: str | None
    ) -> None:
        """Raises `FieldNotFound`, `Unprocessable` for a field without values of its own."""
        own = field is None or (field,) == collection.primary_key
        self._reader = reader
        self._context = context
        self._collection = collection
        self._field = None if own or field is None else collection.field(field)
        if self._field is not None and self._field.column is None:
            raise Unprocessable(f"{field}: holds no value to know items by")
        self._lines: dict[Value | Key, int] = {}

    async def matched(self, rows: Sequence[Row], *, new: bool) -> list[Key | ApiError | None]:
        """For each row the key of its item, what is wrong with it, or None: there is none.

        `new`: items that are not there are not missing. No two rows may be about one item.
        """
        values = [self._value(row) for row in rows]
        known = [value for value in values if isinstance(value, tuple)]
        found = await self._found(list(dict.fromkeys(known))) if known else {}
        return [
            self._judged(row, value, found, new=new)
            for row, value in zip(rows, values, strict=True)
        ]

    def _judged(
        self,
        row: Row,
        value: Value | ApiError | None,
        found: dict[Value, list[Key]],
        *,
        new: bool,
    ) -> Key | ApiError | None:
        if isinstance(value, ApiError):
            return value
        if value is None:
            # Whose key is to be made.
            return None if new and self._field is None else self._missing()
        keys = found.get(value, [])
        if len(keys) > 1:
            return Unprocessable(f"{self._name}: {len(keys)} items have this value")
        key = keys[0] if keys else None
        line = self._lines.setdefault(value if key is None else key, row.line)
        if line != row.line:
            return Unprocessable(f"{self._name}: line {line} is about the same item")
        if key is None and not new:
            return ItemNotFound(self._collection.name, self._text(value))
        return key

    def _value(self, row: Row) -> Value | ApiError | None:
        try:
            if self._field is None:
                return find_key_in_body(row.body, self._collection)
            given = row.body.get(self._field.name)
            if given is None or given == "":
                return None
            return (type_of(self._field).parse(given, self._field),)
        except ApiError as error:
            return error

    async def _found(self, values: Sequence[Value]) -> dict[Value, list[Key]]:
        found = await self._asked(values)
        missing = [value for value in values if value not in found and _is_text(value)]
        if missing:
            # Alone: whatever comes is one of them as the database spells it.
            folded = {_folded(value): keys for value, keys in (await self._asked(missing)).items()}
            found |= {
                value: folded[_folded(value)] for value in missing if _folded(value) in folded
            }
        return found

    async def _asked(self, values: Sequence[Value]) -> dict[Value, list[Key]]:
        found: dict[Value, list[Key]] = {}
        for item in await self._items(values):
            key = find_key_in_body(item, self._collection)
            if key is None:
                continue
            value = key if self._field is None else (self._parsed(item),)
            found.setdefault(value, []).append(key)
        return found

    async def _items(self, values: Sequence[Value]) -> list[Item]:
        keys = self._collection.primary_key
        if self._field is None:
            query = self._query(Selection(keys), None)
            texts = [text_of_key(value, self._collection) for value in values]
            return await self._reader.in_order(query, texts, self._context)
        name = self._field.name
        wanted = Compare((name,), Operator.IN, tuple(value[0] for value in values))
        page = await self._reader.read(self._query(Selection((*keys, name)), wanted), self._context)
        return page.items if isinstance(page.items, list) else [page.items]

    def _query(self, selection: Selection, filter: Compare | None) -> ItemQuery:
        return ItemQuery(
            collection=self._collection.name,
            selection=selection,
            filter=filter,
            statuses=ALL_STATUSES,
            limit=None,
        )

    def _parsed(self, item: Item) -> Plain:
        assert self._field is not None  # noqa: S101 - asked of another field alone
        return type_of(self._field).parse(item[self._field.name], self._field)

    @property
    def _name(self) -> str:
        if self._field is not None:
            return self._field.name
        return ", ".join(self._collection.primary_key)

    def _text(self, value: Value) -> str:
        return text_of_key(value, self._collection) if self._field is None else str(value[0])

    def _missing(self) -> ApiError:
        return ValidationFailed({self._name: "This value is required: items are known by it"})


def _is_text(value: Value) -> bool:
    return any(isinstance(part, str) for part in value)


def _folded(value: Value) -> Value:
    """A value as databases that ignore case compare it."""
    return tuple(part.casefold().rstrip(" ") if isinstance(part, str) else part for part in value)
