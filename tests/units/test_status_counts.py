"""Which statuses are told apart one by one, and what is made of their numbers."""

from __future__ import annotations

import pytest
from msgspec import structs

from conductus.items.predicate import ALWAYS
from conductus.items.status_counts import Apart, plainly_different

OPEN = Apart(("a", "b"), (ALWAYS, ALWAYS), ALWAYS, open=True, summed=("a",))


def test_rows_in_other_statuses_show_in_the_sum() -> None:
    assert OPEN.numbers((2, 3, 5)) == {"a": 2, "b": 3}
    assert OPEN.numbers((2, 3, 6)) is None
    # Or one row counts for two statuses, which the collation takes for the same.
    assert OPEN.numbers((2, 3, 4)) is None
    assert structs.replace(OPEN, open=False).numbers((2, 3)) == {"a": 2, "b": 3}


def test_the_total_is_of_the_statuses_that_make_it_up() -> None:
    assert OPEN.total({"a": 2, "b": 3}) == 2
    assert structs.replace(OPEN, summed=None).total({"a": 2, "b": 3}) == 5
    assert structs.replace(OPEN, summed=("a", "nowhere")).total({"a": 2, "b": 3}) == 2


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        (["draft", "published", "in_review", "in-work", "1"], True),
        (["draft", "Draft"], False),
        (["in_work", "in-work"], False),
        (["draft", "draft "], False),
        (["resume", "résumé"], False),
        ([], False),
        ([""], False),
        ([f"s{number}" for number in range(8)], True),
        ([f"s{number}" for number in range(9)], False),
    ],
)
def test_what_a_collation_may_confuse_is_grouped(statuses: list[str], told: bool) -> None:
    assert plainly_different(statuses) is told
