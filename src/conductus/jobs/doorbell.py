"""Tells processes of a project that there is something to look at, wherever it was left.

Who leaves something and looks after it in the same process rings for itself. Other
processes of the same machine are told by numbers in the mapped file of counters, other
machines by the database, where it passes on what is said (LISTEN and NOTIFY), and by Redis,
where that is configured. It is a bell and nothing more: what it does not tell is found when
the counts are looked at, every `watch.tick_seconds`, and the outbox, every
`jobs.poll_seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from conductus.errors import ApiError
from conductus.projects.bells import CHANNEL, Topic, tell
from conductus.projects.project import Project
from conductus.projects.registry import ended
from conductus.telemetry import Observer, TaskFailed

if TYPE_CHECKING:
    from redis.asyncio import Redis

TICK_SECONDS: Final = 0.1
PAUSE_SECONDS: Final = 5.0
"""How long a database or Redis is left alone after it failed."""
_REDIS_SECONDS: Final = 1.0
_REDIS_CHANNEL: Final = "conductus:bell"


class Doorbell:
    """Rings at the open projects of this process."""

    def __init__(self, redis_url: str, observer: Observer, *, listens: bool = True) -> None:
        """Without `redis_url` Redis is not asked; `listens` says whether databases are."""
        self._redis_url = redis_url
        self._observer = observer
        self._listens = listens
        self._redis: Redis | None = None
        self._known: dict[Project, _Rung] = {}
        self._away = False

    async def beside(self, project: Project) -> None:
        """Rings for an open project, here and elsewhere; until cancelled."""
        self._known[project] = _Rung(project)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass_on(project))
                if self._listens:
                    tasks.create_task(self._listen(project))
        finally:
            del self._known[project]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Looks at the numbers meanwhile, and hears Redis, where there is one."""
        tasks = {asyncio.create_task(self._tick())}
        if self._redis_url:
            self._redis = _client(self._redis_url)
            tasks.add(asyncio.create_task(self._hear(self._redis)))
        try:
            yield
        finally:
            await ended(tasks)
            if self._redis is not None:
                await self._redis.aclose()

    # -- telling --------------------------------------------------------------------

    async def _tick(self) -> None:
        """Looks at what was left by other processes, and by this one for other machines."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for project, rung in self._known.items():
                for topic in rung.moved(project):
                    project.rung(topic)

    async def _pass_on(self, project: Project) -> None:
        """Tells other machines."""
        rung = self._known[project]
        while True:
            topics = await rung.untold()
            await self._publish(project, topics)
            await self._say(project, topics)

    async def _say(self, project: Project, topics: Iterable[Topic]) -> None:
        """Tells other servers by the database; of changes it was told with the change."""
        dialect = project.database.dialect
        said = [topic for topic in topics if topic is not Topic.CHANGES]
        if not said or dialect.notice() is None:
            return
        try:
            async with project.database.transaction() as transaction:
                for topic in said:
                    await tell(transaction, dialect, topic)
        except ApiError:
            # That the database is away is told by the project's watch.
            pass
        except Exception as error:
            self._observer(TaskFailed(f"ring for {project.key}", error))

    async def _publish(self, project: Project, topics: Iterable[Topic]) -> None:
        if self._redis is None:
            return
        from redis.exceptions import RedisError

        try:
            for topic in topics:
                told = f"{project.config.auth.public_key} {topic.value}"
                await self._redis.publish(_REDIS_CHANNEL, told)
        except (RedisError, OSError) as error:
            self._missed(error)

    # -- hearing --------------------------------------------------------------------

    async def _listen(self, project: Project) -> None:
        """Rings for what other servers say by the database."""
        told = False
        while True:
            try:
                await project.database.hear(CHANNEL, partial(_ring, project))
                # Nothing is passed on there.
                return
            except ApiError as error:
                # That the database is away is told by the project's watch.
                if not told and error.status < 503:
                    self._observer(TaskFailed(f"listen to {project.key}", error))
                    told = True
            except Exception as error:
                self._observer(TaskFailed(f"listen to {project.key}", error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _hear(self, client: Redis) -> None:
        """Rings for what other machines say by Redis."""
        from redis.exceptions import RedisError

        while True:
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(_REDIS_CHANNEL)
                    while True:
                        message = await heard.get_message(timeout=PAUSE_SECONDS)
                        self._away = False
                        if message is not None:
                            self._heard(bytes(message["data"]).decode(errors="replace"))
            except (RedisError, OSError) as error:
                self._missed(error)
            await asyncio.sleep(PAUSE_SECONDS)

    def _heard(self, told: str) -> None:
        key, _, word = told.partition(" ")
        for project in self._known:
            if project.config.auth.public_key == key:
                _ring(project, word)

    def _missed(self, error: Exception) -> None:
        # Told once: what is left is looked for without being told to.
        if not self._away:
            self._observer(TaskFailed("ring by Redis", error))
        self._away = True


class _Rung:
    """The numbers of one project as they were seen, and what has not been passed on yet."""

    def __init__(self, project: Project) -> None:
        self._seen = {topic: project.rings(topic) for topic in Topic}
        self._untold: set[Topic] = set()
        self._some = asyncio.Event()

    def moved(self, project: Project) -> list[Topic]:
        """Those whose number is another than it was."""
        found = []
        for topic, seen in self._seen.items():
            now = project.rings(topic)
            if now != seen:
                self._seen[topic] = now
                found.append(topic)
        if found:
            self._untold.update(found)
            self._some.set()
        return found

    async def untold(self) -> set[Topic]:
        """What is to be passed on, waited for."""
        await self._some.wait()
        self._some.clear()
        topics, self._untold = self._untold, set()
        return topics


def _ring(project: Project, word: str) -> None:
    """Rings for a word that was said; for no word, for whatever may have been missed."""
    for topic in Topic:
        if word in ("", topic.value):
            project.rung(topic)


def _client(url: str) -> Redis:
    from redis.asyncio import Redis

    return Redis.from_url(url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS)
