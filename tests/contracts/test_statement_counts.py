"""A read costs as many statements as it has levels, whatever the number of rows.

Many-to-one expansions are joined into their parent's statement, each to-many expansion
is one more; never one for each row.
"""

from __future__ import annotations

import pytest

from conductus.permissions.actor import Actor
from conductus.permissions.levels import Level
from conductus.permissions.policy import ADMINISTRATOR, Policy, Rule, Rules
from tests.contracts.pitch import COLLECTIONS, PARENTS, Field

READS = [
    ("teams", "fields=*", 1),
    ("players", "fields=*,team.*", 1),
    ("players", "fields=*,team.*,coach.*,coach.team.name", 1),
    ("teams", "fields=*,players.*", 2),
    ("teams", "fields=players", 2),
    ("teams", "fields=*,players.*,players.coach.name", 2),
    ("teams", "fields=*,players.*,players.goals.*", 3),
    ("teams", "fields=players.goals.helper.team.players.name", 4),
    ("teams", "fields=players.goals.minute,players.pupils.name", 4),
    ("teams", "fields=players.*&deep[players][limit]=1&deep[players][sort]=-name", 2),
    ("teams", "fields=id&filter[players.goals.minute][gt]=-1", 1),
    ("teams", "fields=id&filter[players][has]=1&q=team", 1),
]


@pytest.mark.parametrize("parents", [1, 20, PARENTS])
@pytest.mark.parametrize(("collection", "query", "statements"), READS)
async def test_lists(
    pitch: Field, collection: str, query: str, statements: int, parents: int
) -> None:
    items, asked = await pitch.read(collection, f"{query}&limit={parents}")
    assert len(items) == parents
    assert asked == statements


def restricted(*hidden: str) -> Policy:
    """A role that reads every collection, but not these fields."""
    rules = {
        name: Rules(
            whole=Rule(id=1, collection=name, read=Level.FULL, read_blacklist=frozenset(hidden))
        )
        for name in COLLECTIONS
    }
    return Policy(role=3, rules=rules)


@pytest.mark.parametrize("parents", [1, PARENTS])
@pytest.mark.parametrize(("collection", "query", "statements"), READS)
async def test_roles_ask_no_more_often(
    pitch: Field, collection: str, query: str, statements: int, parents: int
) -> None:
    asker = Actor(user=7, role=3)
    query = f"{query}&limit={parents}"
    items, asked = await pitch.read(collection, query, asker, restricted("nothing"))
    assert len(items) == parents
    assert asked == statements


async def test_one_statement_serves_a_whole_role(pitch: Field) -> None:
    """Who asks is a value of the statement, not a part of its text."""
    rule = Rule(id=1, collection="directus_users", read=Level.MINE)
    policy = Policy(role=3, rules={"directus_users": Rules(by_status={"active": rule})})
    before = len(pitch.counting.asked)
    for user in (1, 2, 3):
        found, _ = await pitch.read("directus_users", "fields=id", Actor(user=user, role=3), policy)
        assert [item["id"] for item in found] == ([1] if user == 1 else [])
    assert len(set(pitch.counting.asked[before:])) == 1


@pytest.mark.parametrize("parents", [2, 20, PARENTS])
@pytest.mark.parametrize(
    ("collection", "query", "statements"), [read for read in READS if "filter" not in read[1]]
)
async def test_several_by_key(
    pitch: Field, collection: str, query: str, statements: int, parents: int
) -> None:
    keys = [str(key) for key in range(1, parents + 1)]
    items, asked = await pitch.by_keys(collection, query, keys)
    assert len(items) == parents
    assert asked == statements


@pytest.mark.parametrize(
    ("query", "skips_first"),
    [("limit=20&offset=200", True), ("limit=20&offset=199", False), ("limit=200&offset=200", True),
     ("limit=300&offset=200", False), ("limit=-1&offset=900", False)],
)  # fmt: skip
async def test_what_a_far_page_skips_is_joined_to_nothing(
    pitch: Field, query: str, skips_first: bool
) -> None:
    await pitch.read("players", f"fields=name,team.name&sort=-name&{query}")
    text = pitch.counting.asked[-1]
    joined, bounded = text.index("JOIN"), text.index("LIMIT")
    assert (bounded < joined) is skips_first


async def test_no_parents_ask_for_no_children(pitch: Field) -> None:
    items, asked = await pitch.read("teams", "fields=*,players.*&filter[id]=0")
    assert (items, asked) == ([], 1)


async def test_a_limit_of_none_asks_for_nothing(pitch: Field) -> None:
    items, asked = await pitch.read("teams", "fields=*,players.*&limit=0")
    assert (items, asked) == ([], 0)


@pytest.mark.parametrize(
    ("meta", "statements"),
    [("", 1), ("collection,type", 1), ("result_count", 1), ("total_count", 2),
     ("total_count,filter_count", 2), ("*", 2)],
)  # fmt: skip
async def test_counts(pitch: Field, meta: str, statements: int) -> None:
    _, asked = await pitch.read("teams", f"limit=5&filter[id][gt]=3&meta={meta}")
    assert asked == statements


async def test_every_item_has_its_own(pitch: Field) -> None:
    teams, _ = await pitch.read("teams", "fields=id,players.team,players.goals.player&limit=-1")
    assert len(teams) == PARENTS
    for team in teams:
        (player,) = team["players"]
        assert player["team"] == team["id"]
        assert [goal["player"] for goal in player["goals"]] == [team["id"]] * 2


DOCUMENTS = [
    ("{ teams(limit: %d) { data { id name } } }", 1),
    ("{ players(limit: %d) { data { name team { name } coach { name team { name } } } } }", 1),
    ("{ teams(limit: %d) { data { players { name coach { name } } } } }", 2),
    ("{ teams(limit: %d) { data { players { goals { minute } pupils { name } } } } }", 4),
    (
        "{ teams(limit: %d) { data { players { goals { helper { team { players { name "
        "} } } } } } } }",
        4,
    ),
    ("{ teams(limit: %d) { data { a: players { id } b: players { name team { id } } } } }", 2),
    (
        "{ teams(limit: %d) { data { a: players(limit: 1) { id } b: players { name } "
        'c: players(sort: "-id", limit: 1) { id } d: players(limit: 1) { name } } } }',
        4,
    ),
    (
        "{ players(limit: %d) { data { a: team { name } b: team { id players { id } } "
        "c: team { players(limit: 1) { name } } } } }",
        3,
    ),
    ("{ teams(limit: %d) { data { id players { id } } meta { total_count filter_count } } }", 3),
    ("{ teams(limit: %d) { data { id } } teams_aggregated { countAll } }", 2),
]
"""Documents, and how many statements REST needs for the same."""


@pytest.mark.parametrize("restrict", [False, True], ids=["administrator", "role"])
@pytest.mark.parametrize("parents", [1, PARENTS])
@pytest.mark.parametrize(("document", "statements"), DOCUMENTS)
async def test_documents_cost_what_rest_costs(
    pitch: Field, document: str, statements: int, parents: int, restrict: bool
) -> None:
    policy = restricted("nothing") if restrict else ADMINISTRATOR
    (first, *_), asked = await pitch.answer(document % parents, policy)
    assert len(first["data"]) == parents
    assert asked == statements


async def test_documents_without_lists_ask_for_counts_alone(pitch: Field) -> None:
    answers, asked = await pitch.answer("{ teams { meta { total_count } } }")
    assert (answers, asked) == ([{"meta": {"total_count": PARENTS}}], 1)
