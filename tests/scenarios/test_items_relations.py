"""Related items in answers: expanded, narrowed, cyclic, composite. Source: items page §3.1, §5."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from tests.scenarios.cases import Case, answers, refuses
from tests.scenarios.shop import Live
from tests.scenarios.tables import CAPITALS, FOREIGN_COLUMN, KEYLESS, ODD, ODD_COLUMN, VIEW

A = "/items/articles"
EXPANDED = [
    answers("a single item", f"{A}/1?fields=author.name", {"author": {"name": "Ann"}}),
    answers("… both plainly and with a path", f"{A}/1?fields=author,author.name",
            {"author": {"name": "Ann"}}),
    answers("… not expanded", f"{A}/1?fields=author", {"author": 1}),
    answers("… all of it", f"{A}/1?fields=category.*",
            {"category": {"id": 2, "name": "leaf", "sort": 1, "parent": 1}}),
    answers("… three deep", f"{A}/2?fields=category.parent.parent.name",
            {"category": {"parent": {"parent": {"name": "root"}}}}),
    answers("… less a field", f"{A}/1?fields=category.*,-category.sort,-category.parent",
            {"category": {"id": 2, "name": "leaf"}}),
    answers("… that is not there", f"{A}/4?fields=id,author.name", {"id": 4, "author": None}),
    answers("… that is not there in the middle", f"{A}/1?fields=category.parent.parent.name",
            {"category": {"parent": {"parent": None}}}),
    answers("a list", f"{A}/1?fields=comments.body",
            {"comments": [{"body": "first"}, {"body": "second"}]}),
    answers("… by its bare name", f"{A}/1?fields=comments", {"comments": [1, 2]}),
    answers("… that is empty", f"{A}/3?fields=comments.body,tags", {"comments": [], "tags": []}),
    answers("… below a list", "/items/authors/1?fields=articles.comments.body",
            {"articles": [{"comments": [{"body": "first"}, {"body": "second"}]},
                          {"comments": [{"body": "third"}]}]}),
    answers("… below an item that is not there", f"{A}/4?fields=author.articles.id",
            {"author": None}),
    answers("… through a junction", f"{A}/1?fields=tags.id,tags.tag.name",
            {"tags": [{"id": 1, "tag": {"name": "news"}}, {"id": 2, "tag": {"name": "sport"}}]}),
    answers("… the junction from its other end", "/items/tags/1?fields=articles.article.title",
            {"articles": [{"article": {"title": "Élan vital"}},
                          {"article": {"title": "100% wool"}}]}),
    answers("… a junction row that leads nowhere", f"{A}/7?fields=tags.tag.name",
            {"tags": [{"tag": None}]}),
    answers("… in the default order of the other side", "/items/categories/1?fields=children.id",
            {"children": [{"id": 2}]}),
    answers("the one that created it", f"{A}/1?fields=owner.id,owner.email",
            {"owner": {"id": 1, "email": "admin@example.com"}}),
    answers("… without a password", f"{A}/1?fields=owner.id,owner.password", {"owner": {"id": 1}}),
    answers("… its role", f"{A}/1?fields=owner.role.name",
            {"owner": {"role": {"name": "Administrator"}}}),
    answers("a cycle stops at the depth written", "/items/authors/2?fields=boss.boss.boss.name",
            {"boss": {"boss": None}}),
    answers("a cycle of lists", "/items/authors/1?fields=team.team.boss.boss.name",
            {"team": [{"team": [{"boss": {"boss": {"name": "Ann"}}}]}]}),
    answers("there and back", f"{A}/1?fields=author.articles.author.name",
            {"author": {"articles": [{"author": {"name": "Ann"}}, {"author": {"name": "Ann"}}]}}),
    answers("lists are left out of an asterisk", "/items/tags/1?fields=*",
            {"id": 1, "name": "news"}),
    answers("two asterisks expand one level", "/items/categories/2?fields=*.*,-articles",
            {"id": 2, "name": "leaf", "sort": 1,
             "parent": {"id": 1, "name": "root", "sort": 3, "parent": None},
             "children": [{"id": 3, "name": "twig", "sort": 2, "parent": 2}]}),
    answers("deleted items are no part of lists", f"{A}/1?fields=comments.id",
            {"comments": [{"id": 1}, {"id": 2}]}),
    answers("several levels in a list",
            f"{A}?fields=id,author.boss.name,comments.author.name&limit=2",
            [{"id": 1, "author": {"boss": None},
              "comments": [{"author": {"name": "Ann"}}, {"author": {"name": "Bob"}}]},
             {"id": 2, "author": {"boss": None}, "comments": [{"author": {"name": "Bob"}}]}]),
]  # fmt: skip
LANGUAGES = [
    answers("every language", f"{A}/1?fields=translations.lang",
            {"translations": [{"lang": "en"}, {"lang": "nl"}]}),
    answers("one", f"{A}/1?fields=translations.title&lang=nl",
            {"translations": [{"title": "Vitaal"}]}),
    answers("several", f"{A}/1?fields=translations.lang&lang=nl,en",
            {"translations": [{"lang": "en"}, {"lang": "nl"}]}),
    answers("all", f"{A}/1?fields=translations.lang&lang=*",
            {"translations": [{"lang": "en"}, {"lang": "nl"}]}),
    answers("none of them", f"{A}/1?fields=translations.lang&lang=fr", {"translations": []}),
    answers("other lists have no language", f"{A}/1?fields=comments&lang=fr",
            {"comments": [1, 2]}),
    answers("below another relation", "/items/authors/1?fields=articles.translations.title&lang=nl",
            {"articles": [{"translations": [{"title": "Vitaal"}]}, {"translations": []}]}),
    answers("translations without a language", "/items/leaflets/1?fields=texts.title",
            {"texts": [{"title": "Blatt"}]}),
    refuses("… when one is asked for", "/items/leaflets/1?fields=texts.title&lang=de", 202, 404),
]  # fmt: skip
D = f"{A}/1?fields=comments.id&"
DEEP = [
    answers("a limit", f"{D}deep[comments][limit]=1", {"comments": [{"id": 1}]}),
    answers("a limit of none", f"{D}deep[comments][limit]=0", {"comments": []}),
    answers("no limit", f"{D}deep[comments][limit]=-1", {"comments": [{"id": 1}, {"id": 2}]}),
    answers("an order", f"{D}deep[comments][sort]=-id", {"comments": [{"id": 2}, {"id": 1}]}),
    answers("an offset", f"{D}deep[comments][offset]=1", {"comments": [{"id": 2}]}),
    answers("an order and a page", f"{D}deep[comments][sort]=-body&deep[comments][limit]=1"
            "&deep[comments][offset]=1", {"comments": [{"id": 1}]}),
    answers("a filter", f"{D}deep[comments][filter][body]=second", {"comments": [{"id": 2}]}),
    answers("a filter over a relation", f"{D}deep[comments][filter][author.name]=Ann",
            {"comments": [{"id": 1}]}),
    answers("a filter never shows the deleted", f"{D}deep[comments][filter][id]=3",
            {"comments": []}),
    answers("a list by its bare name", f"{A}/1?fields=comments&deep[comments][sort]=-id",
            {"comments": [2, 1]}),
    answers("for each parent", f"{A}?fields=id,comments.id&filter[id][in]=1,2"
            "&deep[comments][limit]=1&deep[comments][sort]=-id",
            [{"id": 1, "comments": [{"id": 2}]}, {"id": 2, "comments": [{"id": 4}]}]),
    answers("a level below another", "/items/authors/1?fields=articles.comments.id"
            "&deep[articles.comments][limit]=1&deep[articles][sort]=-id",
            {"articles": [{"comments": [{"id": 4}]}, {"comments": [{"id": 1}]}]}),
    answers("below a single item", f"{A}/2?fields=author.articles.id"
            "&deep[author.articles][filter][views]=20",
            {"author": {"articles": [{"id": 2}]}}),
    answers("of what is not expanded", f"{A}/1?fields=id&deep[comments][limit]=1", {"id": 1}),
    refuses("a single item cannot be narrowed", f"{A}?deep[author][limit]=1", 12, 422),
    refuses("a plain field", f"{A}?deep[title][limit]=1", 12, 422),
    refuses("an unknown field", f"{A}?deep[nope][limit]=1", 202, 422),
    refuses("an unknown path", f"{A}?deep[comments.nope][limit]=1", 202, 404),
    refuses("an unknown option", f"{A}?deep[comments][group]=1", 4, 422),
    refuses("an unknown field in a filter", f"{A}?deep[comments][filter][nope]=1", 202, 422),
    refuses("an unknown field in an order", f"{A}?deep[comments][sort]=nope", 202, 422),
    refuses("an unknown operator", f"{A}?deep[comments][filter][id][nope]=1", 214, 422),
    refuses("a limit that is none", f"{A}?deep[comments][limit]=x", 4, 422),
    refuses("nothing to narrow by", f"{A}?deep=x", 4, 422),
]  # fmt: skip


@pytest.mark.parametrize("case", EXPANDED, ids=str)
async def test_expanded(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", LANGUAGES, ids=str)
async def test_languages(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", DEEP, ids=str)
async def test_deep(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


async def test_asterisks_follow_every_relation_as_deep_as_written(newsroom: Live) -> None:
    two = await newsroom.data(f"{A}/1?fields=*.*")
    assert two["author"]["name"] == "Ann"
    assert "articles" not in two["author"]
    assert [each["body"] for each in two["comments"]] == ["first", "second"]
    assert two["tags"][0] == {"id": 1, "article": 1, "tag": 1}
    three = await newsroom.data(f"{A}/1?fields=*.*.*")
    assert [each["author"] for each in three["author"]["articles"]] == [1, 1]
    assert three["tags"][0]["tag"] == {"id": 1, "name": "news"}
    assert three["owner"]["role"]["id"] == 1
    four = await newsroom.data(f"{A}/1?fields=*.*.*.*")
    assert [each["author"]["name"] for each in four["author"]["articles"]] == ["Ann", "Ann"]
    assert four["author"]["articles"][0]["comments"][1]["body"] == "second"


def segment(text: str) -> str:
    """A text as one segment of a path, or as a name or value of a query."""
    return quote(text, safe="")


ODD_ITEMS = f"/items/{segment(ODD)}"
ODD_FIELD = segment(ODD_COLUMN)
ODD_FILTER = segment(json.dumps({ODD_COLUMN: {"_contains": "'S"}}))
CAPITAL_ITEMS = f"/items/{segment(CAPITALS)}"
KEYLESS_ITEMS = f"/items/{segment(KEYLESS)}"
VIEW_ITEMS = f"/items/{segment(VIEW)}"
EXISTING = [
    answers("an odd collection and an odd field", f"{ODD_ITEMS}/1?fields={ODD_FIELD}",
            {ODD_COLUMN: "it's"}),
    answers("an odd field in a filter", f"{ODD_ITEMS}?fields=Id&filter={ODD_FILTER}",
            [{"Id": 1}]),
    answers("… in an order and a group", f"{ODD_ITEMS}?groups={ODD_FIELD}&sort=-{ODD_FIELD}"
            "&filter[Id][lt]=3&aggregate[sum]=select",
            [{ODD_COLUMN: "it's", "sum": {"select": 1}},
             {ODD_COLUMN: '"; --', "sum": {"select": 2}}]),
    answers("words of SQL", f"{ODD_ITEMS}?fields=select&sort=-select&filter[select][gt]=1",
            [{"select": 3}, {"select": 2}]),
    answers("a dot in a name", f"{ODD_ITEMS}?fields=dotted.name&sort=-dotted.name",
            [{"dotted.name": "z"}, {"dotted.name": "x.y"}, {"dotted.name": None}]),
    answers("… in a filter", f"{ODD_ITEMS}?fields=Id&filter[dotted.name]=x.y", [{"Id": 1}]),
    answers("a minus before a name", f"{ODD_ITEMS}?fields=-minus&sort=-minus",
            [{"-minus": 1}, {"-minus": 2}, {"-minus": 3}]),
    answers("a minus before that", f"{ODD_ITEMS}?fields=-minus&sort=--minus&limit=1",
            [{"-minus": 3}]),
    answers("letters of every script", f"{ODD_ITEMS}/2?fields={segment(FOREIGN_COLUMN)}",
            {FOREIGN_COLUMN: "ü"}),
    answers("… in a filter and an order", f"{ODD_ITEMS}?fields=Id&sort={segment(FOREIGN_COLUMN)}"
            f"&filter[{segment(FOREIGN_COLUMN)}][contains]=Ü", [{"Id": 2}]),
    answers("… searched", f"{ODD_ITEMS}?fields=Id&q=%C3%9C", [{"Id": 2}]),
    answers("… grouped", f"{ODD_ITEMS}?groups={segment(FOREIGN_COLUMN)}",
            [{FOREIGN_COLUMN: "ü", "count": 1}, {FOREIGN_COLUMN: None, "count": 2}]),
    answers("a key of text in an address", f"{CAPITAL_ITEMS}/{segment('a/b?c#d')}?fields=VALUE",
            {"VALUE": 1}),
    answers("… of another script", f"{CAPITAL_ITEMS}/{segment('ключ')}?fields=VALUE",
            {"VALUE": 2}),
    answers("… with a per cent sign", f"{CAPITAL_ITEMS}/50%25?fields=VALUE", {"VALUE": 3}),
    answers("… several", f"{CAPITAL_ITEMS}/50%25,{segment('ключ')}?fields=VALUE",
            [{"VALUE": 3}, {"VALUE": 2}]),
    refuses("… that does not exist", f"{CAPITAL_ITEMS}/nope", 203, 404),
    answers("capitals in the name of a field", f"{CAPITAL_ITEMS}?fields=VALUE&filter[VALUE]=2",
            [{"VALUE": 2}]),
    answers("a foreign key is a relation", f"{CAPITAL_ITEMS}/50%25?fields=Odd.Id", {"Odd": None}),
    answers("… both ways", f"{ODD_ITEMS}/1?fields={segment(CAPITALS)}.VALUE",
            {CAPITALS: [{"VALUE": 1}, {"VALUE": 2}]}),
    answers("a table without a key is listed", f"{KEYLESS_ITEMS}?sort=at&filter[line]=b",
            [{"at": 2, "line": "b"}]),
    answers("… all of it", f"{KEYLESS_ITEMS}?sort=-at&fields=at",
            [{"at": 2}, {"at": 1}, {"at": 1}]),
    answers("… and grouped", f"{KEYLESS_ITEMS}?groups=line",
            [{"line": "a", "count": 2}, {"line": "b", "count": 1}]),
    refuses("… and has no ids", f"{KEYLESS_ITEMS}/1", 12, 422),
    answers("a view is listed", f"{VIEW_ITEMS}?sort=-select&fields=select",
            [{"select": 3}, {"select": 2}]),
    answers("… and filtered", f"{VIEW_ITEMS}?filter[select]=3&fields=Id", [{"Id": 3}]),
    answers("a composite key is its parts", "/items/pairs/a%2C1",
            {"left": "a", "right": 1, "note": "plain"}),
    answers("… and may have a slash", "/items/pairs/a%2F%C3%BC%2C2?fields=note", {"note": "slash"}),
    answers("… several of them", "/items/pairs/a%2C1,a%2F%C3%BC%2C2?fields=note",
            [{"note": "plain"}, {"note": "slash"}]),
    answers("… several, one of which is not there", "/items/pairs/a%2C1,x%2C1?fields=note",
            [{"note": "plain"}]),
    refuses("… that is not there", "/items/pairs/a%2C2", 203, 404),
    refuses("… too short", "/items/pairs/a", 203, 404),
    refuses("… too long", "/items/pairs/a%2C1%2C1", 203, 404),
    refuses("… of the wrong kind", "/items/pairs/a%2Cx", 203, 404),
    answers("… sorted by its parts", "/items/pairs?fields=left,right&filter[left]=a",
            [{"left": "a", "right": 1}]),
    answers("… counted", "/items/pairs?aggregate[count]=*", [{"count": 3}]),
]  # fmt: skip


@pytest.mark.parametrize("case", EXISTING, ids=str)
async def test_tables_of_before(case: Case, archive: Live) -> None:
    await case.check(archive)


async def test_a_junction_with_a_composite_key_from_both_ends(archive: Live) -> None:
    names = {each["collection"] for each in await archive.data("/collections?fields=collection")}
    snake = "playlist_track" in names

    def name(text: str) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower() if snake else text

    junction, track, album = name("PlaylistTrack"), name("TrackId"), name("AlbumId")
    playlist = await archive.data(
        f"/items/{name('Playlist')}/18?fields={name('Name')},{junction}.{track}.{album}.*"
    )
    assert playlist == {
        name("Name"): "On-The-Go 1",
        junction: [
            {track: {album: {album: 48, name("Title"): "The Essential Miles Davis [Disc 1]",
                             name("ArtistId"): 68}}}
        ],
    }  # fmt: skip
    song = await archive.data(
        f"/items/{name('Track')}/597?fields={junction}.{name('PlaylistId')}.{name('Name')}"
    )
    assert {"On-The-Go 1"} <= {each[name("PlaylistId")][name("Name")] for each in song[junction]}
    row = await archive.data(f"/items/{junction}/18%2C597?fields={track}.{name('Name')}")
    assert row == {track: {name("Name"): "Now's The Time"}}
    found = await archive.data(
        f"/items/{name('Playlist')}?fields={name('PlaylistId')}"
        f"&filter[{junction}.{track}.{album}.{name('ArtistId')}.{name('Name')}]=Miles%20Davis"
        f"&filter[{junction}][nhas]=10"
    )
    assert found == [{name("PlaylistId"): 18}]
