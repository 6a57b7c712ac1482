"""How much is left for later, asked of the databases when somebody wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from conductus.errors import ApiError
from conductus.projects.at_once import for_each
from conductus.projects.outbox import OUTBOX
from conductus.projects.project import Project
from conductus.projects.registry import Registry

PATIENCE_SECONDS: Final = 3.0
_TABLE: Final = sa.table(sa.quoted_name(OUTBOX, quote=True), sa.column("due"))


async def waiting(registry: Registry) -> bytes:
    """The errands of each project as Prometheus reads them; who is away is left out."""
    own = CollectorRegistry()
    gauge = Gauge(
        "conductus_outbox_errands",
        "What is left for later, and what failed for good.",
        ("project", "state"),
        registry=own,
    )

    async def ask(key: str) -> None:
        with suppress(ApiError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                for state, count in await _states(await registry.attended(key)):
                    gauge.labels(key, state).set(count)

    # Those asleep have nothing left to be done.
    await for_each(filter(registry.is_wanted, registry.keys()), ask)
    return generate_latest(own)


async def _states(project: Project) -> Iterable[tuple[str, int]]:
    # What failed for good is due no more.
    statement = project.database.dialect.compile(
        sa.select(sa.func.count(_TABLE.c.due), sa.func.count()).select_from(_TABLE)
    )
    ((due, every),) = await project.database.fetch(statement.sql, statement.values({}))
    return ("waiting", int(due)), ("parked", int(every) - int(due))
