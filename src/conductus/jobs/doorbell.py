"""Tells those who do errands that there is something to do, wherever it was left.

Who leaves errands and does them in the same process rings for itself. Other processes of
the same machine are told by a number in the mapped file of counters, other machines by
Redis, where that is configured. It is a bell and nothing more: what it does not tell is
found when the outbox is looked at, every `jobs.poll_seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from conductus.projects.project import Project
from conductus.projects.registry import ended
from conductus.telemetry import Observer, TaskFailed

if TYPE_CHECKING:
    from redis.asyncio import Redis

TICK_SECONDS: Final = 0.1
PAUSE_SECONDS: Final = 5.0
"""How long Redis is left alone after it failed."""
_REDIS_SECONDS: Final = 1.0
_CHANNEL: Final = "conductus:bell"


class Doorbell:
    """Rings at the open projects of this process."""

    def __init__(self, redis_url: str, observer: Observer) -> None:
        """Without `redis_url`, other machines are not told."""
        self._redis_url = redis_url
        self._observer = observer
        self._known: dict[Project, int] = {}
        self._away = False

    async def beside(self, project: Project) -> None:
        """Listens for an open project; until cancelled."""
        self._known[project] = project.outbox.rings()
        try:
            await asyncio.Event().wait()
        finally:
            del self._known[project]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Rings meanwhile."""
        if not self._redis_url:
            tasks = {asyncio.create_task(self._tick(None))}
        else:
            client = _client(self._redis_url)
            tasks = {
                asyncio.create_task(self._tick(client)),
                asyncio.create_task(self._hear(client)),
            }
        try:
            yield
        finally:
            await ended(tasks)
            if self._redis_url:
                await client.aclose()

    async def _tick(self, client: Redis | None) -> None:
        """Passes on what was left by other processes, and by this one for other machines."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            rung = [project for project in self._known if self._is_new(project)]
            for project in rung:
                project.outbox.bell.set()
            if client is not None and rung:
                await self._publish(client, {each.config.auth.public_key for each in rung})

    def _is_new(self, project: Project) -> bool:
        rings = project.outbox.rings()
        if rings == self._known[project]:
            return False
        self._known[project] = rings
        return True

    async def _publish(self, client: Redis, keys: Iterable[str]) -> None:
        from redis.exceptions import RedisError

        try:
            for key in keys:
                await client.publish(_CHANNEL, key)
        except (RedisError, OSError) as error:
            self._missed(error)

    async def _hear(self, client: Redis) -> None:
        """Rings for what other machines left."""
        from redis.exceptions import RedisError

        while True:
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(_CHANNEL)
                    while True:
                        message = await heard.get_message(timeout=PAUSE_SECONDS)
                        self._away = False
                        if message is not None:
                            self._ring(bytes(message["data"]).decode(errors="replace"))
            except (RedisError, OSError) as error:
                self._missed(error)
            await asyncio.sleep(PAUSE_SECONDS)

    def _ring(self, key: str) -> None:
        for project in self._known:
            if project.config.auth.public_key == key:
                project.outbox.bell.set()

    def _missed(self, error: Exception) -> None:
        # Told once: the outbox is looked at without being told to.
        if not self._away:
            self._observer(TaskFailed("ring by Redis", error))
        self._away = True


def _client(url: str) -> Redis:
    from redis.asyncio import Redis

    return Redis.from_url(url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS)
