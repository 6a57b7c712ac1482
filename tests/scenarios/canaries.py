"""Secrets of a world, looked for in everything that its server answers and logs.

What is secret from the start is hidden by whoever makes the world; what becomes secret is
seen on its way in: passwords, tokens and second factors that a request brings, tokens that
a login hands out. Whatever looks like a hash of a password, or like a sealed secret, may
come out of no server at all. The few answers that rightly hold a secret are named here.
"""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from http.cookies import SimpleCookie
from typing import Any, Literal
from urllib.parse import parse_qs

from msgspec import Struct, field, structs

from conductus.telemetry import Log, MailLogged, Observation, Observer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Server = Callable[[Message, Receive, Send], Awaitable[None]]
Kind = Literal["kept", "static token", "token", "cookie"]
"""`kept` is told to nobody; of the others `_rightly` says where they may stand."""

SECRET_SETTINGS = {"secret_key", "client_secret", "secret", "password"}
SHORTEST = 10
"""Shorter words are found by chance."""
SHAPES = {
    "a hash of a password": re.compile(
        rb"\$argon2(?:id?|d)\$v=\d+\$m=|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"
    ),
    "a sealed second factor": re.compile(rb"\bv1:[\w-]{40,}"),
    "the secret of a webhook": re.compile(rb"\bwhsec_[A-Za-z0-9+/]{20,}"),
}
TOKEN = re.compile(rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
LOG_SHAPES = SHAPES | {"a token": TOKEN}
MADE = re.compile(r"/[^/]+/(utils/hash(/match)?|webhooks/\d+/secret)")
"""Whoever asks for the hash of a text gets it, and administrators a webhook's new secret."""
SHOWN = re.compile(rb'"shown":"\$[^"]+"')
"""A field of this name is one of the type `hash` whose options say that it is visible."""
TOKENS = re.compile(r"/[^/]+/auth/(authenticate|refresh|sso/.*)")
"""Whoever signs in gets a token, which may be the one he showed."""


class Leaked(AssertionError):
    """A secret came out."""


class Exchange(Struct):
    """A request on its way through the server."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    status: int = 0
    answered: bytearray = field(default_factory=bytearray)
    """The head and the body of the answer."""
    cookies: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query} -> {self.status}"


class Canaries:
    """The secrets of one server, and who told one of them."""

    def __init__(self, **kept: str) -> None:
        self._secrets: dict[bytes, tuple[Kind, str]] = {}
        self._administrators: set[str] = set()
        self._told: list[str] = []
        for name, secret in kept.items():
            self.hide("kept", name.replace("_", " "), secret)

    def hide(self, kind: Kind, name: str, secret: object) -> None:
        """From now on this may not come out."""
        if isinstance(secret, str) and len(secret) >= SHORTEST and set(secret) != {"*"}:
            self._secrets.setdefault(secret.encode(), (kind, name))

    @property
    def hidden(self) -> set[str]:
        """Everything that may not come out."""
        return {secret.decode() for secret in self._secrets}

    def hide_config(self, config: Struct) -> None:
        """Hides what settings of a configuration are secret by their names."""
        for setting in structs.fields(type(config)):
            value = getattr(config, setting.name)
            if isinstance(value, Struct):
                self.hide_config(value)
            elif isinstance(value, dict):
                for each in value.values():
                    self.hide_config(each)
            elif setting.name in SECRET_SETTINGS:
                self.hide("kept", f"setting {setting.name}", value)

    def verify(self) -> None:
        """Raises `Leaked` when anything was told."""
        told, self._told = self._told, []
        if told:
            raise Leaked("\n".join(told))

    def overhearing(self, observer: Observer) -> Observer:
        """The observer, behind one that reads what would stand in the log."""

        lines = io.StringIO()
        logs = [Log(form, lines) for form in ("json", "console")]

        def overhear(observation: Observation) -> None:
            # A letter that goes to the log instead of the post holds its link.
            if not isinstance(observation, MailLogged):
                for log in logs:
                    log(observation)
                self._told += self._found(lines.getvalue().encode(), "the log")
                lines.seek(0)
                lines.truncate()
            observer(observation)

        return overhear

    def watching(self, server: Server) -> Server:
        """The server, with every answer looked at once it was given."""

        async def watch(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await server(scope, receive, send)
                return
            exchange = _exchange(scope)

            async def take() -> Message:
                message = await receive()
                exchange.body += message.get("body", b"")
                return message

            async def give(message: Message) -> None:
                _note(exchange, message)
                await send(message)

            self._hide_shown(exchange)
            try:
                await server(scope, take, give)
            finally:
                self._learn_from_request(exchange)
                self._judge(exchange)
                self._learn_from_answer(exchange)
            self.verify()

        return watch

    def _hide_shown(self, exchange: Exchange) -> None:
        for shown in _credentials(exchange):
            self._hide_token(shown)

    def _hide_token(self, token: object) -> None:
        if isinstance(token, str):
            kind: Kind = "token" if TOKEN.fullmatch(token.encode()) else "static token"
            self.hide(kind, kind, token)

    def _judge(self, exchange: Exchange) -> None:
        answered = SHOWN.sub(b"", exchange.answered)
        for shape, pattern in SHAPES.items():
            if pattern.search(answered) and not MADE.fullmatch(exchange.path):
                self._told.append(f"{exchange} told {shape}")
        for secret, (kind, name) in self._secrets.items():
            if secret in exchange.answered and not self._rightly(kind, secret, exchange):
                self._told.append(f"{exchange} told the {name}")

    def _rightly(self, kind: Kind, secret: bytes, exchange: Exchange) -> bool:
        match kind:
            case "kept" | "cookie":
                return False
            case "token":
                return TOKENS.fullmatch(exchange.path) is not None
            case "static token":
                # Its owner and administrators see it, as the field that it is.
                shown = set(_credentials(exchange))
                if secret.decode() not in shown and not shown & self._administrators:
                    return False
                told = b'"token":"' + secret + b'"'
                return secret not in exchange.answered.replace(told, b"")

    def _found(self, text: bytes, where: str) -> Iterator[str]:
        for shape, pattern in LOG_SHAPES.items():
            if pattern.search(text):
                yield f"{where} told {shape}: {text.decode()}"
        for secret, (_, name) in self._secrets.items():
            if secret in text:
                yield f"{where} told the {name}: {text.decode()}"

    def _learn_from_request(self, exchange: Exchange) -> None:
        self._hide_shown(exchange)
        people = "/users" in exchange.path or "/auth/" in exchange.path
        for body in _objects(_json(exchange.body)):
            if not (people or "email" in body):
                continue
            self.hide("kept", "password", body.get("password"))
            self.hide("kept", "second factor", body.get("2fa_secret"))
            self._hide_token(body.get("token"))
            if body.get("role") == 1 and isinstance(body.get("token"), str):
                self._administrators.add(body["token"])

    def _learn_from_answer(self, exchange: Exchange) -> None:
        for cookie in exchange.cookies:
            self.hide("cookie", "session's cookie", cookie)
        if exchange.status != 200 or not TOKENS.fullmatch(exchange.path):
            return
        _, _, body = exchange.answered.partition(b"\n\n")
        for found in _objects(_json(body)):
            self.hide("token", "token", found.get("token"))
            if _user(found) == 1 or (found.get("user") or {}).get("role") == 1:
                self._administrators |= {found.get("token", ""), *exchange.cookies} - {""}


def look(text: str, where: str) -> None:
    """Raises `Leaked` when a text of a server holds what looks like a secret."""
    for shape, pattern in LOG_SHAPES.items():
        if pattern.search(text.encode()):
            raise Leaked(f"{where} told {shape}")


def _exchange(scope: Message) -> Exchange:
    return Exchange(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
    )


def _note(exchange: Exchange, message: Message) -> None:
    if message["type"] == "http.response.start":
        exchange.status = message["status"]
        exchange.answered += b"%d\n" % exchange.status
        for name, value in message.get("headers", ()):
            if name.lower() == b"set-cookie":
                exchange.cookies += _values(value.decode("latin-1"))
            else:
                exchange.answered += name + b": " + value + b"\n"
        exchange.answered += b"\n"
    else:
        exchange.answered += message.get("body", b"")


def _credentials(exchange: Exchange) -> tuple[str, ...]:
    scheme, _, shown = exchange.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "basic":
        shown = b64decode(shown + "==").decode("latin-1").partition(":")[0]
    asked = parse_qs(exchange.query).get("access_token", ())
    sent = _json(exchange.body)
    told = sent.get("access_token") if isinstance(sent, dict) else None
    form = parse_qs(exchange.body.decode("latin-1")).get("access_token", ()) if not told else ()
    cookies = _values(exchange.headers.get("cookie", ""))
    found = (shown.strip(), *asked, *cookies, *form, told)
    return tuple(each for each in found if isinstance(each, str) and each)


def _values(cookies: str) -> tuple[str, ...]:
    parsed: SimpleCookie = SimpleCookie()
    parsed.load(cookies)
    return tuple(morsel.value for name, morsel in parsed.items() if name.endswith("-session"))


def _json(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every object of a body, however deep below lists and objects."""
    if depth > 8:
        return
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _objects(each, depth + 1)


def _user(found: dict[str, Any]) -> object:
    """Whom a token of an answer is for."""
    token = found.get("token")
    if not isinstance(token, str) or token.count(".") != 2:
        return None
    part = token.split(".")[1]
    claims = _json(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims.get("id") if isinstance(claims, dict) else None
