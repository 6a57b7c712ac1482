"""What permission rows decide, in words."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.errors import ThingNotFound
from conductus.permissions.explaining import Asked, asked, asker, explained
from conductus.permissions.policy import ADMINISTRATOR, NOTHING, Policy
from conductus.schema.model import Status, assemble
from tests.units.worlds import collection

SCHEMA = assemble(
    [
        collection("articles", {"id": "integer"}),
        collection(
            "news",
            {"id": "integer"},
            statuses=(Status("draft"), Status("published"), Status("gone")),
        ),
    ],
    [],
)
EMPTY = dict.fromkeys(
    (
        *("status", "create", "read", "update", "delete", "comment", "explain"),
        *("read_field_blacklist", "write_field_blacklist", "status_blacklist"),
    )
)


def policy(*rows: dict[str, Any]) -> Policy:
    return Policy.of(3, [{**EMPTY, "id": id, **row} for id, row in enumerate(rows, 1)])


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/items/articles", Asked("read", "articles")),
        ("get", "items/articles/4/revisions", Asked("read", "articles")),
        ("POST", "/items/articles", Asked("create", "articles")),
        ("PATCH", "/users/me", Asked("update", "directus_users")),
        ("DELETE", "/roles/3", Asked("delete", "directus_roles")),
    ],
)
def test_what_a_request_does(method: str, path: str, found: Asked) -> None:
    assert asked(method, path) == found


@pytest.mark.parametrize(("method", "path"), [("BREW", "/items/a"), ("GET", "/"), ("GET", "items")])
def test_what_no_row_decides(method: str, path: str) -> None:
    with pytest.raises(ThingNotFound):
        asked(method, path)


READ = Asked("read", "articles")
LEVELS = {
    "none": "no items",
    "mine": "items that the user owns",
    "role": "items that users of the same role own",
    "full": "all items",
}


def test_who_has_no_rows() -> None:
    assert explained(ADMINISTRATOR, READ, SCHEMA) == ["Role 1 may everything: no row is looked at."]
    assert explained(NOTHING, READ, SCHEMA) == ["The user has no role, and so may nothing."]
    assert explained(policy(), READ, SCHEMA) == [
        "Role 3 has no row for articles, and so no access."
    ]
    assert explained(policy(), Asked("read", "x"), SCHEMA) == ["There is no collection x."]


def test_a_section_without_rows() -> None:
    with pytest.raises(ThingNotFound):
        explained(policy(), asked("GET", "/auth/check"), SCHEMA)


ROLE = {"id": 3, "enforce_2fa": False, "ip_whitelist": []}
USER = {"id": 7, "status": "active", "2fa_secret": None, "role": ROLE}


@pytest.mark.parametrize(
    ("user", "role", "because"),
    [
        (USER, 3, []),
        ({**USER, "role": None}, None, []),
        (
            {**USER, "status": "suspended"},
            2,
            ["The user is suspended, and so asks as the public."],
        ),
        (
            {**USER, "role": {**ROLE, "enforce_2fa": True}},
            2,
            ["Role 3 asks for a second factor, and the user has none, and so asks as the public."],
        ),
        ({**USER, "role": {**ROLE, "enforce_2fa": True}, "2fa_secret": "***"}, 3, []),
        (
            {**USER, "role": {**ROLE, "ip_whitelist": ["10.0.0.0/8", "::1"]}},
            3,
            ["Role 3 is refused from everywhere but 10.0.0.0/8, ::1."],
        ),
    ],
)
def test_who_asks(user: dict[str, Any], role: int | None, because: list[str]) -> None:
    found = asker(user)
    assert (found.actor.role, list(found.because)) == (role, because)
    assert found.actor.public is (role == 2)


@pytest.mark.parametrize("level", LEVELS)
def test_a_row_of_the_whole_collection(level: str) -> None:
    told = explained(policy({"collection": "articles", "read": level}), READ, SCHEMA)
    first = f"Row 1, for the whole collection, has read: {level}, which means {LEVELS[level]}."
    ownerless = ["The collection has no owner field, so that is nothing."]
    assert told == [first, *(ownerless if level in ("mine", "role") else [])]


def test_fields_and_comments() -> None:
    row = {"collection": "articles", "create": "full", "explain": "create"}
    row |= {"write_field_blacklist": "slug,cost", "read_field_blacklist": "secret"}
    assert explained(policy(row), Asked("create", "articles"), SCHEMA) == [
        "Row 1, for the whole collection, has create: full, which means new items.",
        "These fields may not be written: cost, slug.",
        "It must come with a comment that explains it.",
    ]
    assert explained(policy({**row, "read": "full"}), READ, SCHEMA)[1:] == [
        "These fields may not be read: secret."
    ]


def test_rows_of_statuses() -> None:
    rows = policy(
        {"collection": "news", "read": "full"},
        {"collection": "news", "status": "published", "read": "full"},
        {"collection": "news", "status": "draft", "read": "none"},
    )
    assert explained(rows, Asked("read", "news"), SCHEMA) == [
        "Rows of statuses decide; one of the whole collection would not count.",
        "Row 2, for the status published, has read: full, which means all items.",
        "Row 3, for the status draft, has read: none, which means no items.",
        "No row, and so no access, in the statuses gone.",
    ]
