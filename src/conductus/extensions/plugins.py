"""The plugins of one server, and what of them each project gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from conductus.config import PROJECT_FOLDER, PluginsConfig
from conductus.extensions.calling import Caller
from conductus.extensions.events import AfterEvent, BeforeWrite
from conductus.extensions.loading import (
    FOLDER,
    Found,
    Plugin,
    PluginFailed,
    in_folder,
    installed,
    loaded,
)
from conductus.extensions.registry import Hasher, Waiter, name_of
from conductus.extensions.services import Reading, reading, services_of_system
from conductus.items.hooks import Hook, Hooks, Intended
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.events import Event, Listeners, Waiting
from conductus.projects.project import Project
from conductus.telemetry import Observer, PluginSkipped

AFTER_SECONDS: Final = 50.0
"""Less than a try of the outbox takes."""


class Plugins:
    """Loads plugins, and hands each project its own.

    Those that serve every project are loaded at once: `load_all` raises `PluginFailed`.
    """

    def __init__(
        self,
        data: Path,
        config: PluginsConfig,
        observer: Observer,
        caller: Caller,
        given: Sequence[Found] = (),
    ) -> None:
        """`given` are plugins besides those that are found."""
        self._data = data
        self._config = config
        self._observer = observer
        self._caller = caller
        self._given = given
        self._shared: tuple[Plugin, ...] | None = None
        self._own: dict[str, tuple[Plugin, ...]] = {}

    def shared(self) -> tuple[Plugin, ...]:
        """Those that serve every project. Raises `PluginFailed`."""
        if self._shared is None:
            self._shared = self._loaded(
                [*installed(), *in_folder(self._data / FOLDER), *self._given], ()
            )
        return self._shared

    def of(self, project: str) -> tuple[Plugin, ...]:
        """Those that serve a project. Raises `PluginFailed`."""
        found = self._own.get(project)
        if found is None:
            shared = self.shared()
            own = in_folder(self._data / PROJECT_FOLDER / project / FOLDER)
            found = (*shared, *self._loaded(own, shared))
            _check_unique(found)
            self._own[project] = found
        return found

    def load_all(self, projects: Iterable[str]) -> None:
        """Loads those of these projects. Raises `PluginFailed`."""
        self.shared()
        for project in projects:
            self.of(project)

    def waiting(self, project: str, listeners: Sequence[Listeners] = ()) -> Waiting:
        """Who waits for what happens in a project."""
        plugins = self.of(project)
        return Waiting(hooks=lambda opened: self._hooks(opened, plugins), listeners=(*listeners,))

    async def call(self, plugin: Plugin, function: Any, *given: Any) -> Any:
        """Calls what answers a request. Raises what it raises, `PluginTooSlow`."""
        seconds = self._config.endpoint_seconds
        return await self._caller(plugin.name, function, *given, seconds=seconds)

    def find_hasher(self, project: str, name: str) -> PluginHasher | None:
        """The hasher of that name that a project's plugins offer."""
        for plugin in self.of(project):
            for hasher in plugin.registered.hashers:
                if hasher.name == name:
                    return PluginHasher(partial(self.call, plugin), hasher)
        return None

    def find_template(self, project: str, file: str) -> str | None:
        """The file of mail of that name that a project's plugins offer."""
        for plugin in self.of(project):
            if file in plugin.registered.templates:
                return plugin.registered.templates[file]
        return None

    def _loaded(self, found: Iterable[Found], known: Sequence[Plugin]) -> tuple[Plugin, ...]:
        plugins: list[Plugin] = []
        for one in found:
            if one.name in self._config.off:
                continue
            try:
                if any(one.name == other.name for other in (*known, *plugins)):
                    raise PluginFailed(f"plugin {one.name} ({one.origin}): the name is taken")
                plugins.append(loaded(one, self._config))
            except PluginFailed as error:
                if one.name not in self._config.optional:
                    raise
                self._observer(PluginSkipped(one.name, str(error)))
        return tuple(plugins)

    # -- hooks ------------------------------------------------------------------------

    def _hooks(self, project: Project, plugins: Sequence[Plugin]) -> Hooks:
        hooks = [
            self._hook(project, plugin, waiter)
            for plugin in plugins
            for waiter in plugin.registered.hooks
        ]
        checks = {
            name: rule for plugin in plugins for name, rule in plugin.registered.validations.items()
        }
        return Hooks(hooks, checks)

    def _hook(self, project: Project, plugin: Plugin, waiter: Waiter) -> Hook:
        call = self._before if waiter.moment == "before" else self._after
        return Hook(
            id=f"{plugin.name}:{name_of(waiter.function)}",
            event=waiter.event,
            moment=waiter.moment,
            collection=waiter.collection,
            call=partial(call, project, plugin.name, waiter.function),
        )

    async def _before(
        self, project: Project, plugin: str, function: Any, intended: Intended
    ) -> Any:
        told = BeforeWrite(
            event=intended.event,
            collection=intended.collection,
            key=intended.key,
            payload=intended.payload,
            actor=intended.context.actor,
            project=project.key,
            services=reading(project, intended.context),
            system=_system_reading(project, intended),
        )
        return await self._caller(plugin, function, told, seconds=self._config.hook_seconds)

    async def _after(self, project: Project, plugin: str, function: Any, event: Event) -> None:
        told = AfterEvent(
            id=event.id,
            event=event.event,
            collection=event.collection,
            item=event.item,
            payload=event.payload,
            user=event.actor,
            project=event.project,
            timestamp=event.timestamp,
            system=await services_of_system(project),
        )
        await self._caller(plugin, function, told, seconds=AFTER_SECONDS)


class PluginHasher:
    """A hasher of a plugin, called as its functions are."""

    def __init__(self, call: Callable[..., Awaitable[Any]], hasher: Hasher) -> None:
        self._call = call
        self._hasher = hasher

    async def hash(self, text: str) -> str:
        """The hash of a text."""
        return str(await self._call(self._hasher.hash, text))

    async def matches(self, text: str, hashed: str) -> bool:
        """Whether the hash is that of the text."""
        return bool(await self._call(self._hasher.matches, text, hashed))


def _check_unique(plugins: Iterable[Plugin]) -> None:
    """Raises `PluginFailed` when two plugins offer the same thing under one name."""
    seen: dict[tuple[str, str], str] = {}
    for plugin in plugins:
        one = plugin.registered
        names = [("hasher", hasher.name) for hasher in one.hashers]
        names += [("template", name) for name in one.templates]
        names += [("validation", name) for name in one.validations]
        names += [("command", command.name) for command in one.commands]
        for kind, name in names:
            if (kind, name) in seen:
                other = seen[kind, name]
                raise PluginFailed(f"plugin {plugin.name}: {other} has a {kind} {name!r} already")
            seen[kind, name] = plugin.name


def _system_reading(project: Project, intended: Intended) -> Reading:
    context = replace(intended.context, actor=SYSTEM, policy=ADMINISTRATOR)
    return reading(project, context)
