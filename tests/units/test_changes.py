"""Bodies become change trees, and trees are laid out in stages: pure, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conductus.errors import (
    ApiError,
    CollectionNotFound,
    ItemNotFound,
    ScalarExpected,
    Unprocessable,
    ValidationFailed,
)
from conductus.items.changes import Create, Delete, Secret, Update, WriteLimits, secrets_of
from conductus.items.context import Context
from conductus.items.judge import Judge
from conductus.items.keys import find_key_in_body, key_of_text, text_of_key
from conductus.items.steps import Step, laid_out, stages
from conductus.permissions.actor import Actor
from conductus.permissions.policy import ADMINISTRATOR
from conductus.schema.model import Collection, Field, Schema, Status
from tests.units.worlds import blog

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
ADMIN = Actor(user=1, role=1, credential="jwt")


def judge(schema: Schema | None = None, **limits: int) -> Judge:
    numbers = count(1)
    context = Context(schema=schema or blog(), actor=ADMIN, policy=ADMINISTRATOR, now=NOW)
    return Judge(
        context, WriteLimits(**limits), lambda: f"00000000-0000-0000-0000-{next(numbers):012}"
    )


def created(body: dict[str, Any], collection: str = "articles") -> Create:
    one = judge()
    return one.create(one.collection(collection), body)


def updated(body: dict[str, Any], collection: str = "articles") -> Update:
    one = judge()
    return one.update(one.collection(collection), (7,), body)


def one(body: dict[str, Any]) -> Any:
    (only,) = updated(body).ones
    return only.change


def children(body: dict[str, Any]) -> list[tuple[Any, bool]]:
    (many,) = updated(body).manys
    return [(child.change, child.tied) for child in many.children]


def altered(schema: Schema, collection: str, field: str, **facts: Any) -> Schema:
    """The schema with one column or field changed."""
    home = schema.collections[collection]
    before = home.fields[field]
    column = before.column
    of_column = {name: facts.pop(name) for name in list(facts) if hasattr(column, name)}
    if column is not None and of_column:
        facts["column"] = replace(column, **of_column)
    fields = {**home.fields, field: replace(before, **facts)}
    collections = {**schema.collections, collection: replace(home, fields=fields)}
    return replace(schema, collections=collections)


def test_values_are_plain_and_the_server_sets_its_own() -> None:
    change = created(
        {
            "title": "Hello World",
            "views": "12",
            "extra": {"k": [1]},
            "moment": "2031-02-03T04:05:06+02:00",
            "owner": 5,
            "created_on": "1999-01-01",
            "modified_by": {"id": 9},
        }
    )
    assert change.values == {
        "title": "Hello World",
        "views": 12,
        "extra": '{"k":[1]}',
        "moment": "2031-02-03 02:05:06",
    }
    assert change.stamps == {
        "owner": 1,
        "created_on": "2031-02-03 04:05:06",
        "modified_by": 1,
        "modified_on": "2031-02-03 04:05:06",
    }
    assert change.sent["extra"] == {"k": [1]}
    assert "owner" not in change.sent


GIVEN = ("status", "title", "views", "score", "featured", "day", "moment", "author")
VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-3, 99), st.floats(allow_nan=False, width=16)),
    *(st.just(""), st.just("draft"), st.just("2031-02-03"), st.text(max_size=3)),
    *(st.just({"id": 5}), st.just([1])),
)
FITTING = st.fixed_dictionaries(
    {
        **{"status": st.sampled_from(["draft", "published"]), "title": st.text("abé", min_size=1)},
        **{"views": st.none() | st.integers(0, 9), "score": st.floats(0, 9, width=16)},
        **{"featured": st.booleans(), "day": st.just("2031-02-03")},
        **{"moment": st.just("2031-02-03 04:05:06"), "author": st.none() | st.integers(1, 9)},
    }
)
BATCHES = st.lists(FITTING, min_size=2, max_size=6)
ODD = st.none() | st.tuples(st.integers(0, 5), st.sampled_from([*GIVEN, "nope", "id"]), VALUES)


def one_by_one(schema: Schema, bodies: list[dict[str, Any]]) -> list[Create] | None:
    """What becomes of each by itself; nothing where one of them is refused."""
    by_itself = judge(schema)
    try:
        return [by_itself.create(schema.collections["articles"], body) for body in bodies]
    except ApiError:
        return None


@given(BATCHES, ODD, st.booleans())
def test_items_judged_together_are_as_each_by_itself(
    bodies: list[dict[str, Any]], odd: tuple[int, str, Any] | None, required: bool
) -> None:
    schema = altered(blog(), "articles", "title", required=True) if required else blog()
    if odd is not None:
        place, name, value = odd
        bodies[place % len(bodies)][name] = value
    alike = judge(schema).create_alike(schema.collections["articles"], bodies)
    expected = one_by_one(schema, bodies)
    assert alike == expected if odd is None else alike in (None, expected)


def test_plain_items_are_judged_together_and_counted() -> None:
    bodies = [{"title": f"No. {number}", "views": number, "author": None} for number in range(3)]
    counting = judge(max_changes=5)
    articles = counting.collection("articles")
    assert counting.create_alike(articles, bodies) == one_by_one(blog(), bodies)
    # Three and two more are allowed; who is refused has not been counted.
    assert counting.create_alike(articles, bodies) is None
    assert counting.create_alike(articles, bodies[:2]) is not None
    with pytest.raises(Unprocessable):
        counting.create(articles, bodies[0])


@pytest.mark.parametrize(
    "bodies",
    [
        [{"title": "A", "views": 1}, {"title": "B"}],
        [{"title": "A", "views": 1}, {"title": "B", "views": "many"}],
        [{"title": "A", "author": 1}, {"title": "B", "author": {"id": 2, "name": "New"}}],
        [{"title": "A", "pin": "1"}, {"title": "B", "pin": "2"}],
        [{"title": "A", "owner": 1}, {"title": "B", "owner": 2}],
        [{"title": "A", "nope": 1}, {"title": "B", "nope": 2}],
        [{"title": "A", "comments": []}, {"title": "B", "comments": [{"text": "Hi"}]}],
    ],
    ids=[
        "other fields",
        "refused",
        "a change below",
        "secrets",
        "of the server",
        "unknown",
        "lists",
    ],
)
def test_what_needs_a_closer_look_is_not_judged_together(bodies: list[dict[str, Any]]) -> None:
    one = judge()
    assert one.create_alike(one.collection("articles"), bodies) is None


@pytest.mark.parametrize("missing", [None, ""])
def test_a_required_value_that_is_missing_is_seen_in_any_of_many(missing: str | None) -> None:
    schema = altered(blog(), "articles", "title", required=True)
    bodies: list[dict[str, Any]] = [{"title": "A", "views": 1}, {"title": missing, "views": 2}]
    assert judge(schema).create_alike(schema.collections["articles"], bodies) is None


def test_an_object_is_a_change_of_what_the_field_leads_to_whatever_its_type() -> None:
    one = judge()
    articles = one.collection("articles")
    plain: dict[str, Any] = {"title": "A", "extra": 1}
    assert one.create_alike(articles, [plain, plain]) is not None
    assert one.create_alike(articles, [plain, {"title": "B", "extra": {"id": 5}}]) is None


def test_an_update_sets_who_and_when_and_leaves_the_rest() -> None:
    change = updated({"views": None, "owner": 5})
    assert change.values == {"views": None, "owner": 5}
    assert change.stamps == {"modified_by": 1, "modified_on": "2031-02-03 04:05:06"}


def test_a_slug_follows_what_it_mirrors_unless_it_is_given() -> None:
    one = judge(altered(blog(), "articles", "link", options={"mirroredField": "title"}))
    articles = one.collection("articles")
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"title": "A B!"}, "a-b"),
        ({"title": "A B", "link": "mine"}, "mine"),
        ({"title": "A B", "link": None}, None),
        ({"body": "A B"}, "untouched"),
    ]
    for body, link in cases:
        for change in (one.create(articles, body), one.update(articles, (1,), body)):
            assert change.values.get("link", "untouched") == link
            assert change.sent == body


def test_secrets_are_set_apart_and_masked() -> None:
    change = created({"pin": "1234", "title": "x"})
    (secret,) = secrets_of(change)
    assert isinstance(change.values["pin"], Secret)
    assert secret.text == "1234"
    assert change.sent["pin"] == "**********"
    assert updated({"pin": "**********"}).values == {}
    assert updated({"pin": None}).values == {"pin": None}
    nested = created({"author": {"name": "x"}, "comments": [{"writer": {"name": "y"}}]})
    assert secrets_of(nested) == []
    role = created({"name": "r", "users": [{"email": "e", "password": "canary"}]}, "directus_roles")
    assert [secret.text for secret in secrets_of(role)] == ["canary"]
    assert "canary" not in str(role.sent)


def test_a_many_to_one_becomes_the_change_that_it_means() -> None:
    assert updated({"author": "3"}).values == {"author": 3}
    assert updated({"author": None}).values == {"author": None}
    assert updated({"author": {"id": "3"}}).values == {"author": 3}
    assert isinstance(one({"author": {"name": "x"}}), Create)
    assert isinstance(one({"author": {}}), Create)
    assert isinstance(one({"author": {"id": None, "name": "x"}}), Create)
    changed = one({"author": {"id": 3, "name": "x"}})
    assert isinstance(changed, Update)
    assert (changed.key, changed.values) == ((3,), {"name": "x"})
    assert isinstance(changed.otherwise, Create)
    assert changed.otherwise.values == {"id": 3, "name": "x"}
    gone = one({"author": {"id": 3, "$delete": True}})
    assert isinstance(gone, Delete)
    assert gone.key == (3,)


def test_a_one_to_many_becomes_the_changes_that_it_means() -> None:
    found = children(
        {
            "comments": [
                {"text": "new"},
                {"text": "new", "article": None},
                {"text": "elsewhere", "article": 8},
                {"id": 1, "text": "changed"},
                {"id": "2"},
                3,
                {"id": 4, "article": None},
                {"id": 5, "article": "8"},
                {"id": 6, "$delete": True},
            ]
        }
    )
    expected: list[tuple[type, bool, dict[str, Any] | None]] = [
        (Create, True, {"text": "new"}),
        (Create, True, {"text": "new"}),
        (Create, False, {"text": "elsewhere", "article": 8}),
        (Update, True, {"text": "changed"}),
        (Update, True, {}),
        (Update, True, {}),
        (Update, False, {"article": None}),
        (Update, False, {"article": 8}),
        (Delete, False, None),
    ]
    assert [(type(c), tied, getattr(c, "values", None)) for c, tied in found] == expected


@pytest.mark.parametrize("nothing", [None, []])
def test_an_empty_list_is_nothing(nothing: Any) -> None:
    assert updated({"comments": nothing}).empty
    assert updated({"divider": 1, "meta_group": 2, "$x": 3}).empty


REFUSED: list[tuple[dict[str, Any], type[ApiError], str]] = [
    ({"nope": 1, "also nope": 2}, Unprocessable, "'nope', 'also nope'"),
    ({"author": {"nope": 1}}, Unprocessable, "'authors' has no field 'nope'"),
    ({"comments": [{"writer": {"nope": 1}}]}, Unprocessable, "'nope'"),
    ({"comments": "x"}, Unprocessable, "comments: takes a list"),
    ({"comments": {}}, Unprocessable, "comments: takes a list"),
    ({"comments": [None]}, Unprocessable, "comments: takes a list"),
    ({"comments": [[1]]}, Unprocessable, "comments: takes a list"),
    ({"comments": [True]}, Unprocessable, "comments: takes a list"),
    ({"comments": [1.5]}, Unprocessable, "comments: takes a list"),
    ({"comments": [{"id": "x"}]}, Unprocessable, "id"),
    ({"comments": [{"text": "x", "$delete": True}]}, Unprocessable, "needs the key"),
    ({"author": {"name": "x", "$delete": True}}, Unprocessable, "needs the key"),
    ({"author": {"id": {"id": 1}, "name": "x"}}, ApiError, ""),
    ({"author": [1]}, ScalarExpected, "author"),
    ({"author": "x"}, Unprocessable, "author"),
    ({"lost": [{}]}, Unprocessable, "lost: has no relation"),
    ({"views": {"a": 1}}, ScalarExpected, "views"),
    ({"views": "many", "day": "x"}, ApiError, ""),
    ({"day": "soon"}, ValidationFailed, "day: "),
    ({"title": "\ud800"}, ValidationFailed, "title: "),
    ({"views": float("nan")}, Unprocessable, "views"),
    ({"views": float("inf")}, Unprocessable, "views"),
    ({"views": 1e400}, Unprocessable, "views"),
    ({"views": 10**400}, Unprocessable, "views"),
]


@pytest.mark.parametrize(("body", "error", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_refused(body: dict[str, Any], error: type[ApiError], message: str) -> None:
    for write in (created, updated):
        with pytest.raises(error) as caught:
            write(body)
        assert message in caught.value.message
        assert caught.value.status == 422


def test_what_is_required() -> None:
    schema = altered(blog(), "authors", "name", required=True)
    schema = altered(schema, "authors", "email", nullable=False)
    one = judge(schema)
    authors = one.collection("authors")
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"name", "email"}),
        ({"name": "", "email": None}, {"name", "email"}),
        ({"name": None, "email": ""}, {"name", "email"}),
        ({"name": "x"}, {"email"}),
    ]
    for body, missing in cases:
        with pytest.raises(ValidationFailed) as caught:
            one.create(authors, body)
        assert set(caught.value.details["fields"]) == missing
    one.create(authors, {"name": "x", "email": "y"})
    for body, missing in (({"name": None}, {"name"}), ({"email": ""}, {"email"})):
        with pytest.raises(ValidationFailed) as caught:
            one.update(authors, (1,), body)
        assert set(caught.value.details["fields"]) == missing
    one.update(authors, (1,), {})


def test_a_default_stands_in_for_what_is_missing() -> None:
    schema = altered(blog(), "authors", "name", nullable=False, default="x", has_default=True)
    one = judge(schema)
    one.create(one.collection("authors"), {})
    one.create(one.collection("authors"), {"name": ""})
    for write in ({"name": None},):
        with pytest.raises(ValidationFailed, match="name: This value is required"):
            one.create(one.collection("authors"), write)


def test_a_required_link_may_come_from_elsewhere() -> None:
    schema = altered(blog(), "comments", "article", nullable=False, required=True)
    schema = altered(schema, "comments", "writer", required=True)
    one = judge(schema)
    articles = one.collection("articles")
    fine = {"writer": {"name": "x"}}
    one.create(articles, {"comments": [fine, {"writer": 1, "article": 4}]})
    bad: list[dict[str, Any]] = [
        {},
        {"writer": None},
        {"id": 1, "article": None},
        {"id": 1, "writer": {"id": 2, "$delete": True}},
    ]
    for comment in bad:
        with pytest.raises(ValidationFailed):
            one.create(articles, {"comments": [comment]})


def test_drafts_may_leave_out_what_is_required() -> None:
    schema = altered(blog(), "articles", "title", required=True)
    home = replace(
        schema.collections["articles"],
        statuses=(Status("published"), Status("draft", required_fields=False)),
    )
    schema = replace(schema, collections={**schema.collections, "articles": home})
    one = judge(schema)
    assert one.create(home, {"status": "draft", "title": None}).values["title"] is None
    assert one.update(home, (1,), {"status": "draft", "title": None}).values["title"] is None
    for body in ({}, {"status": "published"}):
        with pytest.raises(ValidationFailed, match="title"):
            one.create(home, body)


def test_what_the_database_computes_is_never_written() -> None:
    one = judge(altered(blog(), "articles", "views", generated=True, nullable=False))
    one.create(one.collection("articles"), {"title": "x"})
    for value in (1, None, ""):
        with pytest.raises(Unprocessable, match="views: is computed"):
            one.create(one.collection("articles"), {"views": value})


def test_views_and_tables_without_a_key_are_not_written() -> None:
    schema = blog()
    home = schema.collections["tags"]
    for facts, error in (
        ({"view": True}, Unprocessable),
        ({"primary_key": ()}, Unprocessable),
        ({"managed": False}, CollectionNotFound),
    ):
        collections = {**schema.collections, "tags": replace(home, **facts)}
        with pytest.raises(error):
            judge(replace(schema, collections=collections)).collection("tags")


def test_built_in_users_need_what_their_columns_need() -> None:
    schema = altered(blog(), "directus_users", "role", required=True)
    one = judge(schema)
    one.create(one.collection("directus_users"), {"email": "e"})


def test_patterns_are_checked() -> None:
    one = judge(altered(blog(), "authors", "email", validation="/^[^@]+@[^@]+$/"))
    authors = one.collection("authors")
    for fine in ("a@b", None, ""):
        one.update(authors, (1,), {"email": fine})
    with pytest.raises(ValidationFailed, match="email"):
        one.update(authors, (1,), {"email": "a"})


def test_limits_hold() -> None:
    deep: dict[str, Any] = {"text": "x"}
    for _ in range(11):
        deep = {"replies": [deep]}
    with pytest.raises(Unprocessable, match="deeper than 10"):
        created(deep, "comments")
    small = judge(max_changes=3)
    tags = small.collection("tags")
    with pytest.raises(Unprocessable, match="More than 3"):
        small.update_all(tags, [(n,) for n in range(4)], {"slug": "x"})


# -- keys ---------------------------------------------------------------------------


def seats() -> Collection:
    schema = blog()
    fields: dict[str, Field] = schema.collections["articles_tags"].fields
    return Collection(name="seats", fields=fields, primary_key=("article", "tag"), managed=True)


def test_keys_are_texts_outside_and_tuples_inside() -> None:
    articles = blog().collections["articles"]
    assert key_of_text("12", articles, NOW) == (12,)
    assert key_of_text("1,3402", seats(), NOW) == (1, 3402)
    assert text_of_key((1, 3402), seats()) == "1,3402"
    assert find_key_in_body({"article": "1", "tag": 2, "x": 3}, seats()) == (1, 2)
    assert find_key_in_body({"article": 1}, seats()) is None
    for text in ("1", "1,2,3", "a,b", ","):
        with pytest.raises(ItemNotFound):
            key_of_text(text, seats(), NOW)
    for text in ("", "+", "x", "1.5", "1,2", "9" * 40, "\0"):
        with pytest.raises(ItemNotFound):
            key_of_text(text, articles, NOW)


# -- stages -------------------------------------------------------------------------


def orders(steps: list[Step]) -> list[tuple[int, str, str]]:
    return [(step.stage, type(step.change).__name__, step.collection.name) for step in steps]


def test_what_is_needed_comes_first() -> None:
    change = updated(
        {
            "author": {"id": 1, "$delete": True},
            "comments": [{"writer": {"name": "x"}}, {"id": 3, "$delete": True}],
            "tag_links": [{"tag": {"slug": "x"}}],
        }
    )
    assert orders(laid_out([change])) == [
        (0, "Update", "articles"),
        (1, "Delete", "authors"),
        (1, "Create", "comments"),
        (0, "Create", "authors"),
        (1, "Delete", "comments"),
        (1, "Create", "articles_tags"),
        (0, "Create", "tags"),
    ]


def test_items_of_a_list_share_their_stage() -> None:
    first = created({"author": {"name": "x"}, "comments": [{"text": "a"}]})
    second = created({"comments": [{"text": "b"}, {"writer": {"articles": [{}]}}]})
    steps = laid_out([first, second])
    by_name: dict[str, set[int]] = {}
    for step in steps:
        if step.parent is None or step.collection.name == "comments":
            by_name.setdefault(step.collection.name, set()).add(step.stage)
    assert by_name == {"articles": {1}, "comments": {2}}
    together = [[step.collection.name for step in alike] for s in stages(steps) for alike in s]
    assert ["articles", "articles", "articles"] in together


BODIES = st.recursive(
    st.fixed_dictionaries({}, optional={"title": st.just("x")}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "author": st.fixed_dictionaries({}, optional={"articles": st.lists(inner, max_size=2)}),
            "comments": st.lists(
                st.fixed_dictionaries({}, optional={"writer": st.just({"name": "x"})}), max_size=2
            ),
        },
    ),
    max_leaves=6,
)


@given(st.lists(BODIES, max_size=3))
def test_every_step_comes_after_what_it_needs(bodies: list[dict[str, Any]]) -> None:
    one = judge(max_depth=100)
    articles = one.collection("articles")
    steps = laid_out([one.create(articles, body) for body in bodies])
    for step in steps:
        assert all(below.stage < step.stage for _, below in step.ones)
        if step.relation is not None and step.parent is not None:
            assert step.parent.stage < step.stage
    assert sum(len(alike) for stage in stages(steps) for alike in stage) == len(steps)
