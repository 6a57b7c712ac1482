"""Settings out of environment variables: `CONDUCTUS_WATCH__TICK_SECONDS` is one of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductus.config.invalid import ConfigInvalid

PREFIX = "CONDUCTUS_"
APART = frozenset({"DATA", "ADMIN_EMAIL", "ADMIN_PASSWORD"})
"""Variables that are no setting of a file."""
# Kubernetes gives a service named `conductus` variables of these names.
FOREIGN = ("TEST_", "BENCH_", "SERVICE_", "PORT_")


def server_variables(environment: Mapping[str, str]) -> dict[str, Any]:
    """Nested settings out of `CONDUCTUS_…`; the projects' are apart."""
    found: dict[str, Any] = {}
    for name, value in environment.items():
        rest = name.removeprefix(PREFIX)
        if rest == name or rest in APART or rest.startswith((*FOREIGN, "PROJECTS__")):
            continue
        if rest == "PORT" and "://" in value:
            continue  # Kubernetes, see FOREIGN.
        _put(found, rest.lower().split("__"), value, name)
    return found


def project_variables(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Settings of projects out of `CONDUCTUS_PROJECTS__<KEY>__…`, by key in lower case."""
    found: dict[str, Any] = {}
    for name, value in environment.items():
        rest = name.removeprefix(f"{PREFIX}PROJECTS__")
        if rest != name:
            _put(found, rest.lower().split("__"), value, name)
    for key, group in found.items():
        if not isinstance(group, dict):
            raise ConfigInvalid(f"{PREFIX}PROJECTS__{key.upper()} names no setting of the project")
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, of which those above win."""
    found = dict(below)
    for name, value in above.items():
        under = found.get(name)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            found[name] = merged(under, value)
        else:
            found[name] = value
    return found


def _put(into: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
        if not isinstance(into, dict):
            raise ConfigInvalid(f"{name} contradicts another variable")
    # Lists come as words with commas between them: the types say where one is wanted.
    into[path[-1]] = value
