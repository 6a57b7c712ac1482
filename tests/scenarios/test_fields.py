"""Fields over HTTP: added, changed, renamed and removed with their columns.

Source: schema page §2.2.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, status, text, whole

Item = dict[str, Any]
KEYS = {
    "id", "collection", "field", "datatype", "unique", "primary_key", "auto_increment",
    "default_value", "note", "signed", "type", "sort", "interface", "hidden_detail",
    "hidden_browse", "required", "options", "locked", "translation", "readonly", "width",
    "validation", "group", "length",
}  # fmt: skip


async def things(workshop: Workshop, *fields: Item, items: list[Item] | None = None) -> str:
    """A collection with some items."""
    name = await workshop.make(*fields)
    if items:
        await workshop.ok("POST", f"/items/{name}", items)
    return name


async def test_every_key_is_always_there(workshop: Workshop) -> None:
    said = {
        "note": "A note",
        "sort": 5,
        "interface": "textarea",
        "hidden_detail": True,
        "hidden_browse": True,
        "options": {"rows": 3, "deep": {"a": [1, None]}},
        "translation": [{"locale": "nl-NL", "translation": "Titel"}],
        "readonly": True,
        "width": "half-left",
        "validation": "/^[a-z]+$/",
        "default_value": "x",
        "required": True,
        "unique": True,
    }
    name = await things(workshop)
    made = await workshop.ok("POST", f"/fields/{name}", {**text("title"), **said})
    assert made.keys() == KEYS
    expected = {
        **said,
        "collection": name,
        "field": "title",
        "datatype": "VARCHAR",
        "length": "200",
        "type": "string",
        "primary_key": False,
        "auto_increment": False,
        "signed": True,
        "locked": False,
        "group": None,
    }
    assert {key: made[key] for key in expected} == expected
    assert isinstance(made["id"], int)
    assert await workshop.field(name, "title") == made
    key = await workshop.field(name, "id")
    assert key.keys() == KEYS
    assert (key["primary_key"], key["auto_increment"], key["required"]) == (True, True, True)
    alias = await workshop.ok("POST", f"/fields/{name}", {"field": "list", "type": "o2m"})
    assert alias.keys() == KEYS
    assert (alias["datatype"], alias["length"], alias["default_value"]) == (None, None, None)


async def test_what_was_answered_may_be_sent_back(workshop: Workshop) -> None:
    name = await things(
        workshop,
        text("title", default_value="x", required=True, unique=True),
        field("price", "decimal", "DECIMAL", "10,2", default_value=1.5),
        field("flag", "boolean", default_value=True),
        field("made", "datetime_created", "DATETIME"),
        field("list", "o2m"),
        items=[{"title": "a"}],
    )
    before = await workshop.structure()
    for one in await workshop.get(f"/fields/{name}"):
        answer = await workshop.ok("PATCH", f"/fields/{name}/{one['field']}", one)
        assert answer == one
    assert await workshop.ok("PATCH", f"/fields/{name}", await workshop.get(f"/fields/{name}"))
    assert await workshop.structure() == before
    assert (await workshop.items(name))[0]["title"] == "a"


ADDING: list[tuple[str, Item, tuple[int, int]]] = [
    ("no name", {"type": "string"}, (4, 422)),
    ("a strange name", {"field": "a;b", "type": "string"}, (4, 422)),
    ("a name of 65 characters", {"field": "a" * 65, "type": "string"}, (4, 422)),
    ("a taken name", {"field": "title", "type": "string"}, (308, 422)),
    ("no type", {"field": "new"}, (401, 422)),
    ("an unknown type", {"field": "new", "type": "nope"}, (401, 422)),
    ("an empty type", {"field": "new", "type": ""}, (4, 422)),
    ("an unknown datatype", field("new", "string", "NOPE"), (12, 422)),
    ("SQL for a datatype", field("new", "string", "INT; DROP TABLE x"), (12, 422)),
    ("a char without length", field("new", "string", "CHAR"), (402, 422)),
    ("a varchar without length", field("new", "string", "VARCHAR"), (402, 422)),
    ("a decimal without length", field("new", "decimal", "DECIMAL"), (402, 422)),
    ("a numeric without length", field("new", "decimal", "NUMERIC"), (402, 422)),
    ("an enum without values", field("new", "string", "ENUM"), (402, 422)),
    ("a binary without length", field("new", "binary", "VARBINARY"), (402, 422)),
    ("a text with length", field("new", "string", "TEXT", 10), (403, 422)),
    ("a blob with length", field("new", "binary", "BLOB", 10), (403, 422)),
    ("a date with length", field("new", "date", "DATE", 10), (403, 422)),
    ("a negative length", field("new", "string", "VARCHAR", -1), (4, 422)),
    ("a length of zero", field("new", "string", "VARCHAR", 0), (4, 422)),
    ("an endless length", field("new", "string", "VARCHAR", 10**30), (4, 422)),
    ("a length that is a list", field("new", "string", "VARCHAR", [1]), (4, 422)),
    ("a length with SQL", field("new", "string", "VARCHAR", "1) --"), (4, 422)),
    ("too much precision", field("new", "decimal", "DECIMAL", "66,2"), (4, 422)),
    ("more scale than precision", field("new", "decimal", "DECIMAL", "2,3"), (4, 422)),
    ("an unknown width", text("new", width="wide"), (4, 422)),
    ("options that are a number", text("new", options=3), (4, 422)),
    ("a flag that is none", text("new", readonly="perhaps"), (4, 422)),
    ("a sort that is no number", text("new", sort="first"), (4, 422)),
    ("a second key", whole("new", primary_key=True), (12, 422)),
    ("a counter beside the key", whole("new", auto_increment=True), (12, 422)),
    ("a second status", status({"a": {"name": "A"}}) | {"field": "new"}, (4, 422)),
    ("required where rows are", text("new", required=True), (404, 422)),
    ("a repeated default that is to be unique", text("new", unique=True, default_value="x"),
     (204, 409)),
    ("a default of another type", whole("new", default_value="x"), (12, 422)),
    ("a default that is too long", field("new", "string", "VARCHAR", 2, default_value="xyz"),
     (12, 422)),
]  # fmt: skip


@pytest.mark.parametrize(("says", "body", "error"), ADDING, ids=[row[0] for row in ADDING])
async def test_a_field_that_is_refused_changes_nothing(
    workshop: Workshop, adding: str, says: str, body: Item, error: tuple[int, int]
) -> None:
    before = await workshop.get(f"/fields/{adding}")
    await workshop.refused(error, "POST", f"/fields/{adding}", body)
    assert await workshop.get(f"/fields/{adding}") == before
    assert len(await workshop.items(adding)) == 2


@pytest.fixture(scope="module")
async def adding(workshop: Workshop) -> str:
    """A collection with items that nothing is added to in the end."""
    mapping = {"live": {"name": "Live", "published": True}}
    items = [{"title": "a", "status": "live"}, {"title": "b", "status": "live"}]
    return await things(workshop, text("title"), status(mapping), items=items)


async def test_unknown_collections_and_fields(workshop: Workshop) -> None:
    name = await things(workshop, text("a"))
    await workshop.refused((200, 404), "GET", "/fields/nope")
    await workshop.refused((200, 404), "POST", "/fields/nope", text("a"))
    await workshop.refused((202, 404), "GET", f"/fields/{name}/nope")
    await workshop.refused((202, 404), "GET", f"/fields/{name}/a,nope")
    await workshop.refused((202, 404), "PATCH", f"/fields/{name}/nope", {"note": "x"})
    await workshop.refused((202, 404), "PATCH", f"/fields/{name}", [{"field": "nope", "note": "x"}])
    await workshop.refused((202, 404), "DELETE", f"/fields/{name}/nope")
    await workshop.refused((13, 400), "PATCH", f"/fields/{name}", [])
    await workshop.refused((13, 400), "POST", f"/fields/{name}", content=b"nonsense")


async def test_several_by_commas_and_by_a_list(workshop: Workshop) -> None:
    name = await things(workshop, text("a"), text("b"), text("c"))
    found = await workshop.get(f"/fields/{name}/c,a")
    assert [one["field"] for one in found] == ["c", "a"]
    answer = await workshop.ok("PATCH", f"/fields/{name}/a,c", {"note": "same", "field": "x"})
    assert [(one["field"], one["note"]) for one in answer] == [("a", "same"), ("c", "same")]
    listed = [{"field": "b", "note": "own", "length": 20}, {"field": "c", "required": True}]
    answer = await workshop.ok("PATCH", f"/fields/{name}", listed)
    assert [(one["field"], one["note"], one["length"], one["required"]) for one in answer] == [
        ("b", "own", "20", False),
        ("c", "same", "200", True),
    ]
    before = await workshop.get(f"/fields/{name}")
    broken = [{"field": "a", "length": 10}, {"field": "b", "type": "nope"}]
    await workshop.refused((401, 422), "PATCH", f"/fields/{name}", broken)
    await workshop.refused((4, 422), "PATCH", f"/fields/{name}", [{"note": "nameless"}])
    twice = [{"field": "a", "note": "1"}, {"field": "a", "note": "2"}]
    await workshop.refused((12, 422), "PATCH", f"/fields/{name}", twice)
    assert await workshop.get(f"/fields/{name}") == before
    await workshop.ok("DELETE", f"/fields/{name}/a,c")
    assert await workshop.fields(name) == ["id", "b"]


async def test_order_is_by_sort_then_the_unmanaged(workshop: Workshop) -> None:
    name = await things(workshop, text("a", sort=3), text("b", sort=1), text("c"))
    await workshop.behind_our_back(f"ALTER TABLE {name} ADD COLUMN extra INTEGER")
    assert await workshop.fields(name) == ["b", "a", "id", "c", "extra"]
    extra = await workshop.field(name, "extra")
    assert extra.keys() == KEYS
    told = (extra["id"], extra["interface"], extra["sort"], extra["type"], extra["required"])
    assert told == (None, None, None, "integer", False)
    # What is said of it makes it one of ours.
    await workshop.ok("PATCH", f"/fields/{name}/extra", {"note": "found", "sort": 2})
    assert await workshop.fields(name) == ["b", "extra", "a", "id", "c"]
    backwards = await workshop.get(f"/fields/{name}?sort=-sort")
    assert [one["field"] for one in backwards] == ["a", "extra", "b", "id", "c"]


async def test_required_needs_values(workshop: Workshop) -> None:
    name = await things(workshop, text("a"), items=[{"a": "x"}, {"a": None}])
    before = await workshop.get(f"/fields/{name}")
    await workshop.refused((404, 422), "PATCH", f"/fields/{name}/a", {"required": True})
    await workshop.refused((404, 422), "PATCH", f"/fields/{name}/a", {"required": 1, "note": "x"})
    assert await workshop.get(f"/fields/{name}") == before
    await workshop.ok("PATCH", f"/items/{name}/2", {"a": "y"})
    found = await workshop.ok("PATCH", f"/fields/{name}/a", {"required": True})
    assert found["required"] is True
    await workshop.refused((4, 422), "POST", f"/items/{name}", {})
    await workshop.refused((4, 422), "PATCH", f"/items/{name}/1", {"a": None})
    await workshop.ok("PATCH", f"/fields/{name}/a", {"required": False})
    await workshop.ok("PATCH", f"/items/{name}/1", {"a": None})


async def test_unique_needs_different_values(workshop: Workshop) -> None:
    name = await things(workshop, text("a"), items=[{"a": "x"}, {"a": "x"}, {}, {}])
    before = await workshop.get(f"/fields/{name}")
    await workshop.refused((204, 409), "PATCH", f"/fields/{name}/a", {"unique": True})
    assert await workshop.get(f"/fields/{name}") == before
    await workshop.ok("PATCH", f"/items/{name}/2", {"a": "y"})
    assert (await workshop.ok("PATCH", f"/fields/{name}/a", {"unique": True}))["unique"] is True
    error = await workshop.refused((204, 409), "POST", f"/items/{name}", {"a": "y"})
    assert error["details"]["fields"] == ["a"]
    await workshop.ok("POST", f"/items/{name}", {"a": None})
    await workshop.ok("PATCH", f"/fields/{name}/a", {"unique": False})
    await workshop.ok("POST", f"/items/{name}", {"a": "y"})


CHANGES: list[tuple[str, Item, list[Any], Item, list[Any] | None]] = [
    ("shorter than a value", text("a"), ["x" * 20, "y"], {"length": 10}, None),
    ("short enough", text("a"), ["x" * 10, None], {"length": 10}, ["x" * 10, None]),
    ("longer", field("a", "string", "VARCHAR", 5), ["x"], {"length": "300"}, ["x"]),
    ("to a long text", text("a"), ["💡"], {"datatype": "TEXT"}, ["💡"]),
    ("text that is a number", text("a"), ["12", None],
     {"type": "integer", "datatype": "INT"}, [12, None]),
    ("text that is no number", text("a"), ["12", "x"],
     {"type": "integer", "datatype": "INT"}, None),
    ("a number too large", field("a", "integer", "BIGINT"), [2**40],
     {"datatype": "INT", "length": 11}, None),
    ("a number to a larger", whole("a"), [7], {"datatype": "BIGINT"}, [7]),
    ("a number to text", whole("a"), [7, None],
     {"type": "string", "datatype": "VARCHAR", "length": 5}, ["7", None]),
    ("a fraction lost", field("a", "decimal", "DECIMAL", "10,3"), ["1.125"],
     {"length": "10,2"}, None),
    ("a fraction kept", field("a", "decimal", "DECIMAL", "10,3"), ["1.5", "-2"],
     {"length": "12,2"}, [1.5, -2]),
    ("a fraction to a whole", field("a", "decimal", "DECIMAL", "10,2"), ["1.5"],
     {"type": "integer", "datatype": "INT"}, None),
    ("a whole to a fraction", whole("a"), [3],
     {"type": "decimal", "datatype": "DECIMAL", "length": "10,2"}, [3]),
    ("a negative to an unsigned", whole("a"), [-1], {"signed": False}, None),
    ("a positive to an unsigned", whole("a"), [1], {"signed": False}, [1]),
    ("text to a date", text("a"), ["2031-02-03"], {"type": "date", "datatype": "DATE"},
     ["2031-02-03"]),
    ("text that is no date", text("a"), ["2031-02-30"], {"type": "date", "datatype": "DATE"}, None),
    ("a moment to a date", field("a", "datetime", "DATETIME"), ["2031-02-03 04:05:06"],
     {"type": "date", "datatype": "DATE"}, None),
    ("midnight to a date", field("a", "datetime", "DATETIME"), ["2031-02-03 00:00:00"],
     {"type": "date", "datatype": "DATE"}, ["2031-02-03"]),
    ("text to JSON", text("a"), ['{"b": 1}'], {"type": "json", "datatype": "JSON"}, [{"b": 1}]),
    ("text that is no JSON", text("a"), ["{"], {"type": "json", "datatype": "JSON"}, None),
    ("numbers to booleans", whole("a"), [0, 1], {"type": "boolean", "datatype": "TINYINT",
     "length": 1}, [False, True]),
    ("numbers that are no booleans", whole("a"), [2], {"type": "boolean", "datatype": "TINYINT",
     "length": 1}, None),
    ("booleans to numbers", field("a", "boolean"), [True, False],
     {"type": "integer", "datatype": "INT"}, [1, 0]),
    ("the same column, another type", text("a"), ["x,y"], {"type": "array"}, [["x", "y"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("says", "made", "values", "change", "expected"), CHANGES, ids=[row[0] for row in CHANGES]
)
async def test_a_datatype_changes_without_loss_or_not_at_all(
    workshop: Workshop,
    says: str,
    made: Item,
    values: list[Any],
    change: Item,
    expected: list[Any] | None,
) -> None:
    name = await things(workshop, made, items=[{"a": value} for value in values])
    before = await workshop.get(f"/fields/{name}"), await workshop.items(name)
    if expected is None:
        error = await workshop.refused((12, 422), "PATCH", f"/fields/{name}/a", change)
        assert error["details"]["rows"] >= 1
        assert (await workshop.get(f"/fields/{name}"), await workshop.items(name)) == before
        return
    found = await workshop.ok("PATCH", f"/fields/{name}/a", change)
    stated = {"type", "datatype", "signed"} & change.keys()
    assert {key: found[key] for key in stated} == {key: change[key] for key in stated}
    assert [item["a"] for item in await workshop.items(name)] == expected


DEFAULTS: list[tuple[Item, Any, Item, Any]] = [
    (field("a", "datetime", "DATETIME"), "2031-02-03 00:00:00",
     {"type": "date", "datatype": "DATE"}, "2031-02-03"),
    (field("a", "date", "DATE"), "2031-02-03",
     {"type": "datetime", "datatype": "DATETIME"}, "2031-02-03 00:00:00"),
    (field("a", "decimal", "DECIMAL", "5,2"), "1.5", {"length": "8,4"}, 1.5),
    (whole("a"), 3, {"type": "decimal", "datatype": "DECIMAL", "length": "6,3"}, 3),
    (field("a", "decimal", "DOUBLE"), 2.5,
     {"type": "decimal", "datatype": "DECIMAL", "length": "6,3"}, 2.5),
    (field("a", "decimal", "DECIMAL", "5,2"), "2", {"type": "integer", "datatype": "INT"}, 2),
    (whole("a"), 1, {"type": "boolean", "datatype": "BOOLEAN"}, True),
    (field("a", "boolean"), True, {"type": "integer", "datatype": "INT"}, 1),
    (whole("a"), 7, {"type": "string", "datatype": "VARCHAR", "length": 9}, "7"),
    (text("a"), "7", {"type": "integer", "datatype": "INT"}, 7),
    (field("a", "json", "JSON"), [1], {"type": "string", "datatype": "TEXT"}, "[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "default", "change", "expected"), DEFAULTS)
async def test_a_default_becomes_one_of_the_new_datatype(
    workshop: Workshop, made: Item, default: Any, change: Item, expected: Any
) -> None:
    name = await things(workshop, {**made, "default_value": default}, items=[{}])
    found = await workshop.ok("PATCH", f"/fields/{name}/a", change)
    assert found["default_value"] == expected
    await workshop.ok("POST", f"/items/{name}", {})
    assert [item["a"] for item in await workshop.items(name)] == [expected, expected]
    # What a new row is given is what the old one holds, for the database too.
    for condition in (f"filter[a][in]={expected}", f"filter[a]={expected}"):
        assert len(await workshop.get(f"/items/{name}?{condition}")) == 2, condition
    assert await workshop.get(f"/items/{name}?groups=a") == [{"a": expected, "count": 2}]


async def test_a_default_that_fits_no_more_is_refused(workshop: Workshop) -> None:
    moment = {**field("a", "datetime", "DATETIME"), "default_value": "2031-02-03 04:05:06"}
    name = await things(workshop, moment)
    change = {"type": "date", "datatype": "DATE"}
    told = await workshop.refused((12, 422), "PATCH", f"/fields/{name}/a", change)
    assert "default" in told["message"]
    found = await workshop.ok(
        "PATCH", f"/fields/{name}/a", {**change, "default_value": "2031-02-03"}
    )
    assert found["default_value"] == "2031-02-03"
    word = {**text("b"), "default_value": "x"}
    name = await things(workshop, word)
    told = await workshop.refused(
        (12, 422), "PATCH", f"/fields/{name}/b", {"type": "integer", "datatype": "INT"}
    )
    assert told["details"] == {"field": "b"}


@pytest.mark.parametrize(
    "change",
    [
        {"datatype": "BIGINT"},
        {"type": "string", "datatype": "VARCHAR", "length": 20},
        {"type": "string"},
        {"signed": False},
    ],
)
async def test_a_primary_key_keeps_its_type(workshop: Workshop, change: Item) -> None:
    name = await things(workshop, text("a"), items=[{"a": "x"}])
    before = await workshop.get(f"/fields/{name}/id")
    told = await workshop.refused((12, 422), "PATCH", f"/fields/{name}/id", change)
    assert told["details"] == {"field": "id"}
    assert await workshop.get(f"/fields/{name}/id") == before
    # What was read may be sent back, with what is said of it changed.
    found = await workshop.ok("PATCH", f"/fields/{name}/id", {**before, "note": "new"})
    assert found == {**before, "note": "new", "id": found["id"]}


async def test_keys_stay_what_they_are(workshop: Workshop) -> None:
    name = await things(workshop, text("a"), whole("n"))
    before = await workshop.get(f"/fields/{name}")
    for one, change in (
        ("id", {"primary_key": False}),
        ("id", {"auto_increment": False}),
        ("a", {"primary_key": True}),
        ("n", {"auto_increment": True}),
        ("id", {"type": "o2m"}),
        ("id", {"rename_to": "key"}),
    ):
        await workshop.refused((12, 422), "PATCH", f"/fields/{name}/{one}", change)
    await workshop.refused((12, 422), "DELETE", f"/fields/{name}/id")
    await workshop.refused((12, 422), "DELETE", f"/fields/{name}/id,a,n")
    assert await workshop.get(f"/fields/{name}") == before


async def test_columns_and_aliases_become_each_other(workshop: Workshop) -> None:
    name = await things(workshop, text("a"), text("b"), field("list", "o2m"), items=[{"a": "x"}])
    await workshop.refused((12, 422), "PATCH", f"/fields/{name}/a", {"type": "alias"})
    assert (await workshop.items(name))[0]["a"] == "x"
    found = await workshop.ok("PATCH", f"/fields/{name}/b", {"type": "alias"})
    assert (found["type"], found["datatype"]) == ("alias", None)
    found = await workshop.ok("PATCH", f"/fields/{name}/a?force=1", {"type": "o2m"})
    assert (found["type"], found["datatype"]) == ("o2m", None)
    assert await workshop.items(name) == [{"id": 1}]
    change = {"type": "string", "datatype": "VARCHAR", "length": 30}
    found = await workshop.ok("PATCH", f"/fields/{name}/list", change)
    assert (found["type"], found["datatype"], found["length"]) == ("string", "VARCHAR", "30")
    assert await workshop.items(name) == [{"id": 1, "list": None}]
    await workshop.ok("PATCH", f"/items/{name}/1", {"list": "y"})


async def test_a_new_name_goes_wherever_the_old_one_was(workshop: Workshop) -> None:
    name = await things(
        workshop,
        text("title", unique=True),
        text("slug", "slug", options={"mirroredField": "title"}),
        whole("parent", "m2o", options={"template": "{{title}} ({{parent.title}})"}),
        field("children", "o2m", options={"fields": "title,id"}),
        items=[{"title": "One"}],
    )
    await workshop.relate(name, "parent", name, "children")
    permission = await workshop.ok("POST", "/permissions", {
        "collection": name, "role": 2, "read_field_blacklist": ["title", "slug"]})  # fmt: skip
    preset = await workshop.ok("POST", "/collection_presets", {
        "collection": name, "title": "title",
        "view_query": {"tabular": {"fields": "id,title", "sort": "-title"}},
        "filters": [{"field": "title", "operator": "contains", "value": "title"}]})  # fmt: skip
    found = await workshop.ok("PATCH", f"/fields/{name}/title", {"rename_to": "headline"})
    assert (found["field"], found["unique"]) == ("headline", True)
    await workshop.ok("PATCH", f"/fields/{name}/parent", {"rename_to": "above"})
    await workshop.ok("PATCH", f"/fields/{name}/children", {"rename_to": "below"})
    assert set(await workshop.fields(name)) == {"id", "headline", "slug", "above", "below"}
    assert (await workshop.field(name, "slug"))["options"] == {"mirroredField": "headline"}
    template = (await workshop.field(name, "above"))["options"]["template"]
    assert template.startswith("{{headline}}")
    assert (await workshop.field(name, "below"))["options"] == {"fields": "headline,id"}
    (relation,) = await workshop.get(f"/relations?filter[collection_many]={name}")
    assert (relation["field_many"], relation["field_one"]) == ("above", "below")
    permission = await workshop.get(f"/permissions/{permission['id']}")
    assert permission["read_field_blacklist"] == ["headline", "slug"]
    preset = await workshop.get(f"/collection_presets/{preset['id']}")
    assert preset["title"] == "title"
    assert preset["view_query"]["tabular"] == {"fields": "id,headline", "sort": "-headline"}
    assert preset["filters"] == [{"field": "headline", "operator": "contains", "value": "title"}]
    await workshop.ok("PATCH", f"/items/{name}/1", {"below": [{"headline": "Two"}]})
    found = await workshop.items(name, "fields=headline,slug,above.headline&sort=id")
    assert found == [
        {"headline": "One", "slug": "one", "above": None},
        {"headline": "Two", "slug": "two", "above": {"headline": "One"}},
    ]
    await workshop.refused((204, 409), "POST", f"/items/{name}", {"headline": "Two"})
    await workshop.refused((308, 422), "PATCH", f"/fields/{name}/slug", {"rename_to": "above"})
    await workshop.refused((4, 422), "PATCH", f"/fields/{name}/slug", {"rename_to": "a b"})


async def test_deleting_what_holds_the_key_ends_the_relation(workshop: Workshop) -> None:
    one = await workshop.make(text("name"), field("things", "o2m"))
    many = await workshop.make(whole("one", "m2o"), text("other"))
    await workshop.relate(many, "one", one, "things")
    await workshop.ok("POST", f"/items/{one}", {"things": [{"other": "x"}]})
    await workshop.ok("DELETE", f"/fields/{many}/one")
    assert await workshop.get(f"/relations?filter[collection_many]={many}") == []
    assert await workshop.fields(one) == ["id", "name"]
    assert await workshop.items(many) == [{"id": 1, "other": "x"}]


async def test_deleting_an_alias_unlinks_it(workshop: Workshop) -> None:
    one = await workshop.make(text("name"), field("things", "o2m"))
    many = await workshop.make(whole("one", "m2o"))
    await workshop.relate(many, "one", one, "things")
    await workshop.ok("POST", f"/items/{one}", {"things": [{}]})
    await workshop.ok("DELETE", f"/fields/{one}/things")
    (relation,) = await workshop.get(f"/relations?filter[collection_many]={many}")
    assert relation["field_one"] is None
    assert await workshop.items(many, "fields=one.name") == [{"one": {"name": None}}]


@pytest.mark.parametrize("drop", [False, True])
async def test_deleting_a_many_to_many_ends_both_relations(workshop: Workshop, drop: bool) -> None:
    one = await workshop.make(field("tags", "o2m"), text("a"))
    two = await workshop.make(field("things", "o2m"), text("b"))
    junction = await workshop.make(whole("thing", "m2o"), whole("tag", "m2o"))
    await workshop.relate(junction, "thing", one, "tags", junction_field="tag")
    await workshop.relate(junction, "tag", two, "things", junction_field="thing")
    await workshop.ok("POST", f"/items/{one}", {"tags": [{"tag": {"b": "x"}}]})
    await workshop.ok("DELETE", f"/fields/{one}/tags?delete_junction={int(drop)}")
    assert await workshop.get(f"/relations?filter[collection_many]={junction}") == []
    assert (await workshop.fields(one), await workshop.fields(two)) == (["id", "a"], ["id", "b"])
    assert await workshop.exists(junction) is not drop
    assert len(await workshop.items(two)) == 1


LOCKED: list[tuple[str, str, str, Item, tuple[int, int]]] = [
    ("the type of", "directus_users", "email", {"type": "integer"}, (305, 403)),
    ("the length of", "directus_users", "email", {"length": 10}, (305, 403)),
    ("the interface of", "directus_users", "status", {"interface": "x"}, (305, 403)),
    ("the name of", "directus_users", "email", {"rename_to": "mail"}, (305, 403)),
    ("the options of", "directus_files", "title", {"options": {"a": 1}}, (305, 403)),
    ("the default of", "directus_users", "theme", {"default_value": "dark"}, (305, 403)),
    ("uniqueness of", "directus_files", "title", {"unique": True}, (305, 403)),
]


@pytest.mark.parametrize(("says", "collection", "name", "change", "error"), LOCKED)
async def test_fields_of_the_system_keep_their_structure(
    workshop: Workshop,
    says: str,
    collection: str,
    name: str,
    change: Item,
    error: tuple[int, int],
) -> None:
    before = await workshop.field(collection, name)
    assert await workshop.ok("PATCH", f"/fields/{collection}/{name}", before) == before
    await workshop.refused(error, "PATCH", f"/fields/{collection}/{name}", change)
    await workshop.refused((305, 403), "DELETE", f"/fields/{collection}/{name}")
    assert await workshop.field(collection, name) == before
    await workshop.ok("PATCH", f"/fields/{collection}/{name}", {"note": "ours"})
    assert (await workshop.field(collection, name))["note"] == "ours"
    await workshop.ok("PATCH", f"/fields/{collection}/{name}", {"note": before["note"]})


async def test_a_deleted_column_leaves_no_data(workshop: Workshop) -> None:
    name = await things(workshop, text("a", unique=True), text("b"), items=[{"a": "x", "b": "y"}])
    await workshop.ok("DELETE", f"/fields/{name}/a")
    assert await workshop.items(name) == [{"id": 1, "b": "y"}]
    await workshop.ok("POST", f"/fields/{name}", whole("a", default_value=3))
    assert await workshop.items(name) == [{"id": 1, "b": "y", "a": 3}]
    await workshop.refused((202, 422), "GET", f"/items/{name}?fields=c")


async def test_groups_let_go_of_their_fields(workshop: Workshop) -> None:
    name = await things(workshop, field("box", "group"))
    group = (await workshop.field(name, "box"))["id"]
    await workshop.ok("POST", f"/fields/{name}", text("a", group=group))
    assert (await workshop.field(name, "a"))["group"] == group
    await workshop.ok("DELETE", f"/fields/{name}/box")
    assert (await workshop.field(name, "a"))["group"] is None
