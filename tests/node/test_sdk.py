"""The published JavaScript client, unmodified, through a whole session with the real server.

Reference: authentication page §14. The session is in `session.cjs`; the table here says what
each of its steps must give, on every database alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.databases import SkipReason
from tests.node.client import Failed, session
from tests.node.packages import fetch
from tests.scenarios.wire import EMAIL, KEY, PASSWORD, install, served

pytestmark = pytest.mark.timeout(300)

WREN = "wren@example.com"
NOBODY = "Sign in as someone who may do this"


class Has:
    """An answer that holds these members, and maybe more."""

    def __init__(self, *first: Any, **named: Any) -> None:
        self.members = first[0] if first else named

    def __repr__(self) -> str:
        return f"Has({self.members!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(self.members, list):
            return isinstance(other, list) and all(one in other for one in self.members)
        return isinstance(other, dict) and self.members == {
            name: other.get(name) for name in self.members
        }

    __hash__ = None  # type: ignore[assignment] # it is equal to much


class Some:
    """Any value of this type that is not empty."""

    def __init__(self, type: type) -> None:
        self.type = type

    def __repr__(self) -> str:
        return f"Some({self.type.__name__})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.type) and bool(other)

    __hash__ = None  # type: ignore[assignment] # it is equal to much


def data(*found: Any, **named: Any) -> Any:
    """An envelope with exactly this data, or with an object that has these members."""
    return {"data": found[0] if found else Has(**named)}


def ids(*found: int) -> Any:
    return data([{"id": one} for one in found])


def listed(*values: Any, under: str) -> Any:
    return data([{under: one} for one in values])


def article(id: int, title: str, views: int, author: int | None, status: str = "published") -> Any:
    return {
        **{"id": id, "status": status, "title": title, "views": views},
        **{"owner": 1, "author": author},
    }


ONE, TWO = article(1, "One", 10, 1), article(2, "Two", 20, 1)
THREE, FIVE = article(3, "Three", 30, None, "draft"), article(5, "Five", 50, 2)
LOGGED_IN = Has(token=Some(str), user=Has(email=EMAIL, role=1))
LOGGED_OUT = {"public": True}
AUTHOR = {"collection_many": "articles", "field_many": "author", "collection_one": "authors"}
TEXTS = {"collection_many": "texts", "field_many": "article", "collection_one": "articles"}
PRESET = Has(id=Some(int), collection="articles", title="Ours", user=1, view_type="tabular")
COMMENT = {"action": "comment", "collection": "articles", "item": "1", "action_by": 1}
LAST_FOUR = ["create", "update", "update", "revert"]

SIGNING_IN = {
    "isLoggedIn before": False,
    "getMe before": Failed((3, NOBODY)),
    "login, wrong password": Failed((100, "Wrong e-mail address or password")),
    "login": Has(data=LOGGED_IN),
    "isLoggedIn": True,
    "refresh": data({"email": EMAIL}),
    "refreshIfNeeded": {"renewed": [True], "me": data({"email": EMAIL})},
    "logout": LOGGED_OUT,
    "isLoggedIn after": False,
    "getMe after": Failed((3, NOBODY)),
}
SCHEMA = {
    "createCollection authors": data(collection="authors", managed=True),
    "createCollection texts": data(collection="texts", managed=True),
    "createCollection articles": data(collection="articles", managed=True),
    "createRelation author": data(**AUTHOR, field_one="articles"),
    "createRelation article": data(**TEXTS, field_one="texts"),
    "createField": data(collection="authors", field="mail", type="string", note=None),
    "updateField": data(field="mail", note="Where to write"),
    "getField": data(field="mail", note="Where to write"),
    "deleteField": "",
    "getFields": data([Has(field=name) for name in ("id", "name", "articles")]),
    "getAllFields": data(Has([Has(collection="texts", field="lang", type="lang")])),
    "updateCollection": data(collection="authors", note="Who writes"),
    "getCollection": data(note="Who writes", fields=Has(name=Has(type="string"))),
    "getCollections": data(Has([Has(collection=name) for name in ("articles", "texts")])),
    "getRelations": data(Has([Has(**AUTHOR), Has(**TEXTS)])),
    "getCollectionRelations": [data([Has(**AUTHOR)]), data([Has(**TEXTS)])],
}
ITEMS = {
    "createItem": data({"id": 1, "name": "Ada"}),
    "createItems": data([ONE, TWO, THREE]),
    "createItem nested": data(FIVE),
    "getItems plain": data([ONE, TWO, THREE, FIVE]),
    "getItems fields": data(
        [
            {"title": "One", "author": {"name": "Ada"}, "texts": []},
            {"title": "Two", "author": {"name": "Ada"}, "texts": []},
            {"title": "Three", "author": None, "texts": []},
            {"title": "Five", "author": {"name": "Bob"}, "texts": [{"lang": "en"}, {"lang": "nl"}]},
        ]
    ),
    "getItems fields as text": data(
        [
            {"id": 1, "author": {"id": 1, "name": "Ada"}},
            {"id": 2, "author": {"id": 1, "name": "Ada"}},
            {"id": 3, "author": None},
            {"id": 5, "author": {"id": 2, "name": "Bob"}},
        ]
    ),
    "getItems filter": ids(3, 5),
    "getItems filter by a relation": ids(1, 2),
    "getItems filter by a list": ids(1, 5),
    "getItems filter by either": ids(1, 2),
    "getItems sort": ids(5, 3, 2, 1),
    "getItems sort by two": ids(3, 5, 2, 1),
    "getItems limit": ids(1, 2),
    "getItems offset": ids(2, 3),
    "getItems page": ids(3, 5),
    "getItems meta": {
        "data": [{"id": 1}],
        "meta": Has(
            **{"collection": "articles", "type": "collection", "page": 1, "page_count": 4},
            **{"result_count": 1, "total_count": 4, "filter_count": 4, "limit": 1, "offset": 0},
            status_count={"published": 3, "draft": 1, "deleted": 1},
            links=Has(next=Some(str), previous=None),
        ),
    },
    "getItems meta by name": {**ids(1, 2), "meta": {"total_count": 4, "filter_count": 2}},
    "getItems q": ids(2),
    "getItems status": ids(3),
    "getItems status, several": ids(3, 4),
    "getItems status, any": ids(1, 2, 3, 4, 5),
    "getItems single": data({"id": 5}),
    "getItem lang": data({"texts": [{"title": "Vijf"}]}),
    "getItem lang, several": data({"texts": [{"title": "Five"}, {"title": "Vijf"}]}),
    "getItem": data({"title": "Five", "author": {"name": "Bob"}}),
    "getItem several": listed("One", "Two", under="title"),
    "getItem of none": Failed((203, "There is no item '99' in 'articles'")),
    "getItems of an unknown field": Failed((202, "There is no field 'nope' in 'articles'")),
    "updateItem": data({"title": "First", "author": {"name": "Ada L."}}),
    "updateItems": data([{"id": 1, "views": 11}, {"id": 2, "views": 21}]),
    "updateItem nested": data(
        {"texts": [{"lang": "en", "title": "Number five"}, {"lang": "fr", "title": "Cinq"}]}
    ),
    "deleteItem": "",
    "deleteItems": "",
    "getItems what is left": ids(1, 5),
}
HISTORY = {
    "getItemRevisions": data(
        [
            Has(item="1", data=ONE),
            Has(item="1", data={**ONE, "title": "First"}, delta=Has(title="First")),
            Has(item="1", data={**ONE, "title": "First", "views": 11}, delta={"views": 11}),
        ]
    ),
    "revert": data(ONE),
    "getItem reverted": data({"title": "One", "views": 10}),
    "getActivity": data([{"action": action, "item": "1"} for action in LAST_FOUR]),
    "comment": data(**COMMENT, comment="Well done", edited_on=None),
    "comment edited": data(**COMMENT, comment="Better", edited_on=Some(str)),
    "comments": data([{"item": "1", "action_by": 1, "comment": "Better"}]),
    "comment withdrawn": "",
}
PEOPLE = {
    "getMe": data({"id": 1, "email": EMAIL, "role": {"id": 1, "name": "Administrator"}}),
    "createRole": data(id=3, name="Writers", description=None),
    "updateRole": data(id=3, name="Writers", description="Who write"),
    "getRole": data(id=3, description="Who write"),
    "getRoles": listed("Administrator", "Public", "Writers", under="name"),
    "createUser": data(id=2, email=WREN, status="active", role=3),
    "updateUser": data(id=2, title="Writer"),
    "getUser": data({"email": WREN, "title": "Writer", "role": {"name": "Writers"}}),
    "getUsers": listed(EMAIL, WREN, under="email"),
    "createPermissions": data(
        [
            Has(role=3, collection="articles", status="published", read="full", update="none"),
            Has(role=3, collection="articles", status="draft", read="mine", delete="none"),
            Has(role=3, collection="articles", status="$create", create="full"),
            Has(role=3, collection="authors", status=None, read="full"),
        ]
    ),
    "updatePermissions": data(
        [
            Has(status="draft", read="mine", delete="mine"),
            Has(collection="authors", read="full", read_field_blacklist=["articles"]),
        ]
    ),
    "getPermissions": data(Has([Has(role=3, collection="articles", status="draft")])),
    "getMyPermissions": data([]),
}
PRESETS = {
    "createCollectionPreset": data(title="Mine", user=1, view_type="tabular"),
    "createCollectionPreset without a title": data(title=None, view_type="cards"),
    "updateCollectionPreset": data(title="Ours", user=1),
    "getCollectionPresets": [PRESET],
    "getMyBookmarks": [PRESET],
    "getMyListingPreferences": Has(
        title=None, view_type="cards", view_options={"cards": {"title": "title"}}
    ),
    "deleteCollectionPreset": "",
}
ABOUT = {
    "getSettings": data(Has([Has(key="project_color", value="#263238")])),
    "getSettingsFields": data(Has([Has(collection="directus_settings", field="project_name")])),
    "projectInfo": data(api=Has(project_name="main")),
    "ping": "pong",
    "getThirdPartyAuthProviders": {"data": [], "public": True},
}
BY_COOKIE = {
    "cookie: getMe before": Failed((3, NOBODY)),
    "cookie: login": Has(data=Has(token=None, user=Has(email=EMAIL))),
    "cookie: has no token": None,
    "cookie: isLoggedIn": True,
    "cookie: getMe": data({"email": EMAIL}),
    "cookie: createItem": data({"id": 3, "name": "Cem"}),
    "cookie: getItems": data([{"name": "Cem"}]),
    "cookie: logout": LOGGED_OUT,
    "cookie: getMe after": Failed((3, NOBODY)),
}
AS_WRITER = {
    "writer: login": Has(data=Has(token=Some(str), user=Has(email=WREN, role=3))),
    "writer: getMe": data({"email": WREN, "role": {"name": "Writers"}}),
    "writer: getMyPermissions": data(
        Has(
            [
                Has(collection="authors", read="full", read_field_blacklist=["articles"]),
                Has(collection="articles", status="draft", create="full", update="mine"),
            ]
        )
    ),
    "writer: getItems": listed("One", "Five", under="title"),
    "writer: getItems with a hidden field": listed("Ada L.", "Bob", "Cem", under="name"),
    "writer: getItems elsewhere": Failed((300, "You may not read 'texts'")),
    "writer: createItem": data(id=Some(int), status="draft", title="Own", owner=2),
    "writer: updateItem": data({"title": "My own", "owner": 2}),
    "writer: updateItem of others": Failed((302, "You may not update this item of 'articles'")),
    "writer: createItem elsewhere": Failed((301, "You may not create items in 'authors'")),
    "writer: createPermissions": Failed(
        (301, "You may not create items in 'directus_permissions'")
    ),
    "writer: getMyListingPreferences": {},
    "writer: deleteItem": "",
    "writer: logout": LOGGED_OUT,
}
EXPECTED: dict[str, Any] = {
    **SIGNING_IN, **SCHEMA, **ITEMS, **HISTORY, **PEOPLE, **PRESETS, **ABOUT, **BY_COOKIE,
    **AS_WRITER,
}  # fmt: skip


async def test_a_whole_session(packages: None, database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path / "data")
    with served(tmp_path / "data") as (server, _):
        steps = session(server.url, KEY, EMAIL, PASSWORD)
    wrong = {
        name: (steps.get(name, "was not taken"), wanted)
        for name, wanted in EXPECTED.items()
        if name not in steps or not _as_wanted(steps[name], wanted)
    }
    assert wrong == {}
    assert steps.keys() == EXPECTED.keys()


def _as_wanted(found: Any, wanted: Any) -> bool:
    # True is 1 and a failure is a tuple: not to be taken for one another.
    return bool(wanted == found) and isinstance(found, Failed) == isinstance(wanted, Failed)


@pytest.mark.parametrize("ci", ["", "true"])
def test_no_client_is_a_skip_here_and_a_failure_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CI", ci)
    outcome = pytest.fail.Exception if ci else pytest.skip.Exception
    with pytest.raises(outcome, match=SkipReason.NODE_NOT_FOUND):
        fetch()
