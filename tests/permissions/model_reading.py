"""What a read must answer, by looping over rows. Source: permissions page §4.1, §4.2, §6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct, field

from tests.permissions.model import KEY, NOT_FOUND, UNREADABLE, Access, Refusal, Row, Shape, State

Tree = Mapping[str, Any]
"""Names of fields, `*`, and relations to follow with a tree of their own."""
Condition = Mapping[str, Any]
"""`{"_and": […]}`, `{"_or": […]}` or `{"left.word": {"eq": "fig"}}`."""


class Read(Struct, frozen=True, kw_only=True):
    """A request to read."""

    collection: str
    ids: tuple[int, ...] | None = None
    fields: Tree = field(default_factory=lambda: {"*": None})
    condition: Condition | None = None
    search: str | None = None
    sort: str | None = None
    """With `-` in front to descend; besides it by key."""
    statuses: tuple[str, ...] | None = None
    """`("*",)` for all."""
    groups: str | None = None
    """A field to count by; then nothing else is answered."""


class Found(Struct, frozen=True):
    """What is answered."""

    data: Any
    warned: frozenset[str] = frozenset()
    """Relations that degrade."""
    total: int = 0
    matching: int = 0
    by_status: Mapping[str, int] = {}


class Reading:
    """Reads of one asker in one state."""

    def __init__(self, access: Access, state: State) -> None:
        self.access = access
        self.state = state
        self.shapes = access.world.shapes

    def answer(self, read: Read) -> Found | Refusal:
        """The answer to a request."""
        closed = self.access.closed(read.collection)
        if not closed and any(self._forbidden(read.collection, path) for path in asked_paths(read)):
            return UNREADABLE
        if read.ids is None:
            return self._list(read)
        if len(read.ids) == 1:
            return self._one(read, read.ids[0])
        if self.access.closed(read.collection):
            return self.access.denied("read")
        found = [self.state[read.collection].get(id) for id in sorted(set(read.ids))]
        return self._page(read, [item for item in found if item and self._by_id(read, item)])

    # -- which rows -------------------------------------------------------------------

    def _one(self, read: Read, id: int) -> Found | Refusal:
        item = self.state[read.collection].get(id)
        if item is None or not self._by_id(read, item):
            return NOT_FOUND
        (shown, warned) = self._shown(read.collection, [item], read.fields)
        return Found(shown[0], warned) if shown else NOT_FOUND

    def _by_id(self, read: Read, item: Row) -> bool:
        """Whether a row is found by its key: in the usual statuses and those asked for."""
        asked = read.statuses
        usual = in_statuses(self.shapes[read.collection], item, None)
        return self.access.sees(read.collection, item) and (
            usual or (asked is not None and in_statuses(self.shapes[read.collection], item, asked))
        )

    def _list(self, read: Read) -> Found | Refusal:
        if self.access.closed(read.collection):
            return self.access.denied("read")
        if any(self._forbidden(read.collection, path) for path in asked_paths(read)):
            return UNREADABLE
        shape = self.shapes[read.collection]
        seen = [
            item
            for _, item in sorted(self.state[read.collection].items())
            if self.access.sees(read.collection, item)
        ]
        wanted = [item for item in seen if self._matches(read, item)]
        listed = [item for item in wanted if in_statuses(shape, item, read.statuses)]
        narrowed = None if read.statuses == ("*",) else read.statuses
        total = sum(in_statuses(shape, item, narrowed) for item in seen)
        if self.access.never_read(read.collection, "status"):
            told: Mapping[str, bool] = {}
        else:
            told = shape.statuses
        by_status = dict.fromkeys(told, 0)
        hides = partial(self._is_hidden, read.collection, name="status")
        for item in seen:
            if told and item["status"] is not None and not hides(item):
                by_status[item["status"]] = by_status.get(item["status"], 0) + 1
        # What decides and is hidden in some rows leaves those out, as a condition does.
        narrowing = (set(self.access.hidden_in(read.collection, p[0])) for p in asked_paths(read))
        filtered = bool(read.condition or read.search or any(narrowing))
        if read.groups is not None:
            return Found(counted(listed, read.groups))
        page = self._page(read, ordered(listed, read.sort))
        matching = len(listed) if filtered else total
        return Found(page.data, page.warned, total, matching, by_status)

    def _page(self, read: Read, items: list[Row]) -> Found:
        return Found(*self._shown(read.collection, items, read.fields))

    # -- conditions, §6.3 -------------------------------------------------------------

    def _forbidden(self, collection: str, path: tuple[str, ...]) -> bool:
        """Whether a path may not decide about the answer."""
        name, *rest = path
        if self.access.never_read(collection, name):
            return True
        target = self._target(collection, name)
        if target is None or not (rest or name in self.shapes[collection].manys):
            return False
        return self.access.closed(target) or bool(rest and self._forbidden(target, tuple(rest)))

    def _target(self, collection: str, name: str) -> str | None:
        shape = self.shapes[collection]
        if name in shape.ones:
            return shape.ones[name]
        return shape.manys[name][0] if name in shape.manys else None

    def _matches(self, read: Read, item: Row) -> bool:
        """Whether a row is wanted, and every field that decides may be read in it."""
        decisive = {path[0] for path in asked_paths(read)}
        if any(self._is_hidden(read.collection, item, name) for name in decisive):
            return False
        if read.condition is not None and not self.holds(read.collection, item, read.condition):
            return False
        return not read.search or self._found_by_search(read.collection, item, read.search)

    def _is_hidden(self, collection: str, item: Row, name: str) -> bool:
        return self.access.status(collection, item) in set(self.access.hidden_in(collection, name))

    def holds(self, collection: str, item: Row, condition: Condition) -> bool:
        """Whether a row fulfils a condition, looking at related rows that are seen alone."""
        if "_and" in condition:
            return all(self.holds(collection, item, each) for each in condition["_and"])
        if "_or" in condition:
            return any(self.holds(collection, item, each) for each in condition["_or"])
        ((path, test),) = condition.items()
        name, _, rest = path.partition(".")
        if rest:
            target = self._target(collection, name)
            assert target is not None
            return any(
                self.holds(target, other, {rest: test})
                for other in self._related(collection, item, name)
                if not self._is_hidden(target, other, rest.partition(".")[0])
            )
        ((operator, operand),) = test.items()
        is_list = name in self.shapes[collection].manys
        value = len(self._related(collection, item, name)) or None if is_list else item[name]
        return bool(TESTS[operator](value, operand))

    def _related(self, collection: str, item: Row, name: str) -> list[Row]:
        """The rows that a relation leads to and that are seen."""
        target = self._target(collection, name)
        assert target is not None
        rows = self.state[target]
        if name in self.shapes[collection].ones:
            found = [rows[item[name]]] if item[name] in rows else []
        else:
            back = self.shapes[collection].manys[name][1]
            found = [row for _, row in sorted(rows.items()) if row[back] == item[KEY]]
        return [row for row in found if self.access.sees(target, row)]

    def _found_by_search(self, collection: str, item: Row, word: str) -> bool:
        if self._contains(collection, item, word):
            return True
        shape = self.shapes[collection]
        hidden = self.access.hidden(collection, item)
        return any(
            self._contains(target, other, word)
            for name in (*shape.ones, *shape.manys)
            if name not in hidden and name != shape.owner
            for target in [self._target(collection, name)]
            if target is not None
            for other in self._related(collection, item, name)
        )

    def _contains(self, collection: str, item: Row, word: str) -> bool:
        hidden = self.access.hidden(collection, item)
        texts = (name for name in self.shapes[collection].texts if name not in hidden)
        return any(word in (item[name] or "") for name in texts)

    # -- what is shown, §6.1 and §6.4 ---------------------------------------------------

    def _shown(
        self, collection: str, items: list[Row], fields: Tree
    ) -> tuple[list[Row], frozenset[str]]:
        shown = [self.present(collection, item, fields) for item in items]
        warned = frozenset(
            name
            for name, inner in fields.items()
            if (target := self._target(collection, name) if name != "*" else None)
            and (inner is not None or name in self.shapes[collection].manys)
            and self.access.closed(target)
            and not self.access.never_read(collection, name)
        )
        if self.access.workflow(collection) and not self.access.asker.administrator:
            shown = [item for item in shown if item]
        return shown, warned

    def present(self, collection: str, item: Row, fields: Tree) -> Row:
        """A row with what is asked of it and may be shown."""
        shape = self.shapes[collection]
        hidden = self.access.hidden(collection, item)
        shown: Row = {}
        for name in self._named(shape, fields):
            inner = fields.get(name)
            if name in hidden:
                continue
            target = self._target(collection, name)
            if target is None or (inner is None and name not in shape.manys):
                shown[name] = item[name]
            elif name in shape.ones:
                shown[name] = self._expanded(target, item[name], inner)
            elif not self.access.closed(target):
                others = self._listed(collection, item, name)
                shown[name] = (
                    [other[KEY] for other in others]
                    if inner is None
                    else [self.present(target, other, inner) for other in others]
                )
        return shown

    def _named(self, shape: Shape, fields: Tree) -> list[str]:
        every = shape.columns if "*" in fields else ()
        return list(dict.fromkeys([*every, *(name for name in fields if name != "*")]))

    def _expanded(self, target: str, key: int | None, fields: Tree | None) -> Row | None:
        if key is None:
            return None
        if self.access.closed(target):
            return {KEY: key}
        other = self.state[target].get(key)
        if other is None or not self.access.sees(target, other):
            return None
        if not in_statuses(self.shapes[target], other, None):
            return None
        return self.present(target, other, fields or {})

    def _listed(self, collection: str, item: Row, name: str) -> list[Row]:
        target = self.shapes[collection].manys[name][0]
        return [
            other
            for other in self._related(collection, item, name)
            if in_statuses(self.shapes[target], other, None)
        ]


def in_statuses(shape: Shape, item: Row, asked: tuple[str, ...] | None) -> bool:
    """Whether an item is in the statuses asked for; by default in those not deleted."""
    if not shape.statuses or asked == ("*",):
        return True
    if asked is None:
        return shape.statuses.get(item["status"], True) is False
    return item["status"] in asked


def asked_paths(read: Read) -> Iterable[tuple[str, ...]]:
    """Every path that decides which rows are answered, or in which order."""
    if read.condition is not None:
        yield from paths(read.condition)
    if read.sort is not None:
        yield (read.sort.removeprefix("-"),)
    if read.groups is not None:
        yield (read.groups,)
    if read.statuses not in (None, ("*",)):
        yield ("status",)


def paths(condition: Condition) -> Iterable[tuple[str, ...]]:
    """The paths of a condition."""
    for key, inner in condition.items():
        if key in ("_and", "_or"):
            for each in inner:
                yield from paths(each)
        else:
            yield tuple(key.split("."))


def ordered(items: list[Row], sort: str | None) -> list[Row]:
    """Items sorted by key and then by a field, nulls last."""
    if sort is None:
        return items
    name = sort.removeprefix("-")
    there = [item for item in items if item[name] is not None]
    there.sort(key=lambda item: item[name], reverse=sort.startswith("-"))
    return [*there, *(item for item in items if item[name] is None)]


def counted(items: list[Row], name: str) -> dict[Any, int]:
    """How many items there are of each value."""
    counts: dict[Any, int] = {}
    for item in items:
        counts[item[name]] = counts.get(item[name], 0) + 1
    return counts


TESTS: Mapping[str, Any] = {
    "eq": lambda value, operand: value is not None and value == operand,
    "neq": lambda value, operand: value is not None and value != operand,
    "gt": lambda value, operand: value is not None and value > operand,
    "lt": lambda value, operand: value is not None and value < operand,
    "in": lambda value, operand: value is not None and value in operand,
    "contains": lambda value, operand: value is not None and operand in value,
    "null": lambda value, operand: value is None,
    "nnull": lambda value, operand: value is not None,
    "empty": lambda value, operand: not value,
    "nempty": lambda value, operand: bool(value),
    "has": lambda value, operand: (value or 0) >= operand,
    "nhas": lambda value, operand: (value or 0) < operand,
}
