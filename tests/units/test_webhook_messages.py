"""What receivers of webhooks are sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from conductus.projects.events import Event
from conductus.webhooks.messages import message, secret_of, shown

NOW = datetime.now(UTC)
EVENT = Event(
    id="msg_1",
    listener="7",
    event="item.update",
    collection="notes",
    item=3,
    payload={"title": "ü"},
    actor=1,
    project="main",
    timestamp="2031-02-03T04:05:06Z",
)
SECRETS = [secret_of("key", 7, salt) for salt in ("b", "a")]


def test_the_body_has_everything_but_the_listener() -> None:
    sent = message(EVENT, "POST", "conductus", SECRETS, NOW)
    told = msgspec.to_builtins(EVENT)
    del told["listener"]
    assert msgspec.json.decode(sent.body) == told


@pytest.mark.parametrize(
    ("payload", "body"), [({"title": "ü"}, {"title": "ü"}), ({}, {}), (None, 3)]
)
def test_as_directus_8_does_it_the_body_is_bare(payload: Any, body: Any) -> None:
    event = msgspec.structs.replace(EVENT, payload=payload)
    sent = message(event, "PUT", "directus8", SECRETS, NOW)
    assert msgspec.json.decode(sent.body) == body


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PUT", "PATCH"])
def test_each_secret_signs(method: str) -> None:
    # Receivers take messages of the last minutes alone: not the time when this was imported.
    sent = message(EVENT, method, "conductus", SECRETS, datetime.now(UTC))
    assert (sent.body == "") is (method in ("GET", "DELETE"))
    assert ("content-type" in sent.headers) is bool(sent.body)
    for secret in SECRETS:
        Webhook(shown(secret)).verify(sent.body, sent.headers, json_parse=False)


def test_secrets_differ_by_project_webhook_and_salt() -> None:
    made = {secret_of(*each) for each in (("a", 1, ""), ("b", 1, ""), ("a", 2, ""), ("a", 1, "x"))}
    assert len(made) == 4
    assert all(len(secret) == 32 for secret in made)
