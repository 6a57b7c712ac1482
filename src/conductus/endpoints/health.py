"""Whether the server and what it leans on are well. Source: projects page §1."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from conductus.errors import ApiError, ThingNotFound
from conductus.files.storages import Storages
from conductus.http.call import ServerCall
from conductus.http.reply import Reply, json_reply
from conductus.http.routing import Route
from conductus.projects.at_once import for_each
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.tallies.redis import RedisAway, RedisDoor

PATIENCE_SECONDS: Final = 3.0
"""How long what is asked may take to say that it is well."""
OK: Final = "ok"
ASLEEP: Final = "asleep"
UNREACHABLE: Final = "unreachable"
_NEEDED: Final = ("database", "storage")
"""What requests cannot do without; while Redis is away, others count."""
_NO_OBJECT: Final = ".health"
State = dict[str, Any]


class Health:
    """The endpoint."""

    def __init__(self, storages: Storages, redis: RedisDoor) -> None:
        self._storages = storages
        self._redis = redis

    def routes(self) -> tuple[Route[Any], ...]:
        """Where it answers."""
        return (Route("GET", "health", self.health),)

    async def health(self, call: ServerCall) -> Reply:
        """What every project leans on: 200, or 503 with what is amiss.

        Where there are many projects, those asleep are not woken for it.
        """
        registry = call.registry
        states = await for_each(registry.public_keys(), lambda key: self._state(registry, key))
        fine = all(
            state.get(name, OK) in (OK, ASLEEP) for state in states.values() for name in _NEEDED
        )
        body = {"status": OK if fine else "failing", "projects": states}
        return json_reply({"data": body, "public": True}, 200 if fine else 503)

    async def _state(self, registry: Registry, key: str) -> State:
        try:
            kept_out = registry.maintenance(key) is not None
            state = {"database": ASLEEP}
            if registry.is_wanted(key):
                state = await self._awake(registry, key)
        except ApiError:
            # It was removed meanwhile.
            return {"database": UNREACHABLE}
        return {**state, "maintenance": True} if kept_out else state

    async def _awake(self, registry: Registry, key: str) -> State:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                project = await registry.attended(key)
                await project.database.ping()
        except (ApiError, TimeoutError):
            return {"database": UNREACHABLE}
        state = {"database": OK, "storage": await self._storage(project)}
        if project.config.rate_limit.adapter == "redis":
            state["cache"] = await self._cache(project)
        return state

    async def _storage(self, project: Project) -> str:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._storages.of(project).originals.head(_NO_OBJECT)
        except ThingNotFound:
            # It looked, and there is none: so it works.
            return OK
        except (ApiError, TimeoutError):
            return UNREACHABLE
        return OK

    async def _cache(self, project: Project) -> str:
        try:
            await self._redis.ask(project.config.rate_limit.redis_url, lambda redis: redis.ping())
        except RedisAway:
            return UNREACHABLE
        return OK
