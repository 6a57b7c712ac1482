"""Rows of webhooks: what they mean, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from conductus.errors import ValidationFailed
from conductus.projects.webhooks import Webhooks, webhook_of, webhook_payload, webhooks

ROW = {
    **{"id": 7, "status": "active", "http_action": "post", "url": "https://hooks.example/x"},
    **{"collection": "notes", "directus_action": "item.create:after"},
}


def read(**changed: Any) -> Webhooks:
    return webhooks([{**ROW, **changed}])


@pytest.mark.parametrize("action", ["create", "item.create", "item.create:after", "Item.Create"])
def test_an_action_has_several_names(action: str) -> None:
    found = read(directus_action=action).of("item.create", "notes")
    assert [(one.id, one.method, one.url) for one in found] == [(7, "POST", ROW["url"])]
    assert read(directus_action=action).of("item.update", "notes") == ()


@pytest.mark.parametrize(
    ("collection", "heard"),
    [("notes", ["notes"]), ("*", ["notes", "others"]), ("directus_users", ["directus_users"])],
)
def test_a_collection_is_named_or_every_one_of_the_project(
    collection: str, heard: list[str]
) -> None:
    names = ("notes", "others", "directus_users")
    found = read(collection=collection)
    assert [name for name in names if found.of("item.create", name)] == heard


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "inactive"},
        {"status": "deleted"},
        {"http_action": None},
        {"http_action": "TRACE"},
        {"url": None},
        {"url": "file:///etc/passwd"},
        {"url": "https:///x"},
        {"collection": None},
        {"collection": ""},
        {"directus_action": None},
        {"directus_action": "item.create:before"},
        {"directus_action": "read"},
    ],
    ids=str,
)
def test_a_row_that_says_nothing_usable_tells_nobody(changed: dict[str, Any]) -> None:
    assert read(**changed) == Webhooks()


def test_an_errand_knows_its_webhook() -> None:
    (one,) = read().active
    assert webhook_of(one.errands) == 7
    assert read().find(7) == one
    assert read().find(8) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_action", "trace"),
        ("http_action", 7),
        ("url", "hooks.example"),
        ("url", "javascript:alert(1)"),
        ("url", ""),
        ("directus_action", "item.read"),
    ],
)
def test_what_can_tell_nobody_is_not_written(name: str, value: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        webhook_payload({**ROW, name: value})
    assert list(caught.value.details["fields"]) == [name]


def test_what_is_not_given_is_not_asked_for() -> None:
    assert webhook_payload({"status": "inactive"}) == {"status": "inactive"}
    assert webhook_payload(ROW) == ROW
