"""Which plugins are loaded, and how long they may take."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class PluginsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The plugins of a server."""

    optional: tuple[str, ...] = ()
    """Names of plugins without which the server starts as well."""
    off: tuple[str, ...] = ()
    """Names of plugins that are not loaded."""
    threads: int = 4
    """Functions of plugins that are not async and run at the same time, in each worker."""
    hook_seconds: float = 5.0
    """For one call of a hook that a request waits for."""
    endpoint_seconds: float = 60.0
    """For one answer of a plugin's endpoint."""
    settings: dict[str, dict[str, Any]] = {}
    """What a plugin is told, by its name."""

    def __post_init__(self) -> None:
        if self.threads < 1 or min(self.hook_seconds, self.endpoint_seconds) <= 0:
            raise ValueError("every number must be more than 0")
