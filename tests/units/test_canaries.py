"""The watch over secrets: what leaks is found and named, what is told rightly is not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from conductus.config import (
    AuthConfig,
    DatabaseConfig,
    MailConfig,
    ProjectConfig,
    ServerConfig,
    SsoConfig,
    StorageConfig,
)
from conductus.telemetry import MailLogged, RequestServed, TaskFailed, silent
from tests.scenarios.canaries import SECRET_SETTINGS, Canaries, Leaked, Message, Receive, Send, look
from tests.units.test_docs import settings

KEPT = "a secret of the server"
STATIC = "Static-token-of-Ada"
KEY = OctKey.import_key("k" * 32)
JWT = jwt.encode({"alg": "HS256"}, {"id": 1, "type": "auth"}, KEY)
OTHER = jwt.encode({"alg": "HS256"}, {"id": 7, "type": "auth"}, KEY)
ARGON = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"
BCRYPT = "$2y$10$" + "a" * 53
SEALED = "v1:" + "a" * 60
WEBHOOK = "whsec_" + "a" * 44


async def told(
    canaries: Canaries,
    answer: Any,
    method: str = "GET",
    path: str = "/main/items/things",
    *,
    headers: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
    body: Any = None,
    status: int = 200,
) -> None:
    """A request to a server that gives this answer."""
    told = json.dumps(answer, separators=(",", ":")).encode()

    async def server(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        head = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        await send({"type": "http.response.start", "status": status, "headers": head})
        for part in (told[:7], told[7:]):
            await send({"type": "http.response.body", "body": part, "more_body": part != told[7:]})

    transport = httpx2.ASGITransport(app=canaries.watching(server))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.request(method, path, headers=dict(sent or {}), json=body)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "answer", [KEPT, {"a": [{"b": f"x{KEPT}x"}]}, ARGON, BCRYPT, SEALED, WEBHOOK]
)
async def test_what_nobody_may_tell(answer: Any) -> None:
    with pytest.raises(Leaked, match="GET /main/items/things"):
        await told(Canaries(signing_key=KEPT), {"data": answer})


async def test_heads_of_answers_are_read_too() -> None:
    with pytest.raises(Leaked, match="signing key"):
        await told(Canaries(signing_key=KEPT), {}, headers={"location": f"/?token={KEPT}"})


@pytest.mark.parametrize("path", ["/main/users", "/main/users/7", "/main/auth/password/reset"])
@pytest.mark.parametrize("name", ["password", "2fa_secret"])
async def test_what_a_request_brings_is_secret_from_then_on(path: str, name: str) -> None:
    canaries = Canaries()
    await told(canaries, {"data": {}}, "POST", path, body={name: "correct horse"})
    with pytest.raises(Leaked):
        await told(canaries, {"data": {"delta": {name: "correct horse"}}})


async def test_in_the_answer_to_the_same_request() -> None:
    body = {"email": "ada@example.org", "password": "correct horse"}
    with pytest.raises(Leaked, match="the password"):
        await told(Canaries(), {"data": body}, "POST", "/main/items/notes", body=body)


async def test_static_tokens_are_for_owners_and_administrators() -> None:
    canaries = Canaries()
    await told(canaries, {}, "POST", "/main/users", body={"token": STATIC, "role": 3})
    login = {"data": {"token": JWT, "user": {"role": 1}}}
    await told(canaries, login, "POST", "/main/auth/authenticate")
    shown = {"data": {"token": STATIC}}
    for credential in (STATIC, JWT):
        await told(canaries, shown, sent=bearer(credential))
        with pytest.raises(Leaked, match="the static token"):
            await told(canaries, {"data": {"comment": STATIC}}, sent=bearer(credential))
    for sent in ({}, bearer(OTHER), bearer("Token-of-somebody-else")):
        with pytest.raises(Leaked, match="the static token"):
            await told(canaries, shown, sent=sent)


async def test_tokens_are_told_where_one_signs_in_and_nowhere_else() -> None:
    canaries = Canaries()
    answer = {"data": {"token": OTHER}}
    await told(canaries, answer, "POST", "/main/auth/refresh")
    await told(canaries, answer, "POST", "/main/auth/refresh")
    with pytest.raises(Leaked, match="the token"):
        await told(canaries, {"error": {"message": f"Bad token {OTHER}"}}, status=401)


async def test_cookies_stand_in_their_header_alone() -> None:
    canaries = Canaries()
    cookie = {"set-cookie": "directus-main-session=0123456789abcdef; Path=/"}
    await told(canaries, {}, "POST", "/main/auth/authenticate", headers=cookie)
    await told(canaries, {}, headers=cookie)
    with pytest.raises(Leaked, match="cookie"):
        await told(canaries, {"data": "0123456789abcdef"})


async def test_hashes_are_told_to_who_asks_for_them() -> None:
    answer = {"data": {"hash": ARGON}}
    await told(Canaries(), answer, "POST", "/main/utils/hash")
    await told(Canaries(), {"data": WEBHOOK}, "POST", "/main/webhooks/3/secret")
    with pytest.raises(Leaked):
        await told(Canaries(), answer, "POST", "/main/utils/random/string")


def test_what_is_secret_in_a_configuration() -> None:
    """Each setting whose name says so, and in each group; no other setting sounds like one."""
    config = ProjectConfig(
        database=DatabaseConfig(url="sqlite:///a.db"),
        auth=AuthConfig(
            secret_key="signing-key",
            public_key="public-key",
            sso={"google": SsoConfig(client_id="us", client_secret="client-secret")},
        ),
        mail=MailConfig(password="mail-password"),
        storage=StorageConfig(secret_key="storage-key"),
    )
    canaries = Canaries()
    canaries.hide_config(config)
    words = ("signing-key", "client-secret", "mail-password", "storage-key")
    assert canaries.hidden == set(words)


def test_no_setting_is_forgotten() -> None:
    names: set[str] = set()
    for kind in (ServerConfig, ProjectConfig, SsoConfig):
        names |= {name.rpartition(".")[2] for name in settings(kind)}
    # `scim.passwords` is a switch.
    suspicious = {name for name in names if re.search("secret|password", name)} - {"passwords"}
    assert suspicious == SECRET_SETTINGS


@pytest.mark.parametrize("word", [KEPT, ARGON, JWT])
def test_the_log_tells_nothing(word: str) -> None:
    canaries = Canaries(signing_key=KEPT)
    overhear = canaries.overhearing(silent)
    overhear(RequestServed(request_id="1", method="GET", path="/", status=200, seconds=1.0))
    overhear(MailLogged("main", "ada@example.org", "A link", word))
    canaries.verify()
    overhear(TaskFailed("something", ValueError(f"failed with {word}")))
    with pytest.raises(Leaked, match="the log"):
        canaries.verify()
    # Told once.
    canaries.verify()


def test_texts_of_a_server_of_its_own() -> None:
    look("nothing", "standard error")
    with pytest.raises(Leaked, match="standard error"):
        look(f"a {BCRYPT}", "standard error")
