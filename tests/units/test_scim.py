"""The pure parts of provisioning: terms, projections, cursors, bodies; and what they import."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from conductus.query.item_query import (
    ALL,
    NONE,
    Compare,
    Group,
    Not,
    Operator,
    Some,
    SortKey,
    compares,
)
from conductus.scim import bodies, cursors
from conductus.scim.asking import asked
from conductus.scim.projection import Projection, projection
from conductus.scim.refusals import Refused
from conductus.scim.resources import version
from conductus.scim.terms import Fixed, Flag, Text, key_of, negated

RESOURCE: dict[str, Any] = {
    "schemas": ["urn:x"],
    "id": "1",
    "userName": "ada",
    "name": {"givenName": "Ada", "familyName": "Quill"},
    "emails": [{"value": "a@b.c", "type": "work"}],
    "urn:ext:2.0:User": {"organization": "Acme", "division": "X"},
}


def test_the_server_starts_without_the_heavy_library() -> None:
    program = "import conductus.app, sys; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "conductus" in loaded
    assert loaded & {"scim2_models", "pydantic", "lark"} == set()


@pytest.mark.parametrize(
    ("only", "without", "keys"),
    [
        ("", "", "schemas id userName name emails urn:ext:2.0:User"),
        ("USERNAME", "", "schemas id userName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "", "schemas id userName"),
        ("name.givenName", "", "schemas id name"),
        ("urn:ext:2.0:User:organization", "", "schemas id urn:ext:2.0:User"),
        ("nothing", "", "schemas id"),
        ("", "userName,id,emails", "schemas id name urn:ext:2.0:User"),
    ],
)
def test_projections(only: str, without: str, keys: str) -> None:
    chosen = projection(filter(None, only.split(",")), filter(None, without.split(",")))
    assert list(chosen.applied(RESOURCE)) == keys.split()


def test_parts_of_projections() -> None:
    def shown(**names: list[str]) -> dict[str, Any]:
        return projection(names.get("only", ()), names.get("less", ())).applied(RESOURCE)

    assert shown(only=["name.familyname"])["name"] == {"familyName": "Quill"}
    assert shown(only=["emails.value"])["emails"] == [{"value": "a@b.c"}]
    assert shown(less=["emails.type"])["emails"] == [{"value": "a@b.c"}]
    extension = shown(only=["urn:ext:2.0:User:organization"])["urn:ext:2.0:User"]
    assert extension == {"organization": "Acme"}
    assert not Projection(frozenset({"name.x"})).wants("members")


def test_what_is_negated() -> None:
    leaf = Compare(("a",), Operator.EQ, 1)
    assert negated(ALL) == NONE
    assert negated(NONE) == ALL
    assert negated(leaf) == Not(leaf)
    assert negated(Not(leaf)) == leaf
    inner = Some("many", Group("any", (leaf, Not(leaf))))
    assert [each.path for each in compares(Not(inner))] == [("many", "a"), ("many", "a")]


def test_terms() -> None:
    text = Text(("email",))
    assert text.compared("sw", "10%_\\") == Compare(("email",), Operator.RLIKE, "10\\%\\_\\\\%")
    assert text.compared("eq", "X") == Compare(("email",), Operator.ALIKE, "X")
    assert Text(("id",), exact=True).compared("eq", "X") == Compare(("id",), Operator.SAME, "X")
    flag = Flag(("status",), "active")
    assert flag.compared("eq", "TRUE") == Compare(("status",), Operator.EQ, "active")
    assert flag.compared("eq", False) == Compare(("status",), Operator.NEQ, "active")
    assert Fixed("work").compared("co", "OR") == ALL
    assert Fixed("work").compared("gt", "x") == NONE
    refused: tuple[Any, ...] = (None, 1.5, [], True)
    for wrong in refused:
        with pytest.raises(Refused):
            text.compared("eq", wrong)
    assert (key_of("12"), key_of("-1"), key_of("1" * 10), key_of("²")) == (
        12,
        None,
        1111111111,
        None,
    )
    assert key_of("9" * 10) is None


def test_cursors_say_where_a_page_ends() -> None:
    mark = cursors.mark_of("User", asked({"filter": "a pr"}))
    cursor = cursors.at({"id": 7, "title": None}, (SortKey("title"),), mark)
    assert cursors.read(cursors.written(cursor), mark) == cursor
    later = Compare(("id",), Operator.GT, 7)
    null, value = (Compare(("title",), each) for each in (Operator.NULL, Operator.NNULL))
    assert cursors.after(cursor, (), nulls_last=True) == later
    assert cursors.after(cursor, (SortKey("title"),), nulls_last=True) == Group(
        "all", (null, later)
    )
    assert cursors.after(cursor, (SortKey("title"),), nulls_last=False) == Group(
        "any", (Group("all", (null, later)), value)
    )
    for wrong in ("", "e30", "x" * 5000, cursors.written(cursor)[:-3]):
        with pytest.raises(Refused):
            cursors.read(wrong, mark)
    with pytest.raises(Refused):
        cursors.read(cursors.written(cursor), "another")


def test_bodies() -> None:
    body = {
        "USERNAME": "ada@example.org",
        "emails": {"value": "x@example.org"},
        "name": {"GivenName": "Ada", "middleName": "x"},
        "active": "False",
        "externalId": 12,
        "preferredLanguage": "de-DE",
        "role": 1,
    }
    assert bodies.user_changes(body, merge=True) == {
        "user_name": "ada@example.org",
        "email": "x@example.org",
        "first_name": "Ada",
        "active": False,
        "external_id": "12",
        "locale": "de-DE",
    }
    assert bodies.user_changes({"name": None}, merge=True) == {
        "first_name": None,
        "last_name": None,
    }
    assert bodies.member_values([{"value": "a"}, "b", {"VALUE": "a"}]) == ["a", "b"]


def test_a_version_tells_of_everything_that_is_shown() -> None:
    row: dict[str, Any] = {"external_id": "a", "email": "b", "status": "active", "role": {"id": 3}}
    before = version("User", row)
    changes: tuple[dict[str, Any], ...] = (
        {"external_id": "x"}, {"email": "x"}, {"status": "draft"}, {"role": {"id": 4}},
        {"title": "x"}, {"company": "x"}, {"conductus_scim": [{"user_name": "x"}]},
    )  # fmt: skip
    told = {version("User", {**row, **change}) for change in changes}
    assert len(told | {before}) == len(changes) + 1
    group = {"external_id": "a", "name": "b"}
    assert version("Group", group) is None
    one = version("Group", {**group, "users": [{"id": 1}, {"id": 2}]})
    assert one == version("Group", {**group, "users": [{"id": 2}, {"id": 1}]})
    assert one != version("Group", {**group, "users": [{"id": 1}]})
