"""What SQLite may do in the event loop, and what is remembered to be too slow for it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from conductus.database.sqlite.errors import is_stopped
from conductus.database.sqlite.link import Link
from conductus.database.sqlite.slowness import SlowStatements
from conductus.database.sqlite.threads import Threads
from conductus.database.sqlite.transactions import InlineTransaction

COUNTING = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    " SELECT max({}) FROM n"
)


def wait(milliseconds: int) -> int:
    """Keeps the clock going, but not the core."""
    time.sleep(milliseconds / 1000)
    return milliseconds


def work(milliseconds: int) -> int:
    """Keeps the core busy."""
    end = time.thread_time() + milliseconds / 1000
    while time.thread_time() < end:
        pass
    return milliseconds


@pytest.fixture
def link() -> Iterator[Link]:
    raw = sqlite3.connect(":memory:")
    for function in (wait, work):
        # Of a deterministic one with constants there would be one call.
        raw.create_function(function.__name__, 1, function)
    opened = Link(raw)
    yield opened
    opened.close()


def test_a_brief_statement_is_stopped_by_the_steps_it_takes(link: Link) -> None:
    link.briefly()
    assert link.rows(COUNTING.format("i"), [1000]) == [(1000,)]
    link.briefly()
    with pytest.raises(sqlite3.OperationalError) as stopped:
        link.rows(COUNTING.format("i"), [1_000_000])
    assert is_stopped(stopped.value)


def test_a_brief_statement_is_not_stopped_because_others_had_the_core(link: Link) -> None:
    link.briefly()
    sql = COUNTING.format("CASE WHEN i % 500 = 0 THEN wait(25) ELSE i END")
    assert link.rows(sql, [1600]) == [(1600,)]


def test_a_brief_statement_is_stopped_where_its_steps_are_long(link: Link) -> None:
    link.briefly()
    sql = COUNTING.format("CASE WHEN i % 500 = 0 THEN work(25) ELSE i END")
    with pytest.raises(sqlite3.OperationalError) as stopped:
        link.rows(sql, [1600])
    assert is_stopped(stopped.value)


def test_any_statement_has_a_deadline_by_the_clock(link: Link) -> None:
    link.within(0.05)
    with pytest.raises(sqlite3.OperationalError) as stopped:
        link.rows(COUNTING.format("CASE WHEN i % 500 = 0 THEN wait(25) ELSE i END"), [1_000_000])
    assert is_stopped(stopped.value)


@pytest.mark.parametrize(
    ("happened", "is_slow"),
    [
        (lambda slow: slow.judge("a", 0.2), True),
        (lambda slow: slow.add("a"), True),
        (lambda slow: slow.judge("a", 0.01), False),
        (lambda slow: (slow.judge("a", 0.2), slow.judge("a", 0.0002)), False),
        (lambda slow: (slow.judge("a", 0.2), slow.judge("a", 0.01)), True),
        (lambda slow: (slow.judge("a", 0.2), slow.judge("b", 0.0002)), True),
        (lambda slow: [slow.add(sql) for sql in ("a", *map(str, range(256)))], False),
    ],
    ids=(
        *("took long", "was stopped", "took a while"),
        *("was quick again", "was not quick again", "another was quick", "long ago"),
    ),
)
def test_which_statements_are_remembered_as_slow(
    happened: Callable[[SlowStatements], object], is_slow: bool
) -> None:
    slow = SlowStatements()
    happened(slow)
    assert ("a" in slow) is is_slow


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["fetch", "fetch_written", "execute"])
async def test_what_is_quick_in_a_thread_comes_back_to_the_event_loop(way: str) -> None:
    link = Link(sqlite3.connect(":memory:", check_same_thread=False))
    threads, slow = Threads(1), SlowStatements()
    ran: list[int] = []
    link.raw.create_function("here", 0, lambda: ran.append(threading.get_ident()))
    transaction = InlineTransaction(link, threads, 10.0, slow)
    slow.add("SELECT here()")
    try:
        # Once may be slow on a busy machine; of many, one is quick.
        for _ in range(200):
            await getattr(transaction, way)("SELECT here()", ())
            if ran[-1] == threading.get_ident():
                break
    finally:
        threads.close()
        link.close()
    assert ran[0] != threading.get_ident()
    assert ran[-1] == threading.get_ident()
