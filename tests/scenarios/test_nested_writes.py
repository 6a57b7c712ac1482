"""Nested writes over HTTP, with every control key. Source: items page §6."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, text, whole

Item = dict[str, Any]


class Library:
    """Articles with an author, comments and tags; the names of the collections."""

    def __init__(self, workshop: Workshop, **names: str) -> None:
        self.workshop = workshop
        self.articles = names["articles"]
        self.authors = names["authors"]
        self.comments = names["comments"]
        self.tags = names["tags"]
        self.links = names["links"]

    async def new(self, item: Item, fields: str = "*") -> Any:
        """Creates an article."""
        return await self.workshop.ok("POST", f"/items/{self.articles}?fields={fields}", item)

    async def change(self, id: int, item: Item, fields: str = "*") -> Any:
        """Changes an article."""
        path = f"/items/{self.articles}/{id}?fields={fields}"
        return await self.workshop.ok("PATCH", path, item)

    async def everything(self) -> list[Any]:
        """What any write could have touched."""
        names = (self.articles, self.authors, self.comments, self.tags, self.links)
        return [
            (await self.workshop.items(name), await self.workshop.deeds(name),
             await self.workshop.revisions(name))
            for name in names
        ]  # fmt: skip


@pytest.fixture(scope="module")
async def library(workshop: Workshop) -> Library:
    """Collections that tests write to without minding each other's items."""
    articles = await workshop.make(
        text("title"), whole("author", "m2o"), field("comments", "o2m"), field("tags", "o2m"),
        whole("owner", "owner"), whole("picture", "file"), word="articles",
    )  # fmt: skip
    authors = await workshop.make(
        text("name", required=True), text("mail", unique=True), field("articles", "o2m"),
        word="authors",
    )  # fmt: skip
    comments = await workshop.make(
        text("body"), whole("article", "m2o"), whole("writer", "m2o"), word="comments"
    )
    tags = await workshop.make(text("name"), field("articles", "o2m"), word="tags")
    links = await workshop.make(whole("article", "m2o"), whole("tag", "m2o"), word="links")
    await workshop.relate(articles, "author", authors, "articles")
    await workshop.relate(comments, "article", articles, "comments")
    await workshop.relate(comments, "writer", authors)
    await workshop.relate(links, "article", articles, "tags", junction_field="tag")
    await workshop.relate(links, "tag", tags, "articles", junction_field="article")
    return Library(
        workshop, articles=articles, authors=authors, comments=comments, tags=tags, links=links
    )


async def test_a_many_to_one_in_every_form(library: Library) -> None:
    workshop = library.workshop
    one = await library.new({"title": "a", "author": {"name": "Ada"}}, "id,author.*")
    id, ada = one["id"], one["author"]["id"]
    assert one["author"] == {"id": ada, "name": "Ada", "mail": None}
    bob = (await library.change(id, {"author": {"name": "Bob"}}, "author.*"))["author"]["id"]
    assert bob != ada
    assert await library.change(id, {"author": ada}, "author") == {"author": ada}
    assert await library.change(id, {"author": {"id": bob}}, "author") == {"author": bob}
    assert await library.change(id, {"author": str(ada)}, "author") == {"author": ada}
    changed = await library.change(id, {"author": {"id": bob, "name": "Bobby"}}, "author.name")
    assert changed == {"author": {"name": "Bobby"}}
    assert await library.change(id, {"author": None}, "author") == {"author": None}
    given = bob + 1000
    made = await library.change(id, {"author": {"id": given, "name": "Given"}}, "author.*")
    assert made["author"] == {"id": given, "name": "Given", "mail": None}
    assert await library.change(id, {"author": given + 7}, "author.*") == {"author": None}
    await library.change(id, {"author": given})
    gone = await library.change(id, {"author": {"id": given, "$delete": True}}, "author")
    assert gone == {"author": None}
    await workshop.refused((203, 404), "GET", f"/items/{library.authors}/{given}")
    assert await library.change(id, {"owner": {"id": 1, "name": "x"}}, "owner") == {"owner": 1}


async def test_a_one_to_many_in_every_form(library: Library) -> None:
    workshop = library.workshop
    bodies = [{"body": "one"}, {"body": "two"}, {"body": "three"}]
    made = await library.new({"title": "a", "comments": bodies}, "id,comments.*")
    id = made["id"]
    one, two, three = (comment["id"] for comment in made["comments"])
    assert [comment["article"] for comment in made["comments"]] == [id] * 3
    loose = (await workshop.ok("POST", f"/items/{library.comments}", {"body": "loose"}))["id"]
    other = (await library.new({"title": "other"}))["id"]
    sent = [
        {"body": "new"},
        {"id": one, "body": "ONE"},
        {"id": two, "$delete": True},
        {"id": three, "article": None},
        loose,
        {"id": str(one), "body": "again"},
    ]
    changed = await library.change(id, {"comments": sent}, "comments.body")
    assert [comment["body"] for comment in changed["comments"]] == ["again", "loose", "new"]
    await workshop.refused((203, 404), "GET", f"/items/{library.comments}/{two}")
    assert (await workshop.get(f"/items/{library.comments}/{three}"))["article"] is None
    moved = await library.change(id, {"comments": [{"id": one, "article": other}]}, "comments.body")
    assert [comment["body"] for comment in moved["comments"]] == ["loose", "new"]
    assert (await workshop.get(f"/items/{library.comments}/{one}"))["article"] == other
    nothing: Any
    for nothing in (None, []):
        kept = await library.change(id, {"comments": nothing}, "comments.body")
        assert len(kept["comments"]) == 2


async def test_a_many_to_many_in_every_form(library: Library) -> None:
    workshop = library.workshop
    red = (await workshop.ok("POST", f"/items/{library.tags}", {"name": "red"}))["id"]
    sent = [{"tag": {"name": "new"}}, {"tag": {"id": red}}, {"tag": red}]
    made = await library.new({"tags": sent}, "id,tags.id,tags.tag.*")
    assert [link["tag"]["name"] for link in made["tags"]] == ["new", "red", "red"]
    first, second, third = (link["id"] for link in made["tags"])
    sent = [
        {"id": first, "$delete": True},
        {"id": second, "tag": {"id": red, "name": "RED"}},
        {"id": third, "tag": {"name": "other"}},
    ]
    changed = await library.change(made["id"], {"tags": sent}, "tags.id,tags.tag.name")
    assert [(link["id"], link["tag"]["name"]) for link in changed["tags"]] == [
        (second, "RED"),
        (third, "other"),
    ]
    names = [tag["name"] for tag in await workshop.items(library.tags)]
    assert {"new", "RED", "other"} <= set(names)


async def test_deep_and_round(library: Library) -> None:
    item = {
        "title": "deep",
        "author": {"name": "Eve", "articles": [{"title": "hers"}]},
        "comments": [
            {"body": "x", "writer": {"name": "Bob", "articles": [{"title": "his", "tags": [
                {"tag": {"name": "deepest"}}]}]}},
            {"body": "y"},
        ],
    }  # fmt: skip
    fields = "title,author.articles.title,comments.body,comments.writer.articles.tags.tag.name"
    made = await library.new(item, fields)
    assert sorted(one["title"] for one in made["author"]["articles"]) == ["deep", "hers"]
    bob = made["comments"][0]["writer"]
    assert bob == {"articles": [{"tags": [{"tag": {"name": "deepest"}}]}]}
    assert made["comments"][1]["writer"] is None
    inner: Item = {"title": "bottom"}
    for level in range(20):
        inner = {"title": str(level), "author": {"name": "x", "articles": [inner]}}
    before = await library.everything()
    await library.workshop.refused((12, 422), "POST", f"/items/{library.articles}", inner)
    assert await library.everything() == before


BROKEN: list[tuple[str, Item, tuple[int, int]]] = [
    ("an unknown field inside", {"comments": [{"nope": 1}]}, (12, 422)),
    ("an unknown key", {"comments": [{"id": 99999, "body": "x"}]}, (203, 404)),
    ("an unknown key alone", {"comments": [99999]}, (203, 404)),
    ("an unknown key to delete", {"comments": [{"id": 99999, "$delete": True}]}, (203, 404)),
    ("a delete of nothing", {"comments": [{"$delete": True}]}, (12, 422)),
    ("an object for a list", {"comments": {"body": "x"}}, (12, 422)),
    ("a text for a list", {"comments": "x"}, (12, 422)),
    ("true in a list", {"comments": [True]}, (12, 422)),
    ("a list in a list", {"comments": [[1]]}, (12, 422)),
    ("a missing value inside", {"author": {"mail": "x"}}, (4, 422)),
    ("a wrong value inside", {"comments": [{"body": "x" * 201}]}, (12, 422)),
    ("a list for an item", {"author": [1]}, (213, 422)),
    ("an unknown author to delete", {"author": {"id": 99999, "$delete": True}}, (203, 404)),
    ("a new file", {"picture": {"title": "x"}}, (12, 422)),
    ("a taken value deep inside", {"comments": [{"writer": {"name": "E", "mail": "taken"}}]},
     (204, 409)),
    ("something good, then bad", {"comments": [{"body": "x"}, {"body": "y"}, {"id": 99999}],
     "author": {"name": "made"}}, (203, 404)),
]  # fmt: skip


@pytest.mark.parametrize(("says", "body", "error"), BROKEN, ids=[row[0] for row in BROKEN])
async def test_what_fails_inside_undoes_all(
    library: Library, says: str, body: Item, error: tuple[int, int]
) -> None:
    workshop = library.workshop
    if "taken" in says:
        await workshop.ok("POST", f"/items/{library.authors}", {"name": "E", "mail": "taken"})
    id = (await library.new({"title": "stays", "comments": [{"body": "stays"}]}))["id"]
    before = await library.everything()
    path = f"/items/{library.articles}"
    await workshop.refused(error, "POST", path, body)
    await workshop.refused(error, "PATCH", f"{path}/{id}", {"title": "changed", **body})
    told = await workshop.refused(error, "POST", path, [{"title": "x"}, body])
    assert told["details"]["index"] == 1
    assert await library.everything() == before


async def test_every_nested_change_is_recorded_with_its_parent(library: Library) -> None:
    workshop = library.workshop
    made = await library.new(
        {"title": "t", "author": {"name": "Ada"}, "comments": [{"body": "x"}]},
        "id,author,comments.id",
    )
    id, comment = made["id"], made["comments"][0]["id"]
    revisions = await workshop.revisions(library.comments)
    last = revisions[-1]
    assert (last["item"], last["parent_collection"], last["parent_item"]) == (
        str(comment), library.articles, str(id))  # fmt: skip
    assert last["data"]["article"] == id
    (top,) = [r for r in await workshop.revisions(library.articles) if r["item"] == str(id)]
    assert (top["parent_collection"], top["parent_item"], top["parent_changed"]) == (
        None, None, False)  # fmt: skip
    assert top["data"]["title"] == "t"
    assert (await workshop.deeds(library.comments))[-1] == ("create", str(comment))
    assert (await workshop.deeds(library.authors))[-1] == ("create", str(made["author"]))
    before = len(await workshop.deeds(library.comments))
    await library.change(id, {"comments": [{"id": comment, "$delete": True}]})
    assert (await workshop.deeds(library.comments))[before:] == [("delete", str(comment))]


async def test_an_item_that_is_deleted_twice_is_recorded_once(library: Library) -> None:
    workshop = library.workshop
    made = await library.new({"comments": [{"body": "x"}, {"body": "y"}]}, "id,comments.id")
    first, second = (comment["id"] for comment in made["comments"])
    before = len(await workshop.deeds(library.comments))
    gone = [{"id": id, "$delete": True} for id in (first, second, str(first))]
    await library.change(made["id"], {"comments": gone})
    assert (await workshop.deeds(library.comments))[before:] == [
        ("delete", str(first)),
        ("delete", str(second)),
    ]


async def test_a_required_list_keeps_one(workshop: Workshop) -> None:
    polls = await workshop.make(text("q"), field("choices", "o2m", required=True), word="polls")
    choices = await workshop.make(text("a"), whole("poll", "m2o"), word="choices")
    await workshop.relate(choices, "poll", polls, "choices")
    path = f"/items/{polls}"
    missing: Item
    for missing in ({}, {"choices": []}, {"choices": None}):
        await workshop.refused((4, 422), "POST", path, missing)
    await workshop.ok("POST", path, {"choices": [{"a": "yes"}, {"a": "no"}]})
    gone = [{"id": 1, "$delete": True}, {"id": 2, "poll": None}]
    await workshop.refused((12, 422), "PATCH", f"{path}/1", {"choices": gone})
    assert [item["poll"] for item in await workshop.items(choices)] == [1, 1]
    await workshop.ok("PATCH", f"{path}/1", {"choices": [*gone, {"a": "maybe"}]})
    assert [item["a"] for item in await workshop.items(choices, "filter[poll]=1")] == ["maybe"]


async def test_translations(workshop: Workshop) -> None:
    pages = await workshop.make(field("texts", "translation"), word="pages")
    texts = await workshop.make(text("lang", "lang"), text("title"), whole("page", "m2o"))
    await workshop.relate(texts, "page", pages, "texts")
    sent = [{"lang": "en", "title": "Hello"}, {"lang": "nl", "title": "Hallo"}]
    item = await workshop.ok(
        "POST", f"/items/{pages}?fields=texts.lang,texts.title", {"texts": sent}
    )
    assert item == {"texts": sent}
    path = f"/items/{pages}/1?fields=texts.title&lang=nl"
    item = await workshop.ok("PATCH", path, {"texts": [{"id": 2, "title": "Hoi"}]})
    assert item == {"texts": [{"title": "Hoi"}]}
