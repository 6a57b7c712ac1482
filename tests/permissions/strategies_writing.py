"""Random requests to write, that the model and the real thing both answer."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.permissions.model import Row, Shape
from tests.permissions.model_writing import DELETE, Write
from tests.permissions.strategies import (
    KEYS,
    NUMBERS,
    SHAPES,
    SIZE,
    STATUSES,
    WORDS,
    People,
    any_of,
)

WRITERS = st.sampled_from(
    ["one"] * 12 + ["peer"] * 3 + ["nobody", "other", "lone", "administrator"]
)
WRITTEN = st.sampled_from(["both", "both", "both", "staged", "owned", "owned", "bare"])
NUMBERS_OF_WORDS = st.integers(10_000, 2**40)


@cache
def body(name: str, people: People, depth: int, *, new: bool) -> st.SearchStrategy[Row]:
    """What is to be written. New items have words of their own, by which they are found."""
    shape = SHAPES[name]
    optional: dict[str, st.SearchStrategy[Any]] = {
        "number": NUMBERS,
        "left": KEYS,
        "right": KEYS,
    }
    if shape.statuses:
        optional["status"] = st.sampled_from(list(STATUSES))
    if shape.owner:
        optional["owner"] = st.sampled_from(list(people.users.values()))
    if depth:
        for relation, target in shape.ones.items():
            optional[relation] = KEYS | one(target, people, depth - 1)
        for alias, (target, field) in shape.manys.items():
            optional[alias] = st.lists(member(target, field, people, depth - 1), max_size=2)
    fresh = NUMBERS_OF_WORDS.map(lambda number: f"new {number}")
    if new:
        return st.fixed_dictionaries({"word": fresh}, optional=optional)
    optional["word"] = st.sampled_from(WORDS)
    return st.fixed_dictionaries({}, optional=optional)


def change(shape: Shape, people: People) -> st.SearchStrategy[Row]:
    """One value that is to be written: little else can be in its way."""
    choices: list[st.SearchStrategy[Row]] = [
        st.fixed_dictionaries({alias: st.lists(st.integers(1, SIZE), min_size=1, max_size=1)})
        for alias in shape.manys
    ]
    if shape.statuses:
        statuses = st.sampled_from(list(STATUSES))
        choices += 3 * [st.fixed_dictionaries({"status": statuses})]
    if shape.owner:
        owners = st.sampled_from(list(people.users.values()))
        choices += 3 * [st.fixed_dictionaries({"owner": owners})]
    return st.one_of(choices)


@cache
def one(target: str, people: People, depth: int) -> st.SearchStrategy[Row]:
    """A nested change through a many-to-one field."""
    key = st.integers(1, SIZE)
    return st.one_of(
        body(target, people, depth, new=True),
        key.map(lambda id: {"id": id}),
        st.builds(lambda id, rest: {**rest, "id": id}, key, body(target, people, depth, new=False)),
        st.builds(
            lambda id, rest: {**rest, "id": id},
            st.integers(50, 60),
            body(target, people, depth, new=True),
        ),
        key.map(lambda id: {"id": id, DELETE: True}),
    )


@cache
def member(target: str, field: str, people: People, depth: int) -> st.SearchStrategy[Any]:
    """An entry of a one-to-many list."""
    key = st.integers(1, SIZE + 1)
    return st.one_of(
        body(target, people, depth, new=True),
        key,
        st.builds(lambda id, rest: {**rest, "id": id}, key, body(target, people, depth, new=False)),
        key.map(lambda id: {"id": id, field: None}),
        key.map(lambda id: {"id": id, DELETE: True}),
    )


ACTIONS = st.sampled_from(["create", "update", "update", "update", "delete"])
WRITTEN_IDS = any_of(
    [
        st.lists(st.integers(1, SIZE + 1), min_size=1, max_size=most, unique=True)
        for most in (1, 1, 2)
    ]
)
DEPTHS = st.sampled_from([0, 0, 0, 1, 2])


@cache
def created(name: str, people: People, depth: int) -> st.SearchStrategy[Any]:
    """The body of a request to create."""
    bodies = body(name, people, depth, new=True)
    keyed = st.builds(lambda id, rest: {**rest, "id": id}, st.integers(50, 60), bodies)
    return bodies | keyed | st.lists(bodies, min_size=1, max_size=3)


@cache
def updated(name: str, people: People, depth: int) -> st.SearchStrategy[Row]:
    """The values of a request to update."""
    return body(name, people, depth, new=False) | change(SHAPES[name], people)


@st.composite
def writes(draw: st.DrawFn, people: People) -> Write:
    """A request to write."""
    name = draw(WRITTEN)
    action = draw(ACTIONS)
    explained = draw(st.booleans())
    ids = draw(WRITTEN_IDS)
    if action == "delete":
        return Write(action="delete", collection=name, ids=tuple(ids), explained=explained)
    depth = draw(DEPTHS)
    if action == "create":
        chosen = draw(created(name, people, depth))
        return Write(action="create", collection=name, body=chosen, explained=explained)
    changed = updated(name, people, depth)
    if draw(st.booleans()):
        chosen = draw(changed)
        return Write(
            action="update", collection=name, ids=tuple(ids), body=chosen, explained=explained
        )
    listed = [{**draw(changed), "id": id} for id in ids]
    return Write(action="update", collection=name, body=listed, explained=explained)
