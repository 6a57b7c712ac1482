"""Orders to serve administrators alone for a while: files beside those of the projects.

A file of its own, not a line of the configuration: it takes effect with the next request,
in every worker, and the project stays open, with all that is under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from conductus.config import (
    PROJECT_FOLDER,
    ConfigInvalid,
    MaintenanceConfig,
    maintenance_config,
    write_private,
)
from conductus.config.toml import toml

SUFFIX: Final = ".maintenance"
_GROUP: Final = "maintenance"


def order(data: Path, key: str, config: MaintenanceConfig) -> None:
    """Keeps everybody but administrators out, from the next request on."""
    told = {"message": config.message, "retry_after": str(config.retry_after)}
    write_private(_path(data, key), toml({_GROUP: told}))


def withdraw(data: Path, key: str) -> None:
    """Lets everybody in again, unless the configuration says otherwise."""
    _path(data, key).unlink(missing_ok=True)


def orders(data: Path) -> Mapping[str, MaintenanceConfig]:
    """What is ordered, by project."""
    files = (data / PROJECT_FOLDER).glob(f"[!.]*{SUFFIX}")
    return {path.name.removesuffix(SUFFIX): _read(path) for path in files}


def _path(data: Path, key: str) -> Path:
    return data / PROJECT_FOLDER / f"{key}{SUFFIX}"


def _read(path: Path) -> MaintenanceConfig:
    try:
        return maintenance_config(path, _GROUP)
    except ConfigInvalid:
        # That it is there is the order; what it says can wait.
        return MaintenanceConfig(enabled=True)
