"""Whether somebody could see an item that is gone, by what is remembered of it."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.permissions.policy import ADMINISTRATOR
from conductus.permissions.recalled import could_see
from conductus.permissions.scope import Sight
from conductus.query.item_query import Statuses
from tests.units.test_policy import row
from tests.units.test_scope import sight
from tests.units.worlds import blog

ANN = 7
MINE, ROLES, OTHERS = (ANN, 3), (8, 3), (9, 4)
"""Owners, with their roles."""


def seen(
    found: Sight, status: str | None, owner: tuple[int, int] | None, statuses: Statuses = None
) -> bool:
    item: dict[tuple[str, ...], Any] = {
        ("status",): status,
        ("owner",): owner and owner[0],
        ("owner", "role"): owner and owner[1],
    }
    return could_see(found, found.schema.collections["articles"], statuses, item, ANN)


@pytest.mark.parametrize(
    ("level", "owners"),
    [
        ("none", ()),
        ("mine", (MINE,)),
        ("role", (MINE, ROLES)),
        ("full", (MINE, ROLES, OTHERS, None)),
    ],
)
def test_by_owner(level: str, owners: tuple[Any, ...]) -> None:
    found = sight(row(1, "articles", read=level))
    for owner in (MINE, ROLES, OTHERS, None):
        assert seen(found, "published", owner) == (owner in owners), owner


def test_by_status() -> None:
    found = sight(
        row(1, "articles", status="published", read="full"),
        row(2, "articles", status="draft", read="mine"),
    )
    assert seen(found, "published", OTHERS)
    assert seen(found, "draft", MINE)
    assert not seen(found, "draft", OTHERS)
    assert not seen(found, "deleted", MINE)
    assert not seen(found, None, MINE)


def test_what_was_removed_softly_is_seen_by_who_asks_for_it() -> None:
    everything = Sight(ADMINISTRATOR, blog())
    assert not seen(everything, "deleted", None)
    assert seen(everything, "deleted", None, "*")
    # Without rows of statuses, only administrators are shown it at all.
    assert not seen(sight(row(1, "articles", read="full")), "deleted", None, "*")


def test_a_key_that_is_kept_back_is_never_told() -> None:
    hidden = row(1, "articles", read="full", read_field_blacklist="id")
    assert not seen(sight(hidden), "published", MINE)
    in_drafts = sight(
        row(1, "articles", status="draft", read="full", read_field_blacklist="id"),
        row(2, "articles", status="published", read="full"),
    )
    assert not seen(in_drafts, "draft", MINE)
    assert seen(in_drafts, "published", MINE)


def test_what_is_not_remembered_decides_for_no() -> None:
    found = sight(row(1, "articles", read="mine"))
    collection = found.schema.collections["articles"]
    assert not could_see(found, collection, None, {("status",): "published"}, ANN)
    assert not could_see(found, collection, None, {("owner",): ANN}, ANN)
