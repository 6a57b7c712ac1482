"""Which projects are configured, and the file of each.

A project may stand in the environment alone; a weak secret is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from conductus.config.conversion import convert
from conductus.config.environment import merged, project_variables
from conductus.config.invalid import ConfigInvalid
from conductus.config.maintenance import MaintenanceConfig
from conductus.config.project import ProjectConfig
from conductus.config.toml import read, toml, write_private

PROJECT_FOLDER = "projects"
KEY_PATTERN = re.compile(r"[0-9A-Za-z_-]{1,64}")
TAKEN_KEYS = frozenset(
    {"server", "interfaces", "layouts", "modules", "types", "uploads", "admin", "extensions"}
)
SHORTEST_SECRET = 32
PLACEHOLDERS = ("change", "placeholder", "secret", "example", "type-a-", "your-", "password")


def project_path(data: Path, key: str) -> Path:
    """The file of a project."""
    return data / PROJECT_FOLDER / f"{key}.toml"


def project_keys(data: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of every configured project, in alphabetical order. Raises `ConfigInvalid`."""
    keys, problems = found_keys(data, environment)
    if problems:
        raise ConfigInvalid(problems[0])
    return keys


def found_keys(
    data: Path, environment: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of projects, and what is wrong with what is called as none may be.

    Raises `ConfigInvalid` where the environment contradicts itself.
    """
    folder = data / PROJECT_FOLDER
    # Half-written files begin with a dot.
    files = [path.stem for path in folder.glob("*.toml") if not path.name.startswith(".")]
    alone = [key for key in project_variables(environment) if not _match(key, files)]
    keys, problems = [], []
    for key in sorted([*files, *alone]):
        try:
            keys.append(check_key(key))
        except ConfigInvalid as error:
            problems.append(str(error))
    return tuple(keys), tuple(problems)


def maintenance_config(path: Path, group: str) -> MaintenanceConfig:
    """An order of maintenance, in a table of that name. Raises `ConfigInvalid`."""
    stated = read(path).get(group, {})
    return convert({**stated, "enabled": True}, MaintenanceConfig, str(path))


def project_config(data: Path, key: str, environment: Mapping[str, str]) -> ProjectConfig:
    """One project's settings, ready for use. Raises `ConfigInvalid`."""
    path = project_path(data, key)
    stated = read(path) if path.exists() else {}
    overrides = next(
        (group for name, group in project_variables(environment).items() if _same(name, key)),
        {},
    )
    config = convert(merged(stated, overrides), ProjectConfig, str(path))
    _check_secret(config.auth.secret_key, str(path))
    return config


def check_key(key: str) -> str:
    """The key itself. Raises `ConfigInvalid` when no project may be called so."""
    if KEY_PATTERN.fullmatch(key) is None:
        raise ConfigInvalid(
            f"{key!r} cannot be the key of a project: use letters, digits, '_' and '-'"
        )
    if key.lower() in TAKEN_KEYS:
        raise ConfigInvalid(f"{key!r} cannot be the key of a project: the server uses that path")
    return key


def save_new_project(data: Path, key: str, config: ProjectConfig) -> Path:
    """Writes the file of a new project: whole or not at all, readable by its owner alone."""
    path = project_path(data, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    groups = {
        "database": {"url": config.database.url},
        "auth": {"secret_key": config.auth.secret_key, "public_key": config.auth.public_key},
    }
    write_private(path, ("private = true\n\n" if config.private else "") + toml(groups))
    return path


def same_key(one: str, other: str) -> bool:
    """Whether two keys would be one to the environment, or to some file systems."""
    return _same(one.lower().replace("-", "_"), other)


def _check_secret(secret: str, where: str) -> None:
    weak = len(secret) < SHORTEST_SECRET or len(set(secret)) < 10
    if weak or secret.lower().startswith(PLACEHOLDERS):
        raise ConfigInvalid(
            f"{where}: auth.secret_key is weak or a placeholder; "
            f"use {SHORTEST_SECRET} or more random characters"
        )


def _same(name: str, key: str) -> bool:
    # Shells take no dash in the name of a variable.
    return name == key.lower().replace("-", "_")


def _match(name: str, keys: Iterable[str]) -> bool:
    return any(_same(name, key) for key in keys)
