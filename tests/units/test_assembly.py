"""Items made by the written function are those that the plain way makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.items.assembly import assembler
from conductus.items.rows import Item, Layout


def plain(rows: Sequence[Sequence[Any]], layouts: Sequence[Layout]) -> list[Item]:
    """The specification: one row and one node after the other."""
    found = []
    for row in rows:
        made: dict[tuple[str, ...], Item | None] = {}
        for layout in layouts:
            item: Item | None = dict(zip(layout.names, row[layout.start : layout.end], strict=True))
            if layout.key is not None and row[layout.key] is None:
                item = None
            for name, convert in layout.converters:
                if item is not None:
                    item[name] = convert(item[name])
            path = (*layout.parent, layout.name) if layout.name else ()
            made[path] = item
            above = made[layout.parent] if layout.name else None
            if above is not None:
                above[layout.name] = item
        base = made[()]
        assert base is not None
        found.append(base)
    return found


def node(names: str, start: int, path: str = "", key: int | None = None) -> Layout:
    words = tuple(names.split())
    hops = tuple(path.split("."))
    return Layout(
        names=words,
        start=start,
        end=start + len(words),
        converters=tuple((name, str) for name in words if name.startswith("text")),
        hidden={},
        key=key,
        parent=hops[:-1],
        name=hops[-1],
    )


LEVELS = {
    "one node": [node("id textual views", 0)],
    "no fields": [node("", 0)],
    "joined": [node("id text", 0), node("name text", 2, "author", 4)],
    "joined twice": [
        node("id", 0),
        node("name", 1, "author", 2),
        node("text city", 3, "author.address", 5),
        node("name", 6, "editor", 7),
    ],
    "names that are no identifiers": [node("class a-b ünï 'quote' \"double\" __import__", 0)],
}
WIDTH = 8
VALUES = st.none() | st.integers() | st.text(max_size=3)


@pytest.mark.parametrize("name", LEVELS)
@given(rows=st.lists(st.tuples(*[VALUES] * WIDTH), max_size=5))
def test_items_are_made_as_the_plain_way_makes_them(name: str, rows: list[tuple[Any, ...]]) -> None:
    layouts = LEVELS[name]
    assert assembler(layouts, WIDTH)(rows) == plain(rows, layouts)
