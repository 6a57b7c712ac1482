"""Writes that are broken off, that meet each other, and that try anything."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database, Transaction, TransactionConflict
from conductus.errors import ApiError, DatabaseUnreachable
from conductus.items.changes import WriteLimits
from conductus.items.writer import Writer
from tests.databases import fresh_database
from tests.items.desk import Desk, desk

ROOT = Path(__file__).parent.parent.parent
TABLES = ("articles", "comments", "authors", "tags", "articles_tags", "directus_activity")
TREE: dict[str, Any] = {
    "title": "a",
    "author": {"name": "Ada"},
    "comments": [{"text": "x", "writer": {"name": "Bob"}}, {"text": "y"}],
    "tag_links": [{"tag": {"slug": "t"}}],
}


async def everything(shop: Desk) -> dict[str, list[dict[str, Any]]]:
    return {name: await shop.items(name) for name in (*TABLES, "directus_revisions")}


class Counting:
    """A database whose statements are counted and may fail at one of them."""

    def __init__(self, database: Database, failures: dict[int, Exception] | None = None) -> None:
        self.database = database
        self.dialect = database.dialect
        self.failures = failures or {}
        self.count = 0

    @asynccontextmanager
    async def transaction(self, *, brief: bool = False) -> AsyncIterator[Any]:
        async with self.database.transaction(brief=brief) as transaction:
            yield _Counted(transaction, self)

    def step(self) -> None:
        self.count += 1
        if self.count in self.failures:
            raise self.failures[self.count]


class _Counted:
    def __init__(self, transaction: Transaction, counting: Counting) -> None:
        self._transaction = transaction
        self._counting = counting

    def __getattr__(self, name: str) -> Any:
        self._counting.step()
        return getattr(self._transaction, name)


def writer(shop: Desk, counting: Counting) -> Writer:
    database: Any = counting
    return Writer(database, shop.hash, WriteLimits(attempts=4))


async def test_a_fault_at_any_statement_leaves_nothing_behind(shop: Desk) -> None:
    counting = Counting(shop.database)
    await writer(shop, counting).create("articles", [TREE], shop.context)
    before = await everything(shop)
    for place in range(1, counting.count + 1):
        failing = Counting(shop.database, {place: DatabaseUnreachable()})
        with pytest.raises(DatabaseUnreachable):
            await writer(shop, failing).create("articles", [TREE], shop.context)
    assert await everything(shop) == before


async def test_a_conflict_runs_the_whole_change_again(shop: Desk) -> None:
    conflicts: dict[int, Exception] = {3: TransactionConflict(), 5: TransactionConflict()}
    counting = Counting(shop.database, conflicts)
    assert await writer(shop, counting).create("articles", [TREE], shop.context)
    assert len(await shop.items("articles")) == 1
    assert len(await shop.items("comments")) == 2
    always = Counting(shop.database, {n: TransactionConflict() for n in range(1, 100)})
    with pytest.raises(DatabaseUnreachable):
        await writer(shop, always).create("articles", [TREE], shop.context)
    assert always.count == 4
    assert len(await shop.items("articles")) == 1


async def test_the_number_of_statements_does_not_grow_with_the_rows(shop: Desk) -> None:
    counts = []
    for size in (2, 64):
        counting = Counting(shop.database)
        one = writer(shop, counting)
        bodies = [{"title": f"{n}", "comments": [{"text": "x"}]} for n in range(size)]
        keys = [made.key for made in await one.create("articles", bodies, shop.context)]
        await one.update("articles", keys, {"views": 1}, shop.context)
        await one.update(
            "articles", [keys[0]], {"comments": [{"text": "y"} for _ in range(size)]}, shop.context
        )
        await one.delete("articles", keys, shop.context)
        counts.append(counting.count)
    # Rows go in statements of a bounded size: a few more of them, not one for each row.
    assert counts[1] < counts[0] + 30


async def test_two_writers_of_the_same_items_lose_nothing(shop: Desk) -> None:
    size = 8
    keys = await shop.create("articles", *({"title": f"{n}", "views": 0} for n in range(size)))
    patient = Writer(shop.database, shop.hash, WriteLimits(attempts=20))

    async def write(name: str, value: Any, order: list[str]) -> None:
        bodies = [{"id": key, name: f"{value} {key}"} for key in order]
        await patient.update("articles", None, bodies, shop.context)

    await asyncio.gather(
        *(write("title", n, keys) for n in range(3)),
        *(write("pin", n, keys[::-1]) for n in range(3)),
        *(write("link", n, keys[::-1]) for n in range(3)),
    )
    found = await shop.items("articles", sort="id")
    assert len({item["title"].split()[0] for item in found}) == 1
    assert [item["title"].split()[1] for item in found] == keys
    wanted = {"filter": {"collection": {"eq": "articles"}}, "sort": "id"}
    revisions = await shop.items("directus_revisions", **wanted)
    assert len(revisions) == size * 10


async def test_of_two_who_delete_one_finds_nothing(shop: Desk) -> None:
    await shop.create("tags", {"slug": "x"}, {"slug": "y"})
    deletions = [shop.delete("tags", *keys) for keys in (("1", "2"), ("2", "1"))]
    outcomes = await asyncio.gather(*deletions, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ItemNotFound", "NoneType"]
    assert await shop.items("tags") == []


KILLED = """
import asyncio, sys
from tests.items.desk import desk_on
from tests.items.test_faults import TREE

async def main(url):
    async with desk_on(url) as shop:
        print("ready", flush=True)
        while True:
            await shop.create("articles", *[TREE] * 40)
            print("written", flush=True)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_killed_process_leaves_whole_requests(shop: Desk, project_url: str) -> None:
    for pause in (0.0, 0.013, 0.031):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", KILLED, project_url),
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(2):
            assert await asyncio.wait_for(process.stdout.readline(), 30)
        # Somewhere in the middle of a request: the place is left to chance.
        await asyncio.sleep(pause)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    counts = {name: len(rows) for name, rows in (await everything(shop)).items()}
    made = counts["articles"]
    assert made >= 120
    assert made % 40 == 0
    assert counts["comments"] == counts["authors"] == 2 * made
    assert counts["articles_tags"] == counts["tags"] == made
    noted = await shop.items("directus_revisions", filter={"collection": {"eq": "articles"}})
    assert len(noted) == made


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)
AUTHORS = st.fixed_dictionaries(
    {}, optional={"name": NAMES | st.none(), "email": st.sampled_from(["a@x", "b@x", "c"])}
)
COMMENTS = st.fixed_dictionaries(
    {}, optional={"text": NAMES, "writer": AUTHORS | st.none(), "nope": st.none()}
)
ARTICLES = st.fixed_dictionaries(
    {},
    optional={
        "title": NAMES,
        "views": st.integers(-(2**33), 2**33) | st.none(),
        "featured": st.booleans(),
        "score": st.decimals(-999, 999, places=2).map(str) | st.just("x"),
        "labels": st.lists(st.text("ab,é", min_size=1, max_size=3), min_size=1, max_size=3),
        "extra": st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | NAMES,
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
            max_leaves=4,
        ),
        "author": AUTHORS,
        "comments": st.lists(COMMENTS, max_size=3),
    },
)
COMPARED = ("title", "views", "featured", "labels", "extra")


@pytest.mark.timeout(300)
async def test_what_is_written_is_read_and_what_fails_changes_nothing(
    driver: Driver, tmp_path: Path
) -> None:
    # One loop for the world and all examples: the examples run in this test's own.
    loop = asyncio.get_running_loop()

    async with fresh_database(driver, "writer", tmp_path) as url, desk(url) as shop:

        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], database=None)
        @given(st.lists(ARTICLES, min_size=1, max_size=3))
        def example(bodies: list[dict[str, Any]]) -> None:
            asyncio.run_coroutine_threadsafe(_written_is_read(shop, bodies), loop).result(60)

        await asyncio.to_thread(example)


async def _tried(shop: Desk, bodies: list[dict[str, Any]]) -> tuple[list[str], ApiError | None]:
    try:
        return await shop.create("articles", *bodies), None
    except ApiError as error:
        return [], error


async def _written_is_read(shop: Desk, bodies: list[dict[str, Any]]) -> None:
    before = await everything(shop)
    keys, refused = await _tried(shop, bodies)
    if refused is not None:
        assert refused.status < 500
        assert await everything(shop) == before
        return
    after = await everything(shop)
    found = {str(item["id"]): item for item in after["articles"]}
    authors = {author["id"]: author for author in after["authors"]}
    for key, body in zip(keys, bodies, strict=True):
        item = found[key]
        assert {name: item[name] for name in COMPARED if name in body} == {
            name: body[name] for name in COMPARED if name in body
        }
        if "author" in body:
            assert authors[item["author"]]["name"] == body["author"]["name"]
        texts = [c["text"] for c in after["comments"] if c["article"] == item["id"]]
        assert texts == [c.get("text") for c in body.get("comments", [])]
    changed = {name: "changed" if name == "title" else None for name in ("title", "views")}
    await shop.update("articles", "|".join(keys), changed)
    wanted = {"filter": {"item": {"eq": keys[0]}, "collection": {"eq": "articles"}}, "sort": "id"}
    made, _ = await shop.items("directus_revisions", **wanted)
    await shop.writer.revert("articles", keys[0], str(made["id"]), shop.context)
    (reverted,) = await shop.items("articles", filter={"id": {"eq": keys[0]}})
    assert reverted == found[keys[0]]
    await shop.delete("articles", *keys)
