"""`conductus worker`: does what is left for later, and serves nobody."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from msgspec import structs

from conductus import __version__
from conductus.cli.console import say
from conductus.cli.places import DataFolder, own_folder
from conductus.config import LogFormat, ServerConfig, server_config
from conductus.telemetry import Log


def worker(*, data: DataFolder = None, log_format: LogFormat | None = None) -> None:
    """Do what is left for later: mail, hooks, webhooks, schedules.

    Parameters
    ----------
    log_format
        Log lines for people or for programs.
    """
    folder = own_folder(data, os.environ)
    config = server_config(folder, os.environ)
    if log_format is not None:
        config = structs.replace(config, log_format=log_format)
    asyncio.run(_work(folder, config))


async def _work(folder: Path, config: ServerConfig) -> None:
    from conductus.app import running
    from conductus.jobs.delivery import Attendance

    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    observer = Log(config.log_format)
    async with running(folder, os.environ, config, observer, attendance=Attendance.ALL):
        say(f"Conductus {__version__} does the work of {folder}")
        await stopped.wait()
