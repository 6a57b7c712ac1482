"""The composition root: builds every object, owns start and stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
from msgspec.structs import asdict

from conductus.auth import invitations as invitations_room
from conductus.auth import password_reset as password_reset_room
from conductus.auth import super_admin as super_admin_room
from conductus.auth.hashers import Hashers
from conductus.auth.identity import Identity
from conductus.auth.invitations import Invitations
from conductus.auth.login import Login
from conductus.auth.password_reset import PasswordReset
from conductus.auth.passwords import Passwords
from conductus.auth.second_factor_setup import sealed_secret
from conductus.auth.sessions import Sessions, swept_sessions
from conductus.auth.sso import SingleSignOn
from conductus.auth.sso_providers import Preset
from conductus.auth.super_admin import SuperAdmin
from conductus.config import ConfigInvalid, ServerConfig, data_folder, found_keys, server_config
from conductus.endpoints import mail as mail_section
from conductus.endpoints import server as server_section
from conductus.endpoints import utils as utils_section
from conductus.endpoints.assets import Assets
from conductus.endpoints.auth import Authentication
from conductus.endpoints.custom import Custom
from conductus.endpoints.events import Events
from conductus.endpoints.extensions import Extensions
from conductus.endpoints.files import Files
from conductus.endpoints.gql import Querying
from conductus.endpoints.health import Health
from conductus.endpoints.invitations import Inviting
from conductus.endpoints.mail import Mailing
from conductus.endpoints.metrics import Counted
from conductus.endpoints.passwords import LostPasswords
from conductus.endpoints.routes import PROJECT_ROUTES, SERVER_ROUTES
from conductus.endpoints.scim import Provisioning
from conductus.endpoints.server import ServerProjects
from conductus.endpoints.specs import Specs
from conductus.endpoints.sso import SigningOn
from conductus.endpoints.subscriptions import Subscriptions
from conductus.endpoints.transfer import Transfers
from conductus.endpoints.utils import Utilities
from conductus.endpoints.webhooks import Hooking
from conductus.extensions.calling import Caller
from conductus.extensions.loading import Found
from conductus.extensions.plugins import Plugins
from conductus.extensions.statics import Statics
from conductus.files.addresses import FileFields
from conductus.files.checking import swept_files
from conductus.files.images import ImageProcesses
from conductus.files.incoming import Intake
from conductus.files.storages import Storages
from conductus.files.thumbnails import Thumbnails
from conductus.files.uploads import Uploads
from conductus.http.application import Application
from conductus.http.rates import Rates
from conductus.http.routing import Route
from conductus.http.server import AtRoot, Routes, Server
from conductus.jobs import hooked
from conductus.jobs.claims import swept_errands
from conductus.jobs.delivery import Attendance, Delivery
from conductus.jobs.doorbell import Doorbell
from conductus.jobs.retention import Retention
from conductus.jobs.schedules import Schedules
from conductus.mail import messages as messages_room
from conductus.mail.mailer import Mailer
from conductus.mail.messages import Messages
from conductus.mail.templates import Templates
from conductus.mail.transports import Transports
from conductus.mail.welcome import Welcome
from conductus.outgoing.addresses import Allowed
from conductus.outgoing.client import guarded
from conductus.projects.aged_history import swept_activity, swept_revisions
from conductus.projects.events import HOOK
from conductus.projects.install import WELCOME
from conductus.projects.registry import Beside, Company, Registry
from conductus.projects.webhooks import KIND as WEBHOOK
from conductus.realtime.hubs import Hubs
from conductus.tallies.redis import RedisDoor
from conductus.tallies.throttle import Throttles
from conductus.telemetry import Log, Observer, all_of
from conductus.webhooks import sender as webhooks_room
from conductus.webhooks.deliveries import swept_deliveries
from conductus.webhooks.listening import webhook_listeners
from conductus.webhooks.sender import Sender

if TYPE_CHECKING:
    from conductus.metrics.meters import Meters
    from conductus.tracing.spans import Spans

LOG_SECONDS: Final = 0.05
"""For so long, lines of requests may wait to be written together."""


@asynccontextmanager
async def running(
    data: Path,
    environment: Mapping[str, str],
    config: ServerConfig,
    observer: Observer,
    given: Sequence[Found] = (),
    attendance: Attendance | None = None,
) -> AsyncIterator[Server]:
    """Everything a server needs, open; closed in reverse order.

    `given` are plugins besides those that are found; `attendance` says whose errands are
    done, if not those that the configuration says. Raises `PluginFailed`.
    """
    if attendance is None:
        attendance = Attendance.OPEN if config.jobs.deliver else Attendance.NONE
    async with AsyncExitStack() as stack:
        calls = stack.enter_context(Caller(config.plugins.threads))
        plugins = Plugins(data, config.plugins, observer, calls, given)
        plugins.load_all(found_keys(data, environment)[0])
        meters = _meters(config)
        spans = stack.enter_context(_spans(config))
        observer = all_of(
            observer, plugins.observe, *(each for each in (meters, spans) if each is not None)
        )
        passwords = stack.enter_context(Passwords(config.passwords))
        mailer = Mailer(
            config.mail, Templates(data, plugins.find_template), Transports(data, observer)
        )
        identity = Identity(observer)
        redis = await stack.enter_async_context(RedisDoor(observer))
        throttles = stack.enter_context(Throttles(data / "run" / "throttles", redis))
        password_reset = PasswordReset(identity, passwords, mailer.send, config.base_url, throttles)
        invitations = Invitations(
            identity, passwords, mailer.send, mailer.is_configured, config.base_url
        )
        messages = Messages(mailer)
        allowed = Allowed(config.outgoing.allow)
        sender = Sender(
            await stack.enter_async_context(
                httpx2.AsyncClient(**guarded(allowed, largest=webhooks_room.LARGEST_ANSWER))
            )
        )
        delivery = Delivery(
            {
                messages_room.KIND: messages.deliver,
                password_reset_room.KIND: password_reset.deliver,
                invitations_room.KIND: invitations.deliver,
                WELCOME: Welcome(mailer, config.base_url).deliver,
                HOOK: hooked.deliver,
                WEBHOOK: sender.deliver,
            },
            observer,
            config.jobs.poll_seconds,
        )
        storages = Storages(data, observer, plugins.find_storage)
        bell = Doorbell(config.jobs.redis_url, observer, listens=config.watch.listen)
        file_fields = FileFields(config.base_url)
        hubs = Hubs(config.watch, observer, file_fields.of)
        registry = await stack.enter_async_context(
            Registry(
                data,
                environment,
                config,
                observer,
                passwords.hash_secret,
                sealed_secret,
                Company(
                    beside=(
                        bell.beside,
                        hubs.beside,
                        *_attending(attendance, delivery, _schedules(storages, observer), meters),
                    ),
                    waiting=lambda key: plugins.waiting(key, (webhook_listeners,)),
                    keeps=() if attendance is Attendance.NONE else (delivery.keeps,),
                ),
            )
        )
        await stack.enter_async_context(identity)
        await stack.enter_async_context(bell.listening())
        await stack.enter_async_context(
            delivery.attending(registry, attendance, data / "run" / "delivery.lock")
        )
        login = Login(identity, passwords, throttles)
        sso = SingleSignOn(identity, observer, config.base_url, _presets(plugins))
        querying = Querying()
        images = await stack.enter_async_context(ImageProcesses(config.images))
        thumbnails = await stack.enter_async_context(
            Thumbnails(storages, images, config.images.pixels)
        )
        extensions = Extensions(Statics(data))
        intake = Intake(data / "run", allowed)
        files = Files(Uploads(storages, thumbnails), intake, storages)
        server = Server(
            registry=registry,
            identity=identity,
            rates=Rates(redis),
            observer=observer,
            routes=Routes(
                project=(
                    *PROJECT_ROUTES,
                    *Authentication(login, Sessions(identity)).routes(),
                    *SigningOn(sso, login, config.base_url).routes(),
                    *LostPasswords(password_reset).routes(),
                    *Mailing(messages, throttles.of("mail by writer", mail_section.PACE)).routes(),
                    *Inviting(invitations, config.base_url).routes(),
                    *_utilities(Hashers(passwords, plugins.find_hasher), throttles, intake),
                    *Events(hubs, identity).routes(),
                    *Hooking(sender).routes(),
                    *Assets(storages, thumbnails, identity).routes(),
                    *Specs().routes(),
                    *querying.routes(),
                    *Provisioning(config.base_url).routes(),
                    *files.routes(),
                    *extensions.routes(),
                    *Custom(plugins).routes(),
                ),
                uploads=files.open_routes(),
                server=(
                    *SERVER_ROUTES,
                    *Health(storages, redis).routes(),
                    *_server_projects(data, environment, config, passwords, throttles).routes(),
                    *_counted(config, meters).routes(),
                ),
                sockets=Subscriptions(hubs, identity, querying).routes(),
                end_streams=hubs.end,
            ),
            at_root=AtRoot(server_section.root, extensions.file),
            computing=file_fields.of,
            client_seconds=config.client_seconds,
        )
        await stack.enter_async_context(plugins.serving(server))
        yield server


def _attending(
    attendance: Attendance, delivery: Delivery, schedules: Schedules, meters: Meters | None
) -> Iterator[Beside]:
    """What is beside each open project on some servers alone."""
    if attendance is not Attendance.NONE:
        yield delivery.beside
        yield schedules.beside
    if meters is not None:
        yield meters.beside


def _server_projects(
    data: Path,
    environment: Mapping[str, str],
    config: ServerConfig,
    passwords: Passwords,
    throttles: Throttles,
) -> ServerProjects:
    tried = throttles.of("super-admin by address", super_admin_room.PACE)
    super_admin = SuperAdmin(data, config.super_admin_token, passwords, tried)
    databases = Allowed(config.creation.databases)
    return ServerProjects(
        data,
        environment,
        super_admin,
        databases,
        passwords.hash_secret,
        mails=config.mail.is_configured,
    )


def _utilities(hashers: Hashers, throttles: Throttles, intake: Intake) -> tuple[Route[Any], ...]:
    """The routes of the utilities, all of which count the public together."""
    asked = throttles.of("utilities by address", utils_section.PACE)
    return (*Utilities(hashers, asked).routes(), *Transfers(asked, intake).routes())


def _schedules(storages: Storages, observer: Observer) -> Schedules:
    """What is done at stated times."""
    sweeps = {
        "sessions": swept_sessions,
        "deliveries": swept_deliveries,
        "errands": swept_errands,
        # Before the activity, which says how old they are.
        "revisions": swept_revisions,
        "activity": swept_activity,
        "files": swept_files(storages),
    }
    return Schedules((Retention(sweeps, observer).schedule,), observer)


def _presets(plugins: Plugins) -> Callable[[str, str], Preset | None]:
    """What plugins offer for signing in elsewhere."""

    def find(project: str, name: str) -> Preset | None:
        found = plugins.find_sso(project, name)
        return None if found is None else Preset(**asdict(found))

    return find


def _meters(config: ServerConfig) -> Meters | None:
    """What counts, where somebody may read it."""
    if not config.metrics.token:
        return None
    from conductus.metrics.meters import Meters

    return Meters()


def _spans(config: ServerConfig) -> AbstractContextManager[Spans | None]:
    """What makes spans, where somebody collects them. Raises `ConfigInvalid`."""
    if not config.tracing.endpoint:
        return nullcontext()
    try:
        from conductus.tracing.spans import Spans
    except ImportError as error:
        raise ConfigInvalid("tracing needs `pip install conductus[tracing]`") from error
    return Spans(config.tracing.endpoint)


def _counted(config: ServerConfig, meters: Meters | None) -> Counted:
    if meters is None:
        return Counted("", None, None)
    from conductus.metrics.waiting import waiting

    return Counted(config.metrics.token, meters.text, waiting)


def create() -> Application:
    """The application as the environment describes it: the server's factory."""
    data = data_folder(None, os.environ)
    config = server_config(data, os.environ)
    return Application(lambda: _logged(data, config), drain_seconds=config.drain_seconds)


@asynccontextmanager
async def _logged(data: Path, config: ServerConfig) -> AsyncIterator[Server]:
    later = partial(asyncio.get_running_loop().call_later, LOG_SECONDS)
    log = Log(config.log_format, later=later)
    try:
        async with running(data, os.environ, config, log) as server:
            yield server
    finally:
        log.flush()
