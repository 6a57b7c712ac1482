"""What of the graphql room is pure: names, the making of answers, bounded memories."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.graphql.display import Constant, Entry, Inner, Value, presenter
from conductus.graphql.kept import Kept
from conductus.graphql.names import itself, spelled, told_apart, type_name
from conductus.graphql.schema import built
from conductus.graphql.world import World
from conductus.permissions.actor import Actor
from conductus.permissions.levels import Level
from conductus.permissions.policy import ADMINISTRATOR, Policy, Rule, Rules
from conductus.permissions.reading import narrow
from conductus.permissions.scope import Sight
from conductus.query.item_query import ItemQuery, Selection
from conductus.schema.model import assemble
from tests.units.worlds import blog, collection


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("articles", "articles"),
        ("2fa_secret", "_2fa_secret"),
        ("my-table", "my_table"),
        ("two  words", "two_words"),
        ("__typename", "_typename"),
        ("naïve ünïcode", "naive_unicode"),
        ("", "_"),
        ("!", "_"),
        ("列", "Lie"),
    ],
)
def test_names_that_graphql_can_spell(name: str, expected: str) -> None:
    assert spelled(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("articles", "Articles"),
        ("blog_posts", "BlogPosts"),
        ("2fa", "_2fa"),
        ("_", "_"),
        ("directus_users", "DirectusUser"),
        ("directus_activity", "DirectusActivity"),
        ("directus_collection_presets", "DirectusCollectionPreset"),
    ],
)
def test_names_of_types(name: str, expected: str) -> None:
    assert type_name(name) == expected


def test_who_is_spelled_as_it_is_called_keeps_its_name() -> None:
    found = told_apart(["a-b", "a b", "a_b"], spelled, itself, set())
    assert found["a_b"] == "a_b"
    assert len(set(found.values())) == 3
    # Whatever else there is, a name that clashes gets the same one.
    assert told_apart(["a-b", "a_b"], spelled, itself, set())["a-b"] == found["a-b"]
    assert told_apart(["Query"], type_name, itself, {"Query"})["Query"] != "Query"


@given(st.lists(st.text(max_size=8), max_size=20, unique=True))
def test_every_name_is_told_apart(names: list[str]) -> None:
    found = told_apart(names, spelled, itself, set())
    assert found.keys() == set(names)
    assert len(set(found.values())) == len(names)
    for name in found.values():
        assert name.isascii()
        assert name.isidentifier()
        assert not name.startswith("__")


def test_collections_whose_names_clash_are_all_served() -> None:
    fields = {"id": "integer", "title_eq": "m2o", "and": "m2o", "title": "string", "2x": "string"}
    names = ["metadata", "string", "articles", "articles_by_id", "articles_item", "Articles",
             "my-table", "my_table", "myTable", "query", "node", "directus_users"]  # fmt: skip
    schema = assemble([collection(name, fields) for name in names], [])
    world = World(schema, ADMINISTRATOR)
    made = built(world)
    assert made.query_type is not None
    assert {"articles", "articles_by_id", "my_table", "metadata"} <= made.query_type.fields.keys()
    assert len(set(world.names.values())) == len(names)
    assert len(set(world.stems.values())) == len(names)
    assert world.stems["directus_users"] == "DirectusUser"


# -- answers ----------------------------------------------------------------------------


def plain(items: list[dict[str, Any]], entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """What a presenter makes, the slow way."""
    return [{entry.key: shown(item, entry) for entry in entries} for item in items]


def shown(item: dict[str, Any], entry: Entry) -> Any:
    match entry:
        case Constant():
            return entry.value
        case Value():
            value = item.get(entry.name)
            return value if value is None or entry.convert is None else entry.convert(value)
        case Inner():
            value = item.get(entry.name)
            if value is None:
                return None
            found = plain(value if entry.many else [value], entry.entries)
            return found if entry.many else found[0]


NAMES = st.sampled_from(["a", "b", "c d", 'e"', "__typename", "def"])
LEAVES = st.one_of(
    st.builds(Constant, NAMES, st.text(max_size=3)),
    st.builds(Value, NAMES, st.sampled_from(["x", "y", "z'"]), st.sampled_from([None, str, repr])),
)
ENTRIES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Inner,
        NAMES,
        st.sampled_from(["one", "many"]),
        st.booleans(),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=12,
)


def items_for(entries: tuple[Entry, ...], draw: Any) -> dict[str, Any]:
    """An item that has what the entries ask for, or null, or nothing at all."""
    item: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, Constant) or draw(st.integers(0, 5)) == 0:
            continue
        if isinstance(entry, Value):
            item[entry.name] = draw(st.one_of(st.none(), st.integers(), st.text(max_size=3)))
        elif entry.many:
            count = draw(st.integers(0, 2))
            item[entry.name] = [items_for(entry.entries, draw) for _ in range(count)]
        else:
            item[entry.name] = draw(st.sampled_from([None, items_for(entry.entries, draw)]))
    return item


def fitting(entries: tuple[Entry, ...]) -> bool:
    """Whether each asks for an item of its own."""
    inner = [entry for entry in entries if isinstance(entry, Inner)]
    names = {entry.name for entry in inner}
    return len(names) == len(inner) and all(fitting(entry.entries) for entry in inner)


@given(st.data())
def test_answers_are_what_the_plain_way_makes(data: st.DataObject) -> None:
    entries = data.draw(st.lists(ENTRIES, max_size=4).map(tuple).filter(fitting))
    items = [items_for(entries, data.draw) for _ in range(data.draw(st.integers(0, 3)))]
    assert presenter(entries)(items) == plain(items, entries)


def test_memories_stay_within_their_bounds() -> None:
    kept: Kept[str, int] = Kept(10)
    for place, name in enumerate("abcde"):
        kept.put(name, place, 3)
    assert [kept.find(name) for name in "abcde"] == [None, None, 2, 3, 4]
    assert kept.find("c") == 2
    kept.put("f", 5, 3)
    assert kept.find("c") == 2
    assert kept.find("d") is None
    kept.put("c", 6, 1)
    kept.put("g", 7, 3)
    assert [kept.find(name) for name in "cefg"] == [6, 4, 5, 7]
    kept.put("much", 8, 11)
    assert kept.find("much") is None


def test_a_field_that_is_kept_back_is_so_under_every_name() -> None:
    """The schema does not offer it; a query that asks all the same is narrowed as any is."""
    rules = {
        name: Rules(
            whole=Rule(
                id=1, collection=name, read=Level.FULL, read_blacklist=frozenset({"replies"})
            )
        )
        for name in ("comments", "articles")
    }
    policy = Policy(role=3, rules=rules)
    below = Selection(("id",))
    query = ItemQuery(
        collection="comments",
        selection=Selection(
            ("id",), (("replies", below), ("replies#2", below)), renamed=(("replies#2", "replies"),)
        ),
    )
    narrowed = narrow(query, Sight(policy, blog()), Actor(user=7, role=3)).query
    assert narrowed.selection.expanded == ()
    open_to_all = narrow(query, Sight(ADMINISTRATOR, blog()), Actor(user=1, role=1)).query
    assert open_to_all.selection == query.selection
