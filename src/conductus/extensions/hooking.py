"""Makes hooks of a project of the functions that its plugins have registered.

What raises an event hands over a value of its own room; a function gets the event that
authors know, with services.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, assert_never

from conductus.config import PluginsConfig
from conductus.extensions.calling import Caller
from conductus.extensions.events import (
    BOOT,
    ERROR,
    AfterEvent,
    BeforeFile,
    BeforeSchemaChange,
    BeforeWrite,
    ItemsRead,
    Response,
    SignIn,
)
from conductus.extensions.loading import Plugin
from conductus.extensions.notices import Notices
from conductus.extensions.registry import Waiter, name_of
from conductus.extensions.services import reading, reading_of_system, services_of_system
from conductus.items.hooks import KEEPS, Hook, Hooks, Intended, Shown
from conductus.projects.events import Event
from conductus.projects.occasions import (
    ADMITTED,
    ASKED,
    REFUSED,
    RESPONSE,
    Outgoing,
    SignInSeen,
)
from conductus.projects.project import Project
from conductus.projects.schema_changes.heralding import SchemaIntended

AFTER_SECONDS: Final = 50.0
"""Less than a try of the outbox takes."""
NOTICED: Final = frozenset({ASKED, ADMITTED, REFUSED})
"""Events of a project that hooks are told of when the request is over."""
OF_SERVER: Final = frozenset({BOOT, ERROR})
"""Events that are of no project."""
_OF_CONTENTS: Final = frozenset(KEEPS.values())
Occasion = Intended | SchemaIntended | Shown | Outgoing | SignInSeen | Event


class Hooking:
    """Makes the hooks of projects."""

    def __init__(self, caller: Caller, config: PluginsConfig, notices: Notices) -> None:
        self._caller = caller
        self._config = config
        self._notices = notices

    def hooks(self, project: Project, plugins: Sequence[Plugin]) -> Hooks:
        """The hooks of a project that these plugins serve."""
        hooks = [
            self._hook(project, plugin, waiter)
            for plugin in plugins
            for waiter in plugin.registered.hooks
            if waiter.event not in OF_SERVER
        ]
        checks = {
            name: rule for plugin in plugins for name, rule in plugin.registered.validations.items()
        }
        return Hooks(hooks, checks)

    def _hook(self, project: Project, plugin: Plugin, waiter: Waiter) -> Hook:
        id = hook_id(plugin, waiter)
        after = waiter.moment == "after"
        seconds = AFTER_SECONDS if after else self._config.hook_seconds
        call = partial(self._call, project, plugin.name, waiter.function, seconds)
        return Hook(
            id=id,
            event=waiter.event,
            moment=waiter.moment,
            about=waiter.about,
            call=partial(self._noticed, id, call) if waiter.event in NOTICED else call,
        )

    async def _call(
        self, project: Project, plugin: str, function: Any, seconds: float, occasion: Occasion
    ) -> Any:
        told = await _event(project, occasion)
        return await self._caller(plugin, function, told, seconds=seconds)

    async def _noticed(self, id: str, call: Any, occasion: Occasion) -> None:
        self._notices.put(id, partial(call, occasion))


def hook_id(plugin: Plugin, waiter: Waiter) -> str:
    """What a hook is called in the outbox and the log."""
    return f"{plugin.name}:{name_of(waiter.function)}"


async def _event(project: Project, occasion: Occasion) -> Any:
    """What a function is called with."""
    match occasion:
        case Intended(event=event) if event in _OF_CONTENTS:
            return BeforeFile(
                event=event,
                key=occasion.key,
                payload=occasion.payload,
                content=occasion.context.chunks,
                actor=occasion.context.actor,
                project=project.key,
                system=reading_of_system(project),
            )
        case Intended():
            return BeforeWrite(
                event=occasion.event,
                collection=occasion.collection,
                key=occasion.key,
                payload=occasion.payload,
                actor=occasion.context.actor,
                project=project.key,
                services=reading(project, occasion.context),
                system=reading_of_system(project),
            )
        case SchemaIntended():
            return BeforeSchemaChange(
                event=occasion.event,
                collection=occasion.collection,
                field=occasion.field,
                payload=occasion.payload,
                actor=occasion.actor,
                project=project.key,
                system=reading_of_system(project),
            )
        case Shown():
            return ItemsRead(
                event="item.read",
                collection=occasion.collection,
                items=occasion.items,
                actor=occasion.context.actor,
                project=project.key,
                services=reading(project, occasion.context),
                system=reading_of_system(project),
            )
        case Outgoing():
            return Response(
                event=RESPONSE,
                method=occasion.method,
                path=occasion.path,
                status=occasion.status,
                payload=occasion.payload,
                actor=occasion.actor,
                project=project.key,
                system=await services_of_system(project),
            )
        case SignInSeen():
            return SignIn(
                event=occasion.event,
                how=occasion.how,
                email=occasion.email,
                user=occasion.user,
                code=occasion.code,
                message=occasion.message,
                ip=occasion.actor.ip,
                user_agent=occasion.actor.user_agent,
                project=project.key,
                system=await services_of_system(project),
            )
        case Event():
            return AfterEvent(
                id=occasion.id,
                event=occasion.event,
                collection=occasion.collection,
                item=occasion.item,
                payload=occasion.payload,
                user=occasion.actor,
                project=occasion.project,
                timestamp=occasion.timestamp,
                system=await services_of_system(project),
            )
        case _:
            assert_never(occasion)
