"""`conductus start`: look at everything first, then serve.

What can be wrong (folder, settings, another server, port, databases) is told in one line
before a worker starts. The workers build the same app from the environment.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import os
import resource
import signal
import threading
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec import structs

from conductus import __version__
from conductus.cli.application import CommandFailed
from conductus.cli.console import say, working
from conductus.cli.library_logs import library_logging
from conductus.cli.opened import loaded_plugins
from conductus.cli.places import DataFolder, free_port, own_folder, sole_server
from conductus.cli.project import made, tell
from conductus.config import (
    ConfigInvalid,
    LogFormat,
    ServerConfig,
    database_url,
    found_keys,
    project_config,
    server_config,
)
from conductus.database.opening import open_database
from conductus.errors import ApiError
from conductus.projects import setup
from conductus.projects.at_once import for_each
from conductus.projects.install import check_installed
from conductus.schema.system import System, load_system
from conductus.telemetry import (
    ConfigurationRefused,
    ConfigurationTaken,
    Log,
    ProjectUnavailable,
    ServerStarted,
    ServerStopped,
)

APP = "conductus.app:create"
FIRST_URL = "sqlite:///main.db"
READY_SECONDS = 60.0
LOOK_SECONDS = 20.0
"""How long the start waits for the projects' databases; who is later is looked at later."""
SILENT = "its database has not answered yet"
FILES_BESIDES = 1024
"""Files that a worker has open besides its clients' connections."""


def start(
    *,
    host: str | None = None,
    port: Annotated[int | None, Parameter(validator=Number(gte=0, lte=65535))] = None,
    data: DataFolder = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1, lte=1024))] = None,
    log_format: LogFormat | None = None,
    no_worker: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Start the server. The first start makes the data folder and the project `main`.

    Parameters
    ----------
    host
        Address to listen on; 127.0.0.1 unless configured otherwise.
    port
        Port to listen on; 8055 unless configured otherwise, 0 for any free one.
    workers
        Processes that serve; one for each core is plenty.
    log_format
        Log lines for people or for programs.
    no_worker
        Leave mail, hooks and webhooks to `conductus worker`.
    """
    folder = own_folder(data, os.environ)
    stated = {"host": host, "port": port, "workers": workers, "log_format": log_format}
    given = {name: value for name, value in stated.items() if value is not None}
    config = structs.replace(server_config(folder, os.environ), **given)
    if no_worker:
        config = structs.replace(config, jobs=structs.replace(config.jobs, deliver=False))
    with sole_server(folder):
        config = structs.replace(config, port=free_port(config.host, config.port))
        keys = asyncio.run(_prepared(folder, config))
        with loaded_plugins(folder, keys):
            # What every worker will load: what is wrong is told once.
            pass
        _serve(folder, config, keys)


async def _prepared(folder: Path, config: ServerConfig) -> tuple[str, ...]:
    """The projects; the first is made if there is none.

    One that cannot be used is told of, and keeps the server from starting only where no
    other can be.
    """
    system = load_system()
    keys, problems = found_keys(folder, os.environ)
    if config.first_project and not keys and not problems:
        await _first_project(folder, config.first_project, system, config.log_format)
        keys, problems = found_keys(folder, os.environ)
    found: dict[str, str | None] = {}

    async def look(key: str) -> None:
        found[key] = await _problem(folder, key)

    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await for_each(keys, look)
    if None not in found.values() and (problems or found):
        raise CommandFailed(next((each for each in (*problems, *found.values()) if each), SILENT))
    log = Log(config.log_format)
    for problem in problems:
        log(ProjectUnavailable("", problem))
    for key in keys:
        reason = found.get(key, SILENT)
        if reason is not None:
            log(ProjectUnavailable(key, reason))
    return keys


async def _first_project(folder: Path, key: str, system: System, log_format: LogFormat) -> None:
    login = setup.Login(
        os.environ.get("CONDUCTUS_ADMIN_EMAIL") or None,
        os.environ.get("CONDUCTUS_ADMIN_PASSWORD") or None,
    )
    # A program that reads the log would not understand the steps.
    with working() if log_format == "console" else nullcontext(_untold) as progress:
        wanted = setup.Wanted(key=key, url=FIRST_URL, login=login)
        created = await made(folder, system, wanted, progress)
    tell(created)


def _untold(step: str) -> None:
    """Progress that nobody watches."""


async def _problem(folder: Path, key: str) -> str | None:
    """What is wrong with a project."""
    try:
        config = project_config(folder, key, os.environ)
        database = await open_database(database_url(config, folder), pool_size=1)
        try:
            await check_installed(database, key)
        finally:
            await database.close()
    except ConfigInvalid as error:
        return str(error)
    except ApiError as error:
        return f"project {key}: {error.message}"
    return None


def _serve(folder: Path, config: ServerConfig, keys: tuple[str, ...]) -> None:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server import Server

    os.environ.update(
        CONDUCTUS_DATA=str(folder),
        CONDUCTUS_HOST=config.host,
        CONDUCTUS_PORT=str(config.port),
        CONDUCTUS_WORKERS=str(config.workers),
        CONDUCTUS_LOG_FORMAT=config.log_format,
        CONDUCTUS_JOBS__DELIVER=str(config.jobs.deliver).lower(),
    )
    _count_together(folder / "run" / "metrics")
    _allow_files(config.connections)
    # Nobody needs them any more, and a worker's environment may be read by others.
    for name in ("CONDUCTUS_ADMIN_EMAIL", "CONDUCTUS_ADMIN_PASSWORD"):
        os.environ.pop(name, None)
    log = Log(config.log_format)
    server = Server(
        APP,
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        factory=True,
        # HTTP/2 without TLS is spoken by no browser, and its waits have no limit here.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=int(config.client_seconds * 1000)),
        workers=config.workers,
        backpressure=config.connections,
        respawn_failed_workers=True,
        workers_kill_timeout=config.drain_seconds,
        log_dictconfig=library_logging(config.log_format),
        log_level=LogLevels.warning,
    )
    announcing = threading.Thread(target=_announce, args=(config, keys, log), daemon=True)
    server.on_startup(announcing.start)

    def heed(number: int, frame: FrameType | None) -> None:
        if _taken(folder, log):
            # Granian has no types for its handlers.
            server.signal_handler_reload(number, frame)  # type: ignore[no-untyped-call]

    # The server's own handler, set before the hooks, would not look at the settings first.
    server.on_startup(lambda: signal.signal(signal.SIGHUP, heed))
    server.serve()
    log(ServerStopped())


def _taken(folder: Path, log: Log) -> bool:
    """Whether the settings as they are now can be used; tells."""
    try:
        server_config(folder, os.environ)
    except ConfigInvalid as error:
        log(ConfigurationRefused(str(error)))
        return False
    log(ConfigurationTaken())
    return True


def _count_together(folder: Path) -> None:
    """Gives the workers an empty folder in which their counts add up."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _allow_files(connections: int) -> None:
    """Lets the workers have that many connections open, as far as this machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = connections + FILES_BESIDES
    if soft == unlimited or soft >= wanted:
        return
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (wanted if hard == unlimited else min(wanted, hard), hard)
    )


def _announce(config: ServerConfig, keys: tuple[str, ...], log: Log) -> None:
    """Tells where to go, once a worker answers."""
    address = _address(config.host, config.port)
    if not _answers(config):
        return
    log(ServerStarted(address, config.workers))
    say(f"Conductus {__version__} serves {address}")
    for key in keys:
        say(f"  project {key}: {address}/{key}/   documentation: {address}/{key}/docs")


def _answers(config: ServerConfig) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(_reachable(config.host), config.port, timeout=5)
        try:
            connection.request("GET", "/server/ping")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    return False


def _address(host: str, port: int) -> str:
    host = _reachable(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reachable(host: str) -> str:
    """Where a server that listens on `host` can be found from here."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
