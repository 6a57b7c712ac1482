"""Changes by GraphQL. Source: GraphQL page §3, items page §6 to §9."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from tests.scenarios.gql import ask, data
from tests.scenarios.shop import Live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field, status, text, whole

STATUSES = {
    "draft": {"name": "Draft", "soft_delete": False, "published": False},
    "deleted": {"name": "Deleted", "soft_delete": True, "published": False},
}


class Shelf(Struct, frozen=True):
    """Books with pages and a writer, of this test alone."""

    shop: Workshop
    books: str
    pages: str
    writers: str

    async def data(self, document: str, **variables: Any) -> Any:
        """The data of a document in which `B`, `P` and `W` stand for the collections."""
        return await data(self.shop.world, self.spelled(document), **variables)

    async def problem(self, document: str, **variables: Any) -> Any:
        """The one problem that a document must have; nothing is done."""
        before = await self.everything()
        answer = (await ask(self.shop.world, self.spelled(document), **variables)).json()
        assert not any((answer.get("data") or {}).values())
        (told,) = answer["errors"]
        assert await self.everything() == before
        return told

    async def everything(self) -> list[Any]:
        """All items, and how many rows of history there are."""
        names = (self.books, self.pages, self.writers)
        return [
            *[await self.shop.items(name, "limit=-1&status=*") for name in names],
            *[len(await self.shop.deeds(name)) for name in names],
        ]

    def spelled(self, document: str) -> str:
        """The document with the names of the collections."""
        names = {"B": self.books, "P": self.pages, "W": self.writers}
        for letter, name in names.items():
            document = document.replace(f"<{letter}>", name)
            title = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
            document = document.replace(f"<{letter}T>", title)
        return document


@pytest.fixture
async def shelf(workshop: Workshop) -> Shelf:
    writers = await workshop.make(text("name", required=True), word="writers")
    books = await workshop.make(
        status(STATUSES, default_value="draft"),
        text("title"), whole("writer", "m2o"), field("pages", "o2m"),
        field("price", "decimal", "DECIMAL", "20,10"), field("extra", "json", "JSON"),
        text("words", "array"), field("day", "date", "DATE"), text("secret", "hash"),
        field("sold", "boolean", "TINYINT", 1), whole("owner", "owner"), whole("cover", "file"),
        word="books",
    )  # fmt: skip
    pages = await workshop.make(
        text("body"), whole("book", "m2o"), field("scan", "binary", "BLOB"), word="pages"
    )
    await workshop.relate(books, "writer", writers)
    await workshop.relate(pages, "book", books, "pages")
    return Shelf(workshop, books, pages, writers)


async def test_values_are_written_as_over_rest(shelf: Shelf) -> None:
    document = """mutation($d: <BT>Input!) { create_<B>_item(data: $d) {
      id title price extra words day sold secret owner { email } } }"""
    body = {
        "title": "One", "price": "1.0000000001", "extra": {"a": [1, None]}, "words": ["x", "y"],
        "day": "2031-02-03", "sold": True, "secret": "word",
    }  # fmt: skip
    made = (await shelf.data(document, d=body))[f"create_{shelf.books}_item"]
    assert made == {
        "id": "1", "title": "One", "price": 1.0000000001, "extra": {"a": [1, None]},
        "words": ["x", "y"], "day": "2031-02-03", "sold": True, "secret": "**********",
        "owner": {"email": "admin@example.com"},
    }  # fmt: skip
    (stored,) = await shelf.shop.items(shelf.books)
    assert (stored["price"], stored["extra"], stored["words"]) == (
        1.0000000001, {"a": [1, None]}, ["x", "y"],
    )  # fmt: skip
    assert await shelf.shop.deeds(shelf.books) == [("create", "1")]
    literal = """mutation { update_<B>_item(id: 1, data: {price: 2.5, extra: {b: [true]},
      words: [], title: null}) { price extra words title } }"""
    assert (await shelf.data(literal))[f"update_{shelf.books}_item"] == {
        "price": 2.5, "extra": {"b": [True]}, "words": [], "title": None,
    }  # fmt: skip


async def test_what_is_wrong_with_the_answer_is_said_before_anything_is_written(
    shelf: Shelf,
) -> None:
    document = """mutation { create_<B>_item(data: {title: "One"}) {
      id pages(filter: {scan_contains: "x"}) { id } } }"""
    told = await shelf.problem(document)
    assert (told["extensions"]["code"], told["path"]) == (12, [f"create_{shelf.books}_item"])


async def test_nested_items(shelf: Shelf) -> None:
    document = """mutation { create_<B>_item(data: {title: "One", writer: {name: "Ann"},
      pages: [{body: "a"}, {body: "b"}]}) { id writer { id name } pages { id body } } }"""
    made = (await shelf.data(document))[f"create_{shelf.books}_item"]
    assert made["writer"] == {"id": "1", "name": "Ann"}
    assert made["pages"] == [{"id": "1", "body": "a"}, {"id": "2", "body": "b"}]
    document = """mutation { update_<B>_item(id: 1, data: {writer: {id: 1, name: "Anna"},
      pages: [{id: 1, body: "changed"}, {id: 2, _delete: true}, {body: "new"}]}) {
      writer { name } pages { id body } } }"""
    assert (await shelf.data(document))[f"update_{shelf.books}_item"] == {
        "writer": {"name": "Anna"},
        "pages": [{"id": "1", "body": "changed"}, {"id": "3", "body": "new"}],
    }
    document = """mutation { tied: create_<B>_item(data: {writer: {id: 1}, pages: [{id: 3}]}) {
      writer { name } pages { id } } loose: update_<B>_item(id: 1, data: {writer: null}) {
      writer { id } } }"""
    assert await shelf.data(document) == {
        "tied": {"writer": {"name": "Anna"}, "pages": [{"id": "3"}]},
        "loose": {"writer": None},
    }


async def test_many_at_once(shelf: Shelf) -> None:
    document = """mutation($d: [<BT>Input!]!) { create_<B>_items(data: $d) { id title } }"""
    made = await shelf.data(document, d=[{"title": "a"}, {"title": "b"}, {"title": "c"}])
    ids = [each["id"] for each in made[f"create_{shelf.books}_items"]]
    assert ids == ["1", "2", "3"]
    document = """mutation($i: [ID!]!) { update_<B>_items(ids: $i, data: {title: "all"}) {
      id title } delete_<P>_items(ids: []) { ids } }"""
    changed = await shelf.data(document, i=["3", "1", "3"])
    assert changed[f"update_{shelf.books}_items"] == [
        {"id": "3", "title": "all"},
        {"id": "1", "title": "all"},
    ]
    assert changed[f"delete_{shelf.pages}_items"] == {"ids": []}
    document = """mutation { a: delete_<B>_items(ids: [1, 2]) { ids __typename }
      b: delete_<B>_item(id: 3) { id } }"""
    assert await shelf.data(document) == {
        "a": {"ids": ["1", "2"], "__typename": "DeletedItems"},
        "b": {"id": "3"},
    }
    assert await shelf.shop.items(shelf.books) == []
    deeds = [deed for deed, _ in await shelf.shop.deeds(shelf.books)]
    assert deeds == ["create"] * 3 + ["update"] * 2 + ["delete"] * 3


async def test_putting_among_the_deleted_ones_answers_nothing(shelf: Shelf) -> None:
    await shelf.data('mutation { create_<B>_item(data: {title: "x"}) { id } }')
    document = """mutation { update_<B>_item(id: 1, data: {status: "deleted"}) { id } }"""
    assert await shelf.data(document) == {f"update_{shelf.books}_item": None}
    document = """mutation { update_<B>_items(ids: [1], data: {status: "deleted"}) { id } }"""
    assert await shelf.data(document) == {f"update_{shelf.books}_items": []}


async def test_a_comment_is_kept(shelf: Shelf) -> None:
    document = 'mutation { create_<B>_item(data: {title: "x"}, comment: "because") { id } }'
    await shelf.data(document)
    query = f"filter[collection]={shelf.books}&fields=action,comment"
    assert await shelf.shop.get(f"/activity?{query}") == [
        {"action": "create", "comment": "because"}
    ]
    document = """mutation { a: create_<B>_item(data: {}, comment: "one") { id }
      b: create_<B>_item(data: {}, comment: "two") { id } }"""
    assert (await shelf.problem(document))["extensions"] == {"code": 12, "http": 422}


REFUSED = [
    (
        "mutation { a: create_<B>_item(data: {title: \"x\"}) { id } "
        "b: update_<B>_item(id: 99, data: {title: \"y\"}) { id } }",
        ["b"], {"code": 203, "http": 404},
    ),
    (
        'mutation { a: create_<B>_item(data: {title: "x"}) { id } b: create_<W>_items(data: '
        '[{name: "ok"}, {}]) { id } }',
        ["b"], {"code": 4, "http": 422, "details": {"index": 1}},
    ),
    (
        'mutation { a: create_<W>_item(data: {name: "x"}) { id } b: delete_<B>_items(ids: [7]) '
        "{ ids } }",
        ["b"], {"code": 203, "http": 404, "details": {"index": 0}},
    ),
    (
        'mutation { a: create_<B>_item(data: {pages: [{id: 5, body: "x"}]}) { id } }',
        ["a"], {"code": 203, "http": 404},
    ),
    (
        'mutation { a: create_<B>_item(data: {status: "nothing"}) { id } }',
        ["a"], {"code": 12, "http": 422},
    ),
    (
        'mutation { a: create_<B>_item(data: {day: "not a day"}) { id } }',
        ["a"], {"code": 4, "http": 422},
    ),
    (
        'mutation { a: create_<B>_item(data: {id: 1}) { id } b: create_<B>_item(data: {id: 1}) '
        "{ id } }",
        ["b"], {"code": 204, "http": 409},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "path", "extensions"), REFUSED)
async def test_everything_or_nothing(
    shelf: Shelf, document: str, path: list[str], extensions: dict[str, Any]
) -> None:
    told = await shelf.problem(document)
    assert told["path"] == path
    found = told["extensions"]
    details = {name: found.get("details", {}).get(name) for name in extensions.get("details", {})}
    assert {**found, "details": details} == {"details": {}, **extensions}


async def test_what_cannot_be_written_is_not_offered(shelf: Shelf) -> None:
    types = (
        await shelf.data("{ __schema { mutationType { fields { name } } } }")
    )["__schema"]["mutationType"]["fields"]  # fmt: skip
    names = {each["name"] for each in types}
    assert {"update_directus_files_item", "create_directus_users_item"} <= names
    assert not names & {
        *("create_directus_files_item", "delete_directus_files_item"),
        *("create_directus_activity_item", "update_directus_settings_item"),
        *("create_directus_fields_item", "delete_directus_revisions_item"),
    }
    inputs = await shelf.data('{ __type(name: "DirectusFileInput") { inputFields { name } } }')
    files = {each["name"] for each in inputs["__type"]["inputFields"]}
    assert {"title", "description", "folder"} <= files
    assert not files & {"filename_disk", "storage", "data", "type"}


async def test_the_last_administrator_stays(empty: Live) -> None:
    document = 'mutation { update_directus_users_item(id: 1, data: {status: "suspended"}) { id } }'
    (told,) = (await ask(empty, document)).json()["errors"]
    assert told["extensions"]["code"] == 216
    assert (await empty.data("/users/1"))["status"] == "active"


async def test_users_keep_their_rules(shelf: Shelf) -> None:
    document = """mutation { create_directus_users_item(data: {email: "nobody",
      role: {id: 1}, first_name: "A", last_name: "B"}) { email } }"""
    assert (await shelf.problem(document))["extensions"]["code"] == 4
    document = """mutation { create_directus_users_item(data: {email: "shelf@example.com",
      password: "correct horse battery", role: {id: 1}, first_name: "A", last_name: "B"}) {
      email role { id } } }"""
    made = (await shelf.data(document))["create_directus_users_item"]
    assert made == {"email": "shelf@example.com", "role": {"id": "1"}}
    query = "filter[email]=shelf@example.com&fields=id"
    (user,) = await shelf.shop.get(f"/users?{query}")
    await shelf.data(
        "mutation($i: ID!) { delete_directus_users_item(id: $i) { id } }", i=user["id"]
    )
    assert await shelf.shop.get(f"/users?{query}") == []
