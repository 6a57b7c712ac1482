"""Finds and loads plugins: installed packages, and files of the data folder.

A package names its callable by an entry point in the group `conductus.plugins`. Of the data
folder, `extensions/plugins/` serves every project and `projects/<key>/extensions/plugins/`
that one alone; a file or package there has a callable `register`. pluggy is not used: there
is one function to call for each plugin, and what it registers is a value of our own; its
signatures by name would be a second way to say what the decorators say.
"""

from __future__ import annotations

import importlib.util
import stat
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from conductus.config import ConfigInvalid, PluginsConfig
from conductus.extensions.registry import Registered, Registry
from conductus.schema.slugs import slug_of

GROUP: Final = "conductus.plugins"
FOLDER: Final = Path("extensions") / "plugins"
REGISTER: Final = "register"


class PluginFailed(ConfigInvalid):
    """A plugin cannot be loaded; the message says which and why, in one line."""


class Plugin(Struct, frozen=True, kw_only=True):
    """A plugin that is there to serve."""

    name: str
    origin: str
    """Where it came from, for people."""
    registered: Registered


class Found(Struct, frozen=True, kw_only=True):
    """A plugin that is not loaded yet."""

    name: str
    origin: str
    load: Callable[[], Any]
    """Gives the callable."""


def installed() -> Iterator[Found]:
    """The plugins of installed packages."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield Found(name=point.name, origin=f"entry point {point.value}", load=point.load)


def given(name: str, register: Callable[[Registry], None]) -> Found:
    """A plugin by its callable."""
    return Found(name=name, origin=f"given: {register!r}", load=lambda: register)


def in_folder(folder: Path) -> Iterator[Found]:
    """The plugins in a folder. Raises `PluginFailed` when others may write there."""
    if not folder.is_dir():
        return
    if folder.stat().st_mode & stat.S_IWOTH:
        raise PluginFailed(f"{folder}: everybody may write here, so nothing here is run")
    for path in sorted(folder.iterdir()):
        source = path / "__init__.py" if path.is_dir() else path
        if path.name.startswith((".", "_")) or source.suffix != ".py" or not source.is_file():
            continue
        yield Found(name=path.stem, origin=str(path), load=_loader(source, path.stem))


def loaded(found: Found, config: PluginsConfig) -> Plugin:
    """The plugin with what it registers. Raises `PluginFailed`."""
    if found.name != slug_of(found.name).replace("-", "_") and found.name != slug_of(found.name):
        raise PluginFailed(f"{found.origin}: {found.name!r} is no name: use a-z, 0-9, _ or -")
    registry = Registry(found.name, config.settings.get(found.name, {}))
    try:
        found.load()(registry)
        registered = registry.registered()
    # A wall: whatever a stranger's module does, the start says which one it was.
    except Exception as error:
        told = " ".join(str(error).split())
        raise PluginFailed(
            f"plugin {found.name} ({found.origin}): {type(error).__name__}: {told}"
        ) from error
    return Plugin(name=found.name, origin=found.origin, registered=registered)


def _loader(source: Path, name: str) -> Callable[[], Any]:
    def load() -> Any:
        # Files of the same name in two folders are two modules.
        place = sha256(str(source).encode()).hexdigest()[:12]
        spec = importlib.util.spec_from_file_location(
            f"conductus_plugin_{place}_{name}",
            source,
            submodule_search_locations=[str(source.parent)]
            if source.name == "__init__.py"
            else None,
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"{source} is no module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]
            raise
        return getattr(module, REGISTER)

    return load
