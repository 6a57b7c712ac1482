"""The composition root: builds every object, owns start and stop."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from conductus.auth import invitations as invitations_room
from conductus.auth import recovery as recovery_room
from conductus.auth.hashers import Hashers
from conductus.auth.identity import Identity
from conductus.auth.invitations import Invitations
from conductus.auth.login import Login
from conductus.auth.passwords import Passwords
from conductus.auth.recovery import Recovery
from conductus.auth.second_factor_setup import sealed_secret
from conductus.auth.sessions import Sessions
from conductus.auth.sso import SingleSignOn
from conductus.config import ServerConfig, data_folder, server_config
from conductus.endpoints import server as server_section
from conductus.endpoints.auth import Authentication
from conductus.endpoints.invitations import Inviting
from conductus.endpoints.mail import Mailing
from conductus.endpoints.passwords import LostPasswords
from conductus.endpoints.routes import PROJECT_ROUTES, SERVER_ROUTES
from conductus.endpoints.specs import Specs
from conductus.endpoints.sso import SigningOn
from conductus.endpoints.utils import Utilities
from conductus.http.rates import Rates
from conductus.http.server import Server
from conductus.jobs.delivery import Delivery
from conductus.mail import messages as messages_room
from conductus.mail.mailer import Mailer
from conductus.mail.messages import Messages
from conductus.mail.templates import Templates
from conductus.mail.transports import Transports
from conductus.projects.registry import Registry
from conductus.telemetry import Log, Observer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@asynccontextmanager
async def running(
    data: Path, environment: Mapping[str, str], config: ServerConfig, observer: Observer
) -> AsyncIterator[Server]:
    """Everything a server needs, open; closed in reverse order."""
    async with AsyncExitStack() as stack:
        passwords = stack.enter_context(Passwords())
        mailer = Mailer(config.mail, Templates(data), Transports(data, observer))
        identity = Identity(observer)
        recovery = Recovery(identity, passwords, mailer.send, config.base_url)
        invitations = Invitations(
            identity, passwords, mailer.send, mailer.is_configured, config.base_url
        )
        messages = Messages(mailer)
        handlers = {
            messages_room.KIND: messages.deliver,
            recovery_room.KIND: recovery.deliver,
            invitations_room.KIND: invitations.deliver,
        }
        delivery = Delivery(handlers, observer, config.jobs.poll_seconds)
        registry = await stack.enter_async_context(
            Registry(
                data,
                environment,
                config,
                observer,
                passwords.hash_secret,
                sealed_secret,
                beside=(delivery.beside,),
            )
        )
        await stack.enter_async_context(identity)
        await stack.enter_async_context(delivery.waking(registry, data / "run" / "delivery.lock"))
        rates = await stack.enter_async_context(Rates(observer))
        login = Login(identity, passwords)
        sso = SingleSignOn(identity, observer, config.base_url)
        utilities = Utilities(Hashers(passwords))
        yield Server(
            registry=registry,
            identity=identity,
            rates=rates,
            observer=observer,
            routes=(
                *PROJECT_ROUTES,
                *Authentication(login, Sessions(identity)).routes(),
                *SigningOn(sso, login, config.base_url).routes(),
                *LostPasswords(recovery).routes(),
                *Mailing(messages).routes(),
                *Inviting(invitations, config.base_url).routes(),
                *utilities.routes(),
                *Specs().routes(),
            ),
            server_routes=SERVER_ROUTES,
            root=server_section.root,
            client_seconds=config.client_seconds,
        )


class Application:
    """The ASGI application of one worker: opens at start-up, closes at shutdown."""

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._opened = opened
        self._server: Server | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lifespan and HTTP; anything else is refused."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and self._server is not None:
            await self._server(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise RuntimeError(f"A {scope['type']} request came before the start")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._opened() as server:
                self._server = server
                # What is here now stays: let nobody go over it again at each full collection,
                # which would hold the loop up for some fifty milliseconds.
                gc.collect()
                gc.freeze()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                self._server = None
        except Exception as error:
            failed = "shutdown" if self._server is None else "startup"
            await send({"type": f"lifespan.{failed}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def create() -> Application:
    """The application as the environment describes it: the server's factory."""
    data = data_folder(None, os.environ)
    config = server_config(data, os.environ)
    return Application(lambda: running(data, os.environ, config, Log(config.log_format)))
