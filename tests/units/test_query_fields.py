"""`fields` becomes a selection with every wildcard worked out, in schema order."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.query.item_query import Selection
from tests.units.worlds import ARTICLE_COLUMNS, ask, refusal

Tree = dict[str, Any]
COMMENT = ("id", "text", "article", "writer", "parent")
AUTHOR = ("id", "name", "email")
USER = ("id", "email", "password", "role")


def tree(selection: Selection) -> Tree:
    """`{"id": None, "author": {"name": None}}`."""
    return {
        **dict.fromkeys(selection.fields),
        **{name: tree(below) for name, below in selection.expanded},
    }


def names(*fields: str) -> Tree:
    return dict.fromkeys(fields)


COLUMNS = names(*ARTICLE_COLUMNS)
EVERYTHING_ONCE = {
    **COLUMNS,
    "author": names(*AUTHOR),
    "owner": names(*USER),
    "modified_by": names(*USER),
    "comments": names(*COMMENT),
    "tag_links": names("id", "article", "tag"),
    "texts": names("id", "article", "language", "headline"),
}

ASKED: list[tuple[str, Tree]] = [
    # Every field that has a column: to-many fields come only when expanded or named.
    ("", COLUMNS),
    ("fields=", COLUMNS),
    ("fields=,", COLUMNS),
    ("fields=*", COLUMNS),
    ("fields=id,title", names("id", "title")),
    ("fields= title , id ", names("id", "title")),
    ("fields=id,id", names("id")),
    # Arrays equal the CSV.
    ("fields[0]=id&fields[1]=author.*", {"id": None, "author": names(*AUTHOR)}),
    ("fields[]=id&fields[]=author.*", {"id": None, "author": names(*AUTHOR)}),
    ("fields[]=id,title&fields[]=body", names("id", "title", "body")),
    # The primary key is not added.
    ("fields=author.name", {"author": names("name")}),
    ("fields=author", names("author")),
    ("fields=author.*", {"author": names(*AUTHOR)}),
    # Named both plainly and with a path: expanded.
    ("fields=author,author.name", {"author": names("name")}),
    ("fields=author.name,author", {"author": names("name")}),
    ("fields=author.name,author.email", {"author": names("name", "email")}),
    ("fields=*,author.name", {**COLUMNS, "author": names("name")}),
    ("fields=comments", names("comments")),
    ("fields=*,comments", {**COLUMNS, "comments": None}),
    ("fields=comments.*", {"comments": names(*COMMENT)}),
    (
        "fields=comments.text.x,id",
        {"id": None, "comments": names("text")},
    ),
    ("fields=comments.writer.*", {"comments": {"writer": names(*AUTHOR)}}),
    (
        "fields=comments.*,comments.writer.name",
        {"comments": {**names(*COMMENT), "writer": names("name")}},
    ),
    ("fields=tag_links.tag.*", {"tag_links": {"tag": names("id", "slug", "label")}}),
    ("fields=owner.role.name", {"owner": {"role": names("name")}}),
    # All fields, relations expanded one level.
    ("fields=*.*", EVERYTHING_ONCE),
    ("fields=*,*.*", EVERYTHING_ONCE),
    ("fields=*.*,author.name", EVERYTHING_ONCE),
    (
        "fields=*.*,comments.writer.name",
        {**EVERYTHING_ONCE, "comments": {**names(*COMMENT), "writer": names("name")}},
    ),
    # A wildcard before a name: the relations that have it are followed for it.
    ("fields=*.name", {**COLUMNS, "author": names("name")}),
    # A further segment after a plain field is ignored.
    ("fields=title.foo", names("title")),
    ("fields=title.*", names("title")),
    # A field that shows nothing by itself never appears.
    ("fields=divider", {}),
    ("fields=id,divider,meta_group,lost", names("id")),
    ("fields=lost.*", {}),
    # Taking away.
    ("fields=-", {}),
    ("fields=*,-", COLUMNS),
    ("fields=-body", {}),
    ("fields=id,title,-title", names("id")),
    ("fields=-title,id,title", names("id")),
    ("fields=*,-body", {name: None for name in ARTICLE_COLUMNS if name != "body"}),
    ("fields=*,-title.foo", {name: None for name in ARTICLE_COLUMNS if name != "title"}),
    ("fields=*.*,-comments", {k: v for k, v in EVERYTHING_ONCE.items() if k != "comments"}),
    ("fields=author.*,-author", {}),
    ("fields=author.*,-author.email", {"author": names("id", "name")}),
    ("fields=author,-author.email", names("author")),
    (
        "fields=id,comments.*,-*.text,-comments.id",
        {"id": None, "comments": names("article", "writer", "parent")},
    ),
    ("fields=*,-*", {}),
]


@pytest.mark.parametrize(("text", "wanted"), ASKED)
def test_fields(text: str, wanted: Tree) -> None:
    assert tree(ask(text).selection) == wanted


def test_schema_order_not_the_order_asked() -> None:
    selection = ask("fields=comments.text,title,author.name,id").selection
    assert selection.fields == ("id", "title")
    assert [name for name, _ in selection.expanded] == ["author", "comments"]


def test_a_name_stands_in_one_of_the_two() -> None:
    selection = ask("fields=*.*").selection
    assert not set(selection.fields) & {name for name, _ in selection.expanded}


def test_a_wildcard_on_a_cycle_stops_at_the_depth_written() -> None:
    found = tree(ask("fields=articles.author.articles.*", "authors").selection)
    assert found == {"articles": {"author": {"articles": COLUMNS}}}
    twice = tree(ask("fields=*.*.*", "authors").selection)
    assert twice["articles"]["author"] == names(*AUTHOR)
    assert twice["articles"]["comments"] == names(*COMMENT)


def test_columns_with_odd_names_can_be_named() -> None:
    selection = ask("fields=a.b,-odd", "notes").selection
    assert selection.fields == ("a.b", "-odd")


REFUSED: list[tuple[str, tuple[int, int]]] = [
    ("fields=nope", (202, 422)),
    ("fields=id,nope", (202, 422)),
    ("fields=author.nope", (202, 422)),
    ("fields=comments.nope", (202, 422)),
    ("fields=comments.writer.nope", (202, 422)),
    ("fields=*,-nope", (202, 422)),
    ("fields=author.", (202, 422)),
    ("fields=.", (202, 422)),
    ("fields=**", (202, 422)),
    ("fields=Title", (202, 422)),
    ("fields=title%22;--", (202, 422)),
    ("fields[a]=id", (4, 422)),
    ("fields[0][1]=id", (4, 422)),
]


@pytest.mark.parametrize(("text", "error"), REFUSED)
def test_refused(text: str, error: tuple[int, int]) -> None:
    assert refusal(text) == error


def test_depth_is_capped() -> None:
    nine = ".".join(["author", "articles"] * 4 + ["author"])
    assert ask(f"fields={nine}.name").selection.expanded
    assert refusal(f"fields={nine}.articles.id") == (12, 422)
    assert refusal("fields=*.*.*", max_depth=2) == (12, 422)
    assert refusal("fields=-a.b.c", max_depth=2) == (12, 422)


def test_entries_are_capped() -> None:
    assert ask("fields=id,title", max_fields=2)
    assert refusal("fields=id,title,body", max_fields=2) == (12, 422)


def test_relations_followed_are_capped_whatever_the_wildcards_make_of_them() -> None:
    assert len(ask("fields=*.*", max_expansions=6).selection.expanded) == 6
    assert refusal("fields=*.*", max_expansions=5) == (12, 422)
    assert refusal("fields=*.*.*.*.*.*.*.*.*.*") == (12, 422)


def test_wildcards_mixed_with_names_are_capped_as_they_are_worked_out() -> None:
    # Each relation at each level is met by another set of paths: nothing is met twice.
    paths = ",".join(
        ".".join("writer" if place == named else "*" for place in range(10)) for named in range(10)
    )
    assert refusal(f"fields={paths}", "comments") == (12, 422)
    assert refusal("fields=" + ",".join(f"*{'.*' * depth}.id" for depth in range(9))) == (12, 422)
