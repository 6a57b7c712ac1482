"""Row rules as filters. Source: permissions page §3.4 and §4.1."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from conductus.errors import CollectionNotFound
from conductus.permissions.actor import Actor
from conductus.permissions.policy import ADMINISTRATOR, Policy
from conductus.permissions.reading import check_readable
from conductus.permissions.scope import Sight
from conductus.query.item_query import ALL, ME, NONE, Compare, Filter, Group, Operator, compares
from conductus.schema.model import Schema
from tests.units.test_policy import row
from tests.units.worlds import blog


def sight(*rows: dict[str, Any], role: int = 3, schema: Schema | None = None) -> Sight:
    return Sight(Policy.of(role, rows), schema or blog())


def rule(*rows: dict[str, Any], role: int = 3) -> Filter:
    """The rule of articles, whatever their status."""
    found = sight(*rows, role=role)
    return found.rows(found.schema.collections["articles"], "*")


KEPT = Group(
    "any",
    (
        Compare(("status",), Operator.NULL),
        Compare(("status",), Operator.NIN, ("deleted",)),
    ),
)
"""What no global row lets through."""


@pytest.mark.parametrize(
    ("level", "filter"),
    [
        ("none", NONE),
        ("mine", Group("all", (KEPT, Compare(("owner",), Operator.EQ, ME)))),
        ("role", Group("all", (KEPT, Compare(("owner", "role"), Operator.EQ, 3)))),
        ("full", KEPT),
    ],
)
def test_the_global_row(level: str, filter: Filter) -> None:
    assert rule(row(1, "articles", read=level)) == filter


@pytest.mark.parametrize("level", ["mine", "role"])
def test_nothing_is_the_publics_own(level: str) -> None:
    assert rule(row(1, "articles", read=level), role=2) == NONE


def test_rows_of_statuses() -> None:
    found = rule(
        row(1, "articles", read="full"),
        row(2, "articles", "draft", read="mine"),
        row(3, "articles", "published", read="full"),
        row(4, "articles", "deleted", read="full"),
        row(5, "articles", "odd", read="none"),
    )
    own = Compare(("owner",), Operator.EQ, ME)
    assert found == Group(
        "any",
        (
            Group("all", (Compare(("status",), Operator.IN, ("draft",)), own)),
            Compare(("status",), Operator.IN, ("published", "deleted")),
        ),
    )


def test_no_id_of_a_user_stands_in_a_rule() -> None:
    """One prepared query serves a whole role."""
    for level in ("mine", "role"):
        leaves = list(compares(rule(row(1, "articles", read=level))))
        assert {leaf.value for leaf in leaves} <= {ME, 3, None, ("deleted",)}


def test_administrators_see_every_row() -> None:
    found = Sight(ADMINISTRATOR, blog())
    assert all(found.rows(each, "*") == ALL for each in found.schema.collections.values())


def test_what_is_not_managed_is_not_there() -> None:
    schema = blog()
    articles = structs.replace(schema.collections["articles"], managed=False)
    found = sight(row(1, "articles", read="full"), schema=schema)
    assert not found.reads(articles)
    with pytest.raises(CollectionNotFound):
        check_readable(articles, found, Actor(user=7, role=3))
    check_readable(articles, Sight(ADMINISTRATOR, schema), Actor(user=1, role=1))
