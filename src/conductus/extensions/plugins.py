"""The plugins of one server, and what of them each project gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from conductus.config import PROJECT_FOLDER, PluginsConfig
from conductus.extensions.calling import Caller
from conductus.extensions.events import BOOT, ERROR, Boot, Fault
from conductus.extensions.hooking import Hooking, hook_id
from conductus.extensions.loading import (
    FOLDER,
    Found,
    Plugin,
    PluginFailed,
    in_folder,
    installed,
    loaded,
)
from conductus.extensions.notices import Notices
from conductus.extensions.registry import Hasher, OpenStorage, SsoProvider, Waiter
from conductus.projects.events import Listeners, Waiting
from conductus.telemetry import (
    Observation,
    Observer,
    PluginSkipped,
    RequestFailed,
    TaskFailed,
    redacted,
)


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
        self._notices = Notices(observer)
        self._hooking = Hooking(caller, config, self._notices)
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
        return Waiting(
            hooks=lambda opened: self._hooking.hooks(opened, plugins), listeners=(*listeners,)
        )

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

    def find_storage(self, project: str, name: str) -> OpenStorage | None:
        """What opens the storage of that name that a project's plugins offer."""
        for plugin in self.of(project):
            if name in plugin.registered.storages:
                return plugin.registered.storages[name]
        return None

    def find_sso(self, project: str, name: str) -> SsoProvider | None:
        """The provider of single sign-on of that name that a project's plugins offer."""
        for plugin in self.of(project):
            found = plugin.registered.sso_providers.get(name)
            if found is not None:
                claims = None if found.claims is None else partial(self.call, plugin, found.claims)
                return replace(found, claims=claims)
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

    # -- events of the server ---------------------------------------------------------

    @asynccontextmanager
    async def serving(self, app: Any) -> AsyncIterator[None]:
        """Tells whoever waits that the server begins, and hooks of what no outbox keeps."""
        async with self._notices:
            await self._boot(app)
            yield

    async def _boot(self, app: Any) -> None:
        for plugin, waiter in _waiters(self._every(), BOOT):
            told = Boot(event=BOOT, app=app)
            seconds = self._config.hook_seconds
            try:
                await self._caller(plugin.name, waiter.function, told, seconds=seconds)
            # A wall: what a plugin cannot do at the start keeps nobody from the rest.
            except Exception as error:
                self._observer(TaskFailed(f"hook {hook_id(plugin, waiter)}", error))

    def observe(self, observation: Observation) -> None:
        """Tells whoever waits of errors that nobody expected: an `Observer`."""
        fault = _find_fault(observation)
        if fault is None:
            return
        for plugin, waiter in _waiters(self._concerned(fault.project), ERROR):
            seconds = self._config.hook_seconds
            call = partial(self._caller, plugin.name, waiter.function, fault, seconds=seconds)
            self._notices.put(hook_id(plugin, waiter), call)

    def _every(self) -> Iterable[Plugin]:
        """Each of those that are loaded, once."""
        every = chain(self.shared(), *self._own.values())
        return {plugin.origin: plugin for plugin in every}.values()

    def _concerned(self, project: str | None) -> Iterable[Plugin]:
        """Those that serve a project; of what is no project's, those that serve all."""
        return self.shared() if project is None else self._own.get(project, self.shared())


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
        names += [("storage", name) for name in one.storages]
        names += [("provider of single sign-on", name) for name in one.sso_providers]
        for kind, name in names:
            if (kind, name) in seen:
                other = seen[kind, name]
                raise PluginFailed(f"plugin {plugin.name}: {other} has a {kind} {name!r} already")
            seen[kind, name] = plugin.name


def _waiters(plugins: Iterable[Plugin], event: str) -> Iterator[tuple[Plugin, Waiter]]:
    for plugin in plugins:
        for waiter in plugin.registered.hooks:
            if waiter.event == event:
                yield plugin, waiter


def _find_fault(observation: Observation) -> Fault | None:
    """What is told of a fault, without secrets."""
    match observation:
        case RequestFailed():
            return Fault(
                event=ERROR,
                error=observation.error,
                project=observation.project,
                request_id=observation.request_id,
                method=observation.method,
                path=redacted(observation.path),
            )
        case TaskFailed():
            return Fault(event=ERROR, error=observation.error, task=observation.task)
        case _:
            return None
