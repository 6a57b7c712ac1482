"""Lists without bounds, and how many statements what hangs below them takes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import pytest
import sqlalchemy as sa

from conductus.items import in_step
from conductus.items import prepared as compilations
from conductus.permissions.actor import Actor
from conductus.permissions.levels import Level
from conductus.permissions.policy import Policy, Rule, Rules
from tests.contracts.pitch import PARENTS, Field


@pytest.mark.parametrize(
    ("query", "statements"),
    [("fields=minute,helper.pupils", 2), ("fields=minute,helper.pupils.name", 3)],
    ids=("small values", "any values"),
)
async def test_lists_without_bounds(pitch: Field, query: str, statements: int) -> None:
    items, asked = await pitch.streamed("goals", f"{query}&sort=id")
    assert [item["minute"] for item in items] == [
        n % 90 for n in range(1, PARENTS + 1) for _ in "ab"
    ]
    assert all(len(item["helper"]["pupils"]) <= 2 for item in items)
    assert asked == statements


PART = 300
"""Rows of a list without bounds that are read at a time here: 1000 make four parts."""


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilations, "_SMALL_STREAM_SIZE", PART)


def check_goals(players: list[Any], keys: Iterable[int]) -> None:
    """Each of the players has his own goals, in their order."""
    assert [player["id"] for player in players] == list(keys)
    for player in players:
        last = 2 * player["id"]
        assert player["goals"] == [{"id": last - 1}, {"id": last}]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    ("query", "keys", "statements"),
    [
        ("", range(1, PARENTS + 1), 2),
        ("&sort=id", range(1, PARENTS + 1), 2),
        ("&filter[id][neq]=450", [n for n in range(1, PARENTS + 1) if n != 450], 2),
        ("&filter[id][lte]=650", range(1, 651), 2),
        ("&filter[id][lte]=299", range(1, 300), 2),
        # In another order, or with bounds, each part is asked for.
        ("&sort=-id", range(PARENTS, 0, -1), 5),
        ("&offset=10", range(11, PARENTS + 1), 5),
    ],
)
async def test_what_hangs_below_a_list_is_read_in_step_where_a_table_is_walked(
    pitch: Field, query: str, keys: Iterable[int], statements: int
) -> None:
    items, asked = await pitch.streamed("players", f"fields=id,goals.id{query}")
    check_goals(items, keys)
    each_part = 1 + -(-len(items) // PART)
    assert asked == (statements if pitch.counting.dialect.walks_tables else each_part)


@pytest.mark.usefixtures("parts")
async def test_a_statement_in_step_has_bounds(
    pitch: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_step, "_FIRST_KEYS", PART + 100)
    monkeypatch.setattr(in_step, "_MOST_KEYS", PART + 100)
    items, asked = await pitch.streamed("players", "fields=id,goals.id")
    check_goals(items, range(1, PARENTS + 1))
    # A part that does not lie within the bounds of one begins another; the last part does.
    assert asked == (4 if pitch.counting.dialect.walks_tables else 5)


@pytest.mark.usefixtures("parts")
async def test_a_list_that_gets_sparse_is_followed_no_more(pitch: Field) -> None:
    kept = [*range(1, 401), *range(401, PARENTS + 1, 3)]
    listed = ",".join(map(str, kept))
    items, asked = await pitch.streamed("players", f"fields=id,goals.id&filter[id][in]={listed}")
    check_goals(items, kept)
    assert asked <= 3


async def test_bounds_are_reckoned_by_the_keys_that_were_gone_by(
    pitch: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilations, "_SMALL_STREAM_SIZE", 200)
    monkeypatch.setattr(in_step, "_ROWS_AT_ONCE", 100)
    # The first statement is left after 200 of its keys, for which some 500 rows were read.
    monkeypatch.setattr(in_step, "_MOST_ROWS", 500)
    kept = [*range(1, 201), *range(201, 400, 2), *range(403, 602, 2), *range(603, PARENTS + 1)]
    listed = ",".join(map(str, kept))
    items, asked = await pitch.streamed("players", f"fields=id,goals.id&filter[id][in]={listed}")
    check_goals(items, kept)
    # So the second one reaches no further than its part, and the last part begins none.
    assert asked == 5


@pytest.mark.usefixtures("parts")
async def test_without_a_connection_to_spare_each_part_is_asked_for(
    pitch: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pitch.counting, "stream_beside", lambda *_: nullcontext())
    items, asked = await pitch.streamed("players", "fields=id,goals.id")
    check_goals(items, range(1, PARENTS + 1))
    assert asked == 5


@pytest.mark.usefixtures("parts")
async def test_a_role_sees_as_much_in_step_as_part_by_part(pitch: Field) -> None:
    players = Rule(id=1, collection="players", read=Level.FULL)
    goals = Rule(id=2, collection="goals", read=Level.FULL, read_blacklist=frozenset({"minute"}))
    policy = Policy(role=3, rules={"players": Rules(whole=players), "goals": Rules(whole=goals)})
    asker = Actor(user=7, role=3)
    items, asked = await pitch.streamed("players", "fields=id,goals.*", asker, policy)
    first = {"id": 1, "player": 1, "helper": 1}
    assert items[0] == {"id": 1, "goals": [first, {**first, "id": 2}]}
    assert {key for item in items for goal in item["goals"] for key in goal} == set(first)
    assert asked == (2 if pitch.counting.dialect.walks_tables else 5)


async def test_order_does_not_hang_on_where_rows_lie(pitch: Field) -> None:
    goals = sa.table("goals", sa.column("id"), sa.column("minute"))
    odd = sa.update(goals).values(minute=goals.c.minute).where(goals.c.id % 2 == 1)
    statement = pitch.counting.dialect.compile(odd)
    async with pitch.counting.transaction() as transaction:
        # PostgreSQL writes them anew, behind the others.
        await transaction.execute(statement.sql, statement.values({}))
    items, _ = await pitch.read("players", f"fields=id,goals.id&limit={PARENTS}")
    check_goals(items, range(1, PARENTS + 1))
