"""Permission rows as values. Source: permissions page §2, §3 and §10."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.permissions.levels import CommentLevel, Explain, Level
from conductus.permissions.policy import ADMINISTRATOR, NOTHING, Policy
from tests.units.worlds import blog

COLUMNS = (
    *("collection", "status", "create", "read", "update", "delete", "comment", "explain"),
    *("read_field_blacklist", "write_field_blacklist", "status_blacklist"),
)


def row(id: int, collection: str, status: str | None = None, **columns: Any) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS), "id": id, "role": 3, "collection": collection,
            "status": status, **columns}  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "level"),
    [("none", Level.NONE), ("mine", Level.MINE), ("role", Level.ROLE), ("full", Level.FULL),
     (None, Level.NONE), ("", Level.NONE), ("FULL", Level.NONE), ("everything", Level.NONE)],
)  # fmt: skip
def test_levels(stored: str | None, level: Level) -> None:
    assert Level.of(stored) is level


def test_a_level_includes_the_lesser_ones() -> None:
    assert Level.NONE < Level.MINE < Level.ROLE < Level.FULL


@pytest.mark.parametrize(
    ("stored", "level"),
    [("none", CommentLevel.NONE), ("read", CommentLevel.READ), ("create", CommentLevel.CREATE),
     ("update", CommentLevel.UPDATE), ("full", CommentLevel.FULL), (None, CommentLevel.UPDATE),
     ("all", CommentLevel.NONE)],
)  # fmt: skip
def test_levels_of_comments(stored: str | None, level: CommentLevel) -> None:
    assert CommentLevel.of(stored) is level


@pytest.mark.parametrize(
    ("stored", "explain"),
    [("none", Explain.NONE), ("create", Explain.CREATE), ("update", Explain.UPDATE),
     ("always", Explain.ALWAYS), (None, Explain.NONE), ("never", Explain.NONE)],
)  # fmt: skip
def test_explain(stored: str | None, explain: Explain) -> None:
    assert Explain.of(stored) is explain


def test_no_row_is_no_access() -> None:
    rules = Policy.of(3, []).on("articles")
    assert rules.row("published") is None
    assert rules.read is Level.NONE


def test_the_global_row_decides_whatever_the_status() -> None:
    rules = Policy.of(3, [row(1, "articles", read="mine")]).on("articles")
    assert not rules.workflow
    assert {rules.row(status) for status in ("draft", None, "gone")} == {rules.whole}
    assert rules.read is Level.MINE


def test_rows_of_statuses_shadow_the_global_row() -> None:
    rows = [row(1, "articles", read="full"), row(2, "articles", "draft", read="mine")]
    rules = Policy.of(3, rows).on("articles")
    assert rules.workflow
    assert rules.whole is None
    draft = rules.row("draft")
    assert draft is not None
    assert draft.read is Level.MINE
    assert rules.row("published") is None
    assert rules.row(None) is None


def test_statuses_that_are_numbers() -> None:
    rules = Policy.of(3, [row(1, "articles", "1", read="full")]).on("articles")
    assert rules.row(1) is rules.row("1") is not None


def test_the_row_of_new_items_is_no_row_of_a_status() -> None:
    rows = [row(1, "articles", read="full"), row(2, "articles", "$create", read="full")]
    rules = Policy.of(3, rows).on("articles")
    assert not rules.workflow
    assert rules.whole is not None
    assert rules.on_create is not None
    only = Policy.of(3, rows[1:]).on("articles")
    assert only.read is Level.NONE


@pytest.mark.parametrize("status", [None, "draft", "$create"])
def test_of_duplicates_the_lowest_id_counts(status: str | None) -> None:
    rows = [row(9, "articles", status, read="full"), row(4, "articles", status, read="none")]
    rules = Policy.of(3, rows).on("articles")
    kept = [rules.whole, rules.on_create, *rules.by_status.values()]
    assert [rule.id for rule in kept if rule is not None] == [4]


def test_blacklists() -> None:
    rules = Policy.of(3, [row(1, "articles", read_field_blacklist="cost, note,,")]).on("articles")
    assert rules.whole is not None
    assert rules.whole.read_blacklist == {"cost", "note"}
    assert rules.whole.write_blacklist == frozenset()


def test_role_1_needs_no_rows_and_no_role_has_none() -> None:
    assert Policy.of(1, [row(1, "articles", read="none")]) is ADMINISTRATOR
    assert not NOTHING.administrator
    assert NOTHING.on("articles").row(None) is None


def test_effective_rows_leave_out_what_is_not_there() -> None:
    rows = [
        row(7, "dropped", read="full"),
        row(6, "articles", "$create", create="full"),
        row(5, "articles", "draft", read="full"),
        row(4, "articles", read="full"),
        row(3, "comments", "draft", read="full"),
        row(2, "authors", read="full"),
    ]
    schema = blog()
    assert not schema.collections["comments"].statuses
    assert [rule.id for rule in Policy.of(3, rows).effective(schema)] == [2, 5, 6]
    assert ADMINISTRATOR.effective(schema) == ()
