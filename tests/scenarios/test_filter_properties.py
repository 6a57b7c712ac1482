"""Any filter gives, on each database, the items that a naive reading of it gives.

The naive reading is written apart from the real one: it loops over items in memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import DRIVERS, fresh_database
from tests.scenarios.shop import Live, live
from tests.scenarios.worlds import KEY, done, field, relation, text, whole

Item = dict[str, Any]

WORDS = [None, "", "apple", "pear", "a_b", "50%", "zèbre"]
NUMBERS = [None, 0, 1, 2, 3, -5, 1000]
PRICES = [None, "0.00", "0.10", "0.20", "12.50", "-3.75"]
DAYS = [None, "2031-01-01", "2031-02-03", "1999-12-31"]
SHELVES: list[Item] = [
    {"id": 1, "label": "apple", "weight": 1},
    {"id": 2, "label": None, "weight": 3},
    {"id": 3, "label": "pear", "weight": None},
]
THINGS: list[Item] = [
    {
        "id": number,
        "word": WORDS[number % len(WORDS)],
        "number": NUMBERS[(number * 3) % len(NUMBERS)],
        "price": PRICES[(number * 5) % len(PRICES)],
        "day": DAYS[(number * 2) % len(DAYS)],
        "shelf": [None, 1, 2, 3, 3][(number * 7) % 5],
    }
    for number in range(1, 41)
]


# -- the naive reading ------------------------------------------------------------------


def holds(condition: Any, item: Item, collection: str) -> bool:
    """Whether an item fulfils a JSON filter."""
    if "_and" in condition:
        return all(holds(each, item, collection) for each in condition["_and"])
    if "_or" in condition:
        return any(holds(each, item, collection) for each in condition["_or"])
    ((path, test),) = condition.items()
    ((operator, operand),) = test.items()
    head, _, rest = path.partition(".")
    if rest:
        inner = {rest: test}
        return any(holds(inner, other, where) for where, other in related(item, head, collection))
    return TESTS[operator](item[head], operand, head)


def related(item: Item, name: str, collection: str) -> Iterable[tuple[str, Item]]:
    """The items that a relation leads to, with their collection."""
    if collection == "things":
        return [("shelves", shelf) for shelf in SHELVES if shelf["id"] == item[name]]
    return [("things", thing) for thing in THINGS if thing["shelf"] == item["id"]]


def comparable(value: Any, name: str) -> Any:
    """What values of a field are compared as."""
    return Decimal(value) if name == "price" else value


def known(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any, str], bool]:
    """A comparison that no null fulfils."""

    def test(value: Any, operand: Any, name: str) -> bool:
        return value is not None and compare(comparable(value, name), operand)

    return test


def one(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any, str], bool]:
    """A comparison with one value."""

    def test(value: Any, operand: Any, name: str) -> bool:
        return known(compare)(value, comparable(operand, name), name)

    return test


def several(compare: Callable[[Any, list[Any]], bool]) -> Callable[[Any, Any, str], bool]:
    """A comparison with a list of values."""

    def test(value: Any, operand: Any, name: str) -> bool:
        return known(compare)(value, [comparable(each, name) for each in operand], name)

    return test


def empty(value: Any, _: Any, name: str) -> bool:
    return value is None or value == "" or (name in ("number", "price") and Decimal(value) == 0)


TESTS: dict[str, Callable[[Any, Any, str], bool]] = {
    "eq": one(lambda value, operand: bool(value == operand)),
    "neq": one(lambda value, operand: bool(value != operand)),
    "lt": one(lambda value, operand: bool(value < operand)),
    "lte": one(lambda value, operand: bool(value <= operand)),
    "gt": one(lambda value, operand: bool(value > operand)),
    "gte": one(lambda value, operand: bool(value >= operand)),
    "in": several(lambda value, operand: value in operand),
    "between": several(lambda value, ends: bool(ends[0] <= value <= ends[1])),
    "nbetween": several(lambda value, ends: not ends[0] <= value <= ends[1]),
    "null": lambda value, _, __: value is None,
    "nnull": lambda value, _, __: value is not None,
    "empty": empty,
    "nempty": lambda value, operand, name: not empty(value, operand, name),
    "contains": known(lambda value, operand: operand in value),
    "ncontains": known(lambda value, operand: operand not in value),
}


# -- filters ----------------------------------------------------------------------------


def values(known_values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([value for value in known_values if value is not None])


def leaf(path: str, choices: list[Any], *operators: str) -> st.SearchStrategy[Any]:
    """A condition on one field."""
    pairs = st.tuples(values(choices), values(choices)).map(list)
    operands = {
        **dict.fromkeys(("null", "nnull", "empty", "nempty"), st.just(True)),
        "in": st.lists(values(choices), min_size=1, max_size=4),
        "between": pairs,
        "nbetween": pairs,
    }
    return st.sampled_from(operators).flatmap(
        lambda operator: operands.get(operator, values(choices)).map(
            lambda operand: {path: {operator: operand}}
        )
    )


ORDERED = ("eq", "neq", "lt", "lte", "gt", "gte", "in", "between", "nbetween", "null", "nnull")
# The order of texts is the database's own, and an empty text to look for is no condition.
TEXTUAL = ("eq", "neq", "in", "null", "nnull", "empty", "nempty")
PARTS = ["app", "e", "_", "%", "zè", "0%"]
OWN = st.one_of(
    leaf("word", WORDS, *TEXTUAL),
    leaf("word", PARTS, "contains", "ncontains"),
    leaf("number", NUMBERS, *ORDERED, "empty", "nempty"),
    leaf("price", PRICES, *ORDERED, "empty", "nempty"),
    leaf("day", DAYS, *ORDERED),
)
OVER_SHELF = st.one_of(
    leaf("shelf.label", WORDS, *TEXTUAL),
    leaf("shelf.weight", [0, 1, 2, 3], *ORDERED),
)
OVER_NEIGHBOURS = OWN.map(
    lambda condition: {f"shelf.things.{name}": test for name, test in condition.items()}
)
FILTERS = st.recursive(
    OWN | OVER_SHELF | OVER_NEIGHBOURS,
    lambda inner: st.tuples(st.sampled_from(["_and", "_or"]), st.lists(inner, max_size=3)).map(
        lambda pair: {pair[0]: pair[1]}
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module", params=DRIVERS)
async def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """Things on shelves."""
    folder = tmp_path_factory.mktemp("store")
    async with (
        fresh_database(request.param, "store", folder) as url,
        live(url, folder / "data") as world,
    ):
        shelves = [KEY, text("label"), whole("weight"), field("things", "o2m")]
        things = [
            KEY,
            text("word"),
            whole("number"),
            field("price", "decimal", "DECIMAL", "10,2"),
            field("day", "date", "DATE"),
            whole("shelf", "m2o"),
        ]
        await done(world, "/collections", {"collection": "shelves", "fields": shelves})
        await done(world, "/collections", {"collection": "things", "fields": things})
        await done(world, "/relations", relation("things", "shelf", "shelves", "things"))
        await done(world, "/items/shelves", SHELVES)
        await done(world, "/items/things", THINGS)
        yield world


async def test_a_filter_gives_the_items_of_its_naive_reading(store: Live) -> None:
    # The world lives in this loop; the examples are made in a thread and asked here.
    loop = asyncio.get_running_loop()

    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(FILTERS)
    def example(condition: Any) -> None:
        found = asyncio.run_coroutine_threadsafe(_ids(store, condition), loop).result(60)
        assert found == [item["id"] for item in THINGS if holds(condition, item, "things")]

    await asyncio.to_thread(example)


async def _ids(world: Live, condition: Any) -> list[int]:
    asked = quote(json.dumps(condition))
    found = await world.data(f"/items/things?fields=id&limit=-1&filter={asked}")
    return [item["id"] for item in found]
