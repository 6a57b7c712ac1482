"""Webhooks: who is told what, signed how, how often. Reference: extensions §4; security, SSRF."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec import Struct
from standardwebhooks import Webhook, WebhookVerificationError

from conductus.config import Jobs, OutgoingConfig, ServerConfig
from conductus.database.dialect import Name as Driver
from conductus.jobs.delivery import PAUSES
from conductus.telemetry import DeliveryFailed, DeliveryParked, Observation
from conductus.webhooks import deliveries, sender
from tests.databases import DRIVERS, fresh_database
from tests.postbox import eventually
from tests.scenarios.receiver import OK, Heard, Receiver, receiving, status
from tests.scenarios.shop import KEY as PROJECT
from tests.scenarios.shop import PASSWORD, live
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import Item, field, relation, text, whole

CONFIG = ServerConfig(outgoing=OutgoingConfig(allow=("127.0.0.1",)), jobs=Jobs(poll_seconds=0.1))


class Place(Struct):
    shop: Workshop
    receiver: Receiver
    seen: list[Observation]

    async def hook(self, path: str, collection: str, **changed: Any) -> int:
        """A new webhook; its id."""
        row = {
            **{"status": "active", "http_action": "post", "url": self.receiver.url(path)},
            **{"collection": collection, "directus_action": "item.create"},
        }
        made = await self.shop.ok("POST", "/webhooks", {**row, **changed})
        return int(made["id"])

    async def notes(self) -> str:
        """A new collection."""
        return await self.shop.make(text("title"), word="notes")

    async def log(self, hook: int) -> list[Item]:
        """The deliveries of a webhook."""
        found: list[Item] = await self.shop.get(f"/webhooks/{hook}/deliveries")
        return found

    async def settled(self, hook: int, state: str, number: int = 1) -> list[Item]:
        """The deliveries of a webhook, once so many of them are in that state."""
        return await self.until(
            hook, lambda log: len([row for row in log if row["state"] == state]) >= number
        )

    async def until(self, hook: int, holds: Callable[[list[Item]], bool]) -> list[Item]:
        """The deliveries of a webhook, once they are so."""
        async with asyncio.timeout(20):
            while True:
                log = await self.log(hook)
                if holds(log):
                    return log
                await asyncio.sleep(0.02)

    async def tried(self, hook: int, number: int) -> None:
        """Waits for a try that failed, and is over."""
        kinds = (DeliveryFailed, DeliveryParked)

        def over() -> bool:
            told = [one for one in self.seen if isinstance(one, kinds)]
            return any((one.kind, one.attempt) == (f"webhook/{hook}", number) for one in told)

        await eventually(over)

    async def hurry(self, hook: int) -> None:
        """What waits for its next try is due now."""
        await self.shop.foreign(
            f"UPDATE conductus_outbox SET due = 0 WHERE kind = 'webhook/{hook}' AND due IS NOT NULL"
        )


@pytest.fixture(scope="module", params=DRIVERS)
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    driver: Driver = request.param
    folder = tmp_path_factory.mktemp("webhooks")
    seen: list[Observation] = []
    async with (
        fresh_database(driver, "webhooks", folder) as url,
        receiving() as receiver,
        live(url, folder / "data", config=CONFIG, observer=seen.append) as world,
    ):
        yield Place(Workshop(world, driver, url, folder / "data"), receiver, seen)


async def test_a_receiver_is_told_what_was_written(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/told", notes)
    made = await place.shop.ok("POST", f"/items/{notes}", {"title": "grüße \U0001f600"})
    (heard,) = await place.receiver.requests("/told")
    assert (heard.method, heard.headers["content-type"]) == ("POST", "application/json")
    assert heard.headers["user-agent"].startswith("Conductus/")
    told = heard.json
    assert told.pop("id") == heard.headers["webhook-id"]
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "item.create",
        "collection": notes,
        "item": made["id"],
        "payload": {"title": "grüße \U0001f600"},
        "actor": 1,
        "project": PROJECT,
    }
    (row,) = await place.settled(hook, "delivered")
    assert row["message"] == heard.headers["webhook-id"]
    assert (row["status"], row["attempts"], row["problem"]) == (204, 1, None)
    assert (row["webhook"], row["item"], row["collection"]) == (hook, str(made["id"]), notes)


async def test_each_event_tells_its_own_and_nobody_else(place: Place) -> None:
    notes, others = await place.notes(), await place.notes()
    for action in ("create", "item.update", "item.delete:after"):
        await place.hook(f"/{action}/{notes}", notes, directus_action=action)
    away = await place.hook(f"/away/{notes}", notes, status="inactive")
    every = await place.hook(f"/every/{notes}", "*")
    made = await place.shop.ok("POST", f"/items/{notes}", {"title": "a"})
    await place.shop.ok("PATCH", f"/items/{notes}/{made['id']}", {"title": "b"})
    await place.shop.ok("DELETE", f"/items/{notes}/{made['id']}")
    await place.shop.ok("POST", f"/items/{others}", {"title": "c"})
    (created,) = await place.receiver.requests(f"/create/{notes}")
    (updated,) = await place.receiver.requests(f"/item.update/{notes}")
    (deleted,) = await place.receiver.requests(f"/item.delete:after/{notes}")
    assert [one.json["payload"] for one in (created, updated, deleted)] == [
        *({"title": "a"}, {"title": "b"}, None),
    ]
    heard = await place.receiver.requests(f"/every/{notes}", 2)
    assert {one.json["collection"] for one in heard} == {notes, others}
    assert await place.log(away) == []
    assert place.receiver.heard[f"/away/{notes}"] == []
    await place.shop.ok("DELETE", f"/webhooks/{every}")


async def test_built_in_collections_are_named_one_by_one(place: Place) -> None:
    every = await place.hook("/every-own", "*")
    users = await place.hook("/users", "directus_users")
    user = {"email": "hook@example.org", "password": PASSWORD, "status": "active", "role": 1}
    await place.shop.ok("POST", "/users", user)
    (heard,) = await place.receiver.requests("/users")
    assert heard.json["payload"]["email"] == "hook@example.org"
    assert PASSWORD not in heard.body
    assert "$argon2" not in heard.body
    assert place.receiver.heard["/every-own"] == []
    for hook in (every, users):
        await place.shop.ok("DELETE", f"/webhooks/{hook}")


@pytest.mark.parametrize("method", ["get", "POST", "put", "patch", "delete"])
async def test_every_method_is_signed(place: Place, method: str) -> None:
    notes, path = await place.notes(), f"/signed-{method}"
    hook = await place.hook(path, notes, http_action=method)
    secret = (await place.shop.ok("POST", f"/webhooks/{hook}/secret"))["secret"]
    before = len(place.receiver.heard[path])
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    heard = (await place.receiver.requests(path, before + 1))[-1]
    assert heard.method == method.upper()
    assert bool(heard.body) is (method.lower() in ("post", "put", "patch"))
    Webhook(secret).verify(heard.body, heard.headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(heard.body + " ", heard.headers, json_parse=False)


async def test_a_former_secret_counts_for_a_while(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/rotated", notes)
    secrets = [
        (await place.shop.ok("POST", f"/webhooks/{hook}/secret"))["secret"] for _ in range(3)
    ]
    assert len(set(secrets)) == 3
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    (heard,) = await place.receiver.requests("/rotated")
    for secret in secrets[1:]:
        Webhook(secret).verify(heard.body, heard.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(heard.body, heard.headers)
    shown = [await place.shop.get(f"/webhooks/{hook}"), await place.log(hook)]
    assert "whsec_" not in str(shown)
    await place.shop.foreign(
        f"UPDATE conductus_webhook_secrets SET changed = 1 WHERE webhook = {hook}"
    )
    await place.shop.ok("POST", f"/items/{notes}", {"title": "y"})
    heard = (await place.receiver.requests("/rotated", 2))[-1]
    Webhook(secrets[2]).verify(heard.body, heard.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[1]).verify(heard.body, heard.headers)


async def test_who_fails_is_told_again_and_given_up_in_the_end(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/failing", notes)
    place.receiver.answers("/failing", status(500))
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    for number in range(1, len(PAUSES) + 2):
        await place.tried(hook, number)
        (row,) = await place.log(hook)
        state = "failing" if number <= len(PAUSES) else "failed"
        assert (row["state"], row["attempts"], row["problem"]) == (state, number, "answered 500")
        await place.hurry(hook)
    assert len(PAUSES) == 8
    heard = place.receiver.heard["/failing"]
    assert len(heard) == 9
    assert len({one.headers["webhook-id"] for one in heard}) == 1


async def test_who_recovers_is_told(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/recovering", notes)
    place.receiver.answers("/recovering", status(503), b"", OK)
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    for number in (1, 2):
        await place.tried(hook, number)
        await place.hurry(hook)
    (row,) = await place.settled(hook, "delivered")
    assert (row["attempts"], row["status"], row["problem"]) == (3, 204, None)


FINAL = {
    "gone": (status(410), 410),
    "moved": (status(302, "Location: /elsewhere"), 302),
    "early": (status(304), 304),
}


@pytest.mark.parametrize("name", FINAL)
async def test_what_is_no_success(place: Place, name: str) -> None:
    answer, code = FINAL[name]
    notes = await place.notes()
    hook = await place.hook(f"/{name}", notes)
    place.receiver.answers(f"/{name}", answer)
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    await place.tried(hook, 1)
    (row,) = await place.log(hook)
    state = "failed" if name == "gone" else "failing"
    assert (row["state"], row["status"], row["problem"]) == (state, code, f"answered {code}")
    assert place.receiver.heard["/elsewhere"] == []


async def test_what_a_receiver_says_besides_does_not_matter(place: Place) -> None:
    notes = await place.notes()
    bomb = gzip.compress(b"x" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 200_000
    for path, answer in (("/bomb", head + bomb), ("/long", long)):
        place.receiver.answers(path, answer)
        hook = await place.hook(path, notes)
        await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
        (row,) = await place.settled(hook, "delivered")
        assert row["attempts"] == 1


INSIDE = (
    *("http://10.1.2.3/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/"),
    *("http://0.0.0.0/", "http://2130706434/", "http://[fd00:ec2::254]/"),
)


async def test_addresses_inside_are_not_called(place: Place) -> None:
    notes = await place.notes()
    hooks = [await place.hook("/", notes, url=url) for url in INSIDE]
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    for hook in hooks:
        (row,) = await place.settled(hook, "failed")
        assert (row["status"], row["attempts"]) == (None, 1)
        assert row["problem"].endswith("is not a host that may be called")


async def test_a_receiver_that_hangs_holds_no_other_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SECONDS", 1.0)
    notes, free = await place.notes(), asyncio.Event()

    async def hang(_: Heard) -> bytes:
        await free.wait()
        return OK

    place.receiver.behave["/hanging"] = hang
    hanging = await place.hook("/hanging", notes)
    quick = await place.hook("/quick", notes)
    rows = [{"title": str(number)} for number in range(100)]
    await place.shop.ok("POST", f"/items/{notes}", rows)
    await place.receiver.requests("/quick", 100)
    assert len(place.receiver.heard["/hanging"]) < 30
    (row, *_) = await place.settled(hanging, "failing")
    assert row["problem"] == "no answer within 1 seconds"
    free.set()
    await place.settled(quick, "delivered", 100)
    await place.shop.ok("DELETE", f"/webhooks/{hanging}")


async def test_a_delivery_can_be_made_again(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/again", notes)
    place.receiver.answers("/again", status(410), OK)
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    (row,) = await place.settled(hook, "failed")
    path = f"/webhooks/{hook}/deliveries/{row['id']}"
    shown = await place.shop.get(path)
    assert shown.pop("payload")["payload"] == {"title": "x"}
    assert shown == row
    again = await place.shop.ok("POST", f"{path}/resend")
    assert again == {**row, "state": "pending"}
    (row,) = await place.settled(hook, "delivered")
    assert (row["attempts"], row["id"]) == (2, again["id"])
    first, second = await place.receiver.requests("/again", 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    await place.shop.ok("PATCH", f"/webhooks/{hook}?status=*", {"status": "inactive"})
    await place.shop.refused((12, 422), "POST", f"{path}/resend")


async def test_a_write_that_fails_tells_nobody(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/whole", notes)
    rows = [{"title": "x"}, {"title": "y" * 1000}]
    await place.shop.refused((12, 422), "POST", f"/items/{notes}", rows)
    await place.shop.ok("POST", f"/items/{notes}", {"title": "z"})
    (heard,) = await place.receiver.requests("/whole")
    assert heard.json["payload"] == {"title": "z"}
    assert len(await place.log(hook)) <= 1


async def test_nested_changes_are_told_one_by_one(place: Place) -> None:
    parents = await place.shop.make(text("title"), field("parts", "o2m"), word="wholes")
    parts = await place.shop.make(text("title"), whole("of", "m2o"), word="parts")
    await place.shop.ok("POST", "/relations", relation(parts, "of", parents, "parts"))
    await place.hook("/parts", parts)
    body = {"title": "a", "parts": [{"title": "b"}, {"title": "c"}]}
    await place.shop.ok("POST", f"/items/{parents}", body)
    heard = await place.receiver.requests("/parts", 2)
    assert sorted(one.json["payload"]["title"] for one in heard) == ["b", "c"]


async def test_the_log_has_an_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST", 5)
    monkeypatch.setattr(sender, "_PURGE_EACH", 1)
    notes = await place.notes()
    hook = await place.hook("/bounded", notes)
    for number in range(12):
        await place.shop.ok("POST", f"/items/{notes}", {"title": str(number)})
        await place.receiver.requests("/bounded", number + 1)
    assert len(await place.settled(hook, "delivered", 5)) <= 6
    assert len(await place.shop.get(f"/webhooks/{hook}/deliveries?limit=2&offset=1")) == 2


async def test_administrators_alone_look_and_ask(place: Place) -> None:
    notes = await place.notes()
    hook = await place.hook("/watched", notes)
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    (row,) = await place.settled(hook, "delivered")
    one = f"/webhooks/{hook}/deliveries/{row['id']}"
    asked = [
        *(("GET", f"/webhooks/{hook}/deliveries"), ("GET", one)),
        *(("POST", f"{one}/resend"), ("POST", f"/webhooks/{hook}/secret")),
    ]
    user = {"email": "nobody@example.org", "password": PASSWORD, "status": "active",
            "role": None, "token": "Token-of-nobody"}  # fmt: skip
    await place.shop.ok("POST", "/users", user)
    client = place.shop.world.client
    for method, path in asked:
        answer = await client.request(method, f"/{PROJECT}{path}")
        assert (answer.json()["error"]["code"], answer.status_code) == (3, 401)
        headers = {"authorization": "Bearer Token-of-nobody"}
        answer = await client.request(method, f"/{PROJECT}{path}", headers=headers)
        assert (answer.json()["error"]["code"], answer.status_code) == (10, 403)
    assert len(place.receiver.heard["/watched"]) == 1


async def test_what_is_not_there(place: Place) -> None:
    notes = await place.notes()
    hook, other = await place.hook("/a", notes), await place.hook("/b", notes)
    await place.shop.ok("POST", f"/items/{notes}", {"title": "x"})
    (row,) = await place.settled(other, "delivered")
    for path in ("/webhooks/99999/deliveries", "/webhooks/x/deliveries"):
        await place.shop.refused((203, 404), "GET", path)
    await place.shop.refused((203, 404), "POST", "/webhooks/99999/secret")
    for id in (row["id"], "x", "%27"):
        await place.shop.refused((1, 404), "GET", f"/webhooks/{hook}/deliveries/{id}")
        await place.shop.refused((1, 404), "POST", f"/webhooks/{hook}/deliveries/{id}/resend")
    for query in ("limit=x", "limit=-1", "limit=1001", "offset=-1", "limit[]=1"):
        await place.shop.refused((4, 422), "GET", f"/webhooks/{hook}/deliveries?{query}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "file:///etc/passwd"),
        ("url", "https://hooks.example/x\r\nX: y"),
        ("http_action", "trace"),
        ("directus_action", "read"),
    ],
)
async def test_a_webhook_that_could_tell_nobody_is_refused(
    place: Place, name: str, value: str
) -> None:
    row = {
        **{"status": "active", "http_action": "post", "url": "https://hooks.example/x"},
        **{"collection": "notes", "directus_action": "create", name: value},
    }
    told = await place.shop.refused((4, 422), "POST", "/webhooks", row)
    assert name in told["message"]
