"""Makes answers of items by a function that is written for a selection.

Items come from the reader as REST shows them. Here they get the names that the document
asks for, in its order, by one dict display for each item; as in `items.assembly` the
function is built as a syntax tree and never as text. `plain` in its tests says the same
the slow way.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from conductus.graphql.shown import Convert
from conductus.items.changes import Item

Present = Callable[[Sequence[Item]], list[Item]]


class Constant(Struct, frozen=True):
    """The same for every item: `__typename`."""

    key: str
    value: str


class Value(Struct, frozen=True):
    """A value of the item."""

    key: str
    name: str
    convert: Convert | None = None


class Inner(Struct, frozen=True):
    """An item that is shown within, or a list of them."""

    key: str
    name: str
    many: bool
    entries: tuple[Entry, ...]


Entry = Constant | Value | Inner


def presenter(entries: Sequence[Entry]) -> Present:
    """The function from items to what is answered of them.

    `[{"id": None if (v1 := v0.get("id")) is None else f0(v1), …} for v0 in items]`
    """
    builder = _Builder()
    listed = builder.listed(_read("items"), entries)
    arguments = ast.arguments([], [ast.arg("items")], None, [], [], None, [])
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, listed)))
    # S307: the tree holds names as constants only, nothing of them is run.
    made: Present = eval(compile(tree, "<selection>", "eval"), builder.converters)  # noqa: S307
    return made


class _Builder:
    """Writes the expressions, collecting the converters that they call."""

    def __init__(self) -> None:
        self.converters: dict[str, Any] = {}
        self._names = 0

    def listed(self, items: ast.expr, entries: Sequence[Entry]) -> ast.expr:
        """A list of what is shown of each item."""
        name = self._name()
        target = ast.Name(name, ast.Store())
        return ast.ListComp(self._item(name, entries), [ast.comprehension(target, items, [], 0)])

    def _item(self, source: str, entries: Sequence[Entry]) -> ast.expr:
        return ast.Dict(
            [ast.Constant(entry.key) for entry in entries],
            [self._entry(source, entry) for entry in entries],
        )

    def _entry(self, source: str, entry: Entry) -> ast.expr:
        match entry:
            case Constant():
                return ast.Constant(entry.value)
            case Value(convert=None):
                return _of(source, entry.name)
            case Value():
                convert = f"f{len(self.converters)}"
                self.converters[convert] = entry.convert
                return self._unless_null(
                    source, entry.name, lambda name: ast.Call(_read(convert), [_read(name)], [])
                )
            case Inner(many=True):
                return self._unless_null(
                    source, entry.name, lambda name: self.listed(_read(name), entry.entries)
                )
            case Inner():
                return self._unless_null(
                    source, entry.name, lambda name: self._item(name, entry.entries)
                )

    def _unless_null(self, source: str, key: str, shown: Callable[[str], ast.expr]) -> ast.expr:
        """What is made of a value that is kept under a name; null where it is null."""
        name = self._name()
        kept = ast.NamedExpr(ast.Name(name, ast.Store()), _of(source, key))
        missing = ast.Compare(kept, [ast.Is()], [ast.Constant(None)])
        return ast.IfExp(missing, ast.Constant(None), shown(name))

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"


def _of(source: str, key: str) -> ast.expr:
    """A value of an item; what was taken out of it reads as null."""
    return ast.Call(ast.Attribute(_read(source), "get", ast.Load()), [ast.Constant(key)], [])


def _read(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
