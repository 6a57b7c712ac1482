"""Endpoints of plugins, below `custom/<plugin>/`. Source: extensions page §3."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final

from conductus.errors import RouteNotFound, Unauthorized
from conductus.extensions.events import METHODS
from conductus.extensions.loading import Plugin
from conductus.extensions.plugins import Plugins
from conductus.extensions.registry import App
from conductus.extensions.registry import Endpoint as Registered
from conductus.extensions.requests import Answer, CustomRequest
from conductus.extensions.services import services_of, services_of_system
from conductus.http.call import Call, decoded
from conductus.http.envelope import envelope, nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route, RouteTable

SECTION: Final = "custom"
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the answer of an application, which is sent in one piece."""
_KEPT_BACK: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that say who asks: plugins are told that by the actor."""


class Custom:
    """The endpoints of every plugin."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._tables: dict[str, RouteTable[Registered]] = {}

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        patterns = (f"{SECTION}/{{plugin}}", f"{SECTION}/{{plugin}}/{{rest...}}")
        return tuple(Route(method, each, self.answer) for method in METHODS for each in patterns)

    async def answer(self, call: Call) -> Reply:
        """What the plugin answers. Raises `RouteNotFound`, `Unauthorized`, `PluginTooSlow`."""
        plugin = self._plugin(call)
        app = plugin.registered.app
        if app is not None:
            _check_signed_in(call, public=app.public)
            return await self._of_app(plugin, app, call)
        match = self._table(plugin).match(
            call.request.method, call.request.path.get("rest", "").split("/")
        )
        endpoint = match.route.endpoint
        _check_signed_in(call, public=endpoint.public)
        request = await _request(call, {name: decoded(part) for name, part in match.path.items()})
        return _reply(await self._plugins.call(plugin, endpoint.function, request), call)

    def _plugin(self, call: Call) -> Plugin:
        name = call.raw("plugin")
        for plugin in self._plugins.of(call.project.key):
            if plugin.name == name:
                return plugin
        raise RouteNotFound(f"{SECTION}/{name}")

    def _table(self, plugin: Plugin) -> RouteTable[Registered]:
        found = self._tables.get(plugin.origin)
        if found is None:
            found = RouteTable(
                Route(one.method, one.pattern, one) for one in plugin.registered.endpoints
            )
            self._tables[plugin.origin] = found
        return found

    async def _of_app(self, plugin: Plugin, app: App, call: Call) -> Reply:
        exchange = _AppExchange(await call.body.content())
        scope = _scope(call, plugin.name, await _request(call, {}))
        await self._plugins.call(plugin, app.asgi, scope, exchange.receive, exchange.send)
        return exchange.reply()


class _AppExchange:
    """One request to an application: the whole body in, the whole answer out."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 0
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._parts: list[bytes] = []
        self._size = 0

    async def receive(self) -> MutableMapping[str, Any]:
        if self._body is None:
            # Nobody hangs up on an answer that is sent when it is whole.
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = tuple(
                (bytes(name).lower(), bytes(value))
                for name, value in message.get("headers", ())
                if bytes(name).lower() != b"content-length"
            )
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            self._size += len(self._parts[-1])
            if self._size > MOST_BYTES:
                raise ValueError(f"an application answered more than {MOST_BYTES} bytes")

    def reply(self) -> Reply:
        if not self._status:
            raise RuntimeError("an application gave no answer")
        return Reply(b"".join(self._parts), self._status, self._headers)


async def _request(call: Call, path: dict[str, str]) -> CustomRequest:
    return CustomRequest(
        method=call.request.method,
        project=call.project.key,
        path=path,
        params=call.params,
        headers=dict(_shown_headers(call)),
        actor=call.actor,
        services=await services_of(call.project, call.actor),
        system=await services_of_system(call.project),
        body=call.body,
    )


def _scope(call: Call, plugin: str, request: CustomRequest) -> MutableMapping[str, Any]:
    root = f"/{call.project.key}/{SECTION}/{plugin}"
    rest = call.request.path.get("rest")
    path = root if rest is None else f"{root}/{decoded(rest)}"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "https" if call.request.secure else "http",
        "path": path,
        "raw_path": (root if rest is None else f"{root}/{rest}").encode(),
        "root_path": root,
        "query_string": call.request.query.encode("utf-8", "surrogateescape"),
        "headers": [
            (name.encode(), value.encode("latin-1")) for name, value in _shown_headers(call)
        ],
        "client": (call.actor.ip, 0),
        "server": None,
        "state": {"conductus": request},
    }


def _shown_headers(call: Call) -> list[tuple[str, str]]:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in call.request.headers.items()
    ]
    return [(name, value) for name, value in headers if name not in _KEPT_BACK]


def _check_signed_in(call: Call, *, public: bool) -> None:
    if call.public and not public:
        raise Unauthorized


def _reply(answer: Any, call: Call) -> Reply:
    if isinstance(answer, Answer):
        headers = tuple(
            (name.lower().encode("ascii"), _one_line(value))
            for name, value in answer.headers.items()
        )
        return Reply(answer.body, answer.status, headers)
    if answer is None:
        return nothing(public=call.public)
    return envelope(answer, public=call.public)


def _one_line(value: str) -> bytes:
    if any(letter in value for letter in "\r\n\0"):
        raise ValueError("a header of an answer holds more than one line")
    return value.encode("latin-1")
