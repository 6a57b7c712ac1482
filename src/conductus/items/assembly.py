"""Makes items of rows by a function that is written for the level.

Most of a read's own work is here: a value is touched once, by a dict display with the
level's names in it, joined items included. The function is built as a syntax tree, never
as text, and once per compiled level; `plain` in its tests says the same the slow way.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conductus.database.executor import Row
from conductus.items.rows import Item, Layout

Assemble = Callable[[Sequence[Row]], list[Item]]
Shown = tuple[str, int, Callable[[Any], Any] | None]
"""A name, the place of its value in the row, what is done to it."""


def assembler(layouts: Sequence[Layout], width: int) -> Assemble:
    """The function from a level's rows, each of `width` values, to its items.

    `[{"id": v0, "author": None if v5 is None else {"name": f0(v4)}} for v0, … in rows]`
    """
    builder = _Builder(layouts)
    return _function(builder.item(layouts[0]), builder, width)


def displayer(shown: Iterable[Shown], width: int) -> Assemble:
    """The function from rows of `width` values to dicts of those that are shown."""
    builder = _Builder(())
    return _function(builder.display(shown), builder, width)


def _function(item: ast.expr, builder: _Builder, width: int) -> Assemble:
    row = ast.Tuple([ast.Name(f"v{place}", ast.Store()) for place in range(width)], ast.Store())
    listed = ast.ListComp(
        item,
        [ast.comprehension(row, ast.Name("rows", ast.Load()), [], 0)],
    )
    arguments = ast.arguments([], [ast.arg("rows")], None, [], [], None, [])
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, listed)))
    # S307: the tree holds names of columns as constants only, nothing of them is run.
    made: Assemble = eval(compile(tree, "<level>", "eval"), builder.converters)  # noqa: S307
    return made


class _Builder:
    """Writes the expression of an item, collecting the converters that it calls."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._layouts = layouts
        self.converters: dict[str, Any] = {}

    def item(self, layout: Layout) -> ast.expr:
        """A dict display of the node's fields and of the items that are joined to it."""
        convert = dict(layout.converters)
        item = self.display(
            (name, place, convert.get(name))
            for place, name in enumerate(layout.names, layout.start)
        )
        path = (*layout.parent, layout.name) if layout.name else ()
        for joined in self._layouts[1:]:
            if joined.parent == path:
                item.keys.append(ast.Constant(joined.name))
                item.values.append(self._joined(joined))
        return item

    def display(self, shown: Iterable[Shown]) -> ast.Dict:
        """A dict display of values of the row."""
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for name, place, convert in shown:
            keys.append(ast.Constant(name))
            values.append(self._value(place, convert))
        return ast.Dict(keys, values)

    def _joined(self, layout: Layout) -> ast.expr:
        """The joined item, or None where its key is."""
        missing = ast.Compare(_read(layout.key or 0), [ast.Is()], [ast.Constant(None)])
        return ast.IfExp(missing, ast.Constant(None), self.item(layout))

    def _value(self, place: int, convert: Callable[[Any], Any] | None) -> ast.expr:
        if convert is None:
            return _read(place)
        name = f"f{len(self.converters)}"
        self.converters[name] = convert
        return ast.Call(ast.Name(name, ast.Load()), [_read(place)], [])


def _read(place: int) -> ast.expr:
    return ast.Name(f"v{place}", ast.Load())
