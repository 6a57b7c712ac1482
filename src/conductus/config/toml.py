"""Files of settings: read, and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from conductus.config.invalid import ConfigInvalid


def read(path: Path) -> dict[str, Any]:
    """The settings of a file. Raises `ConfigInvalid`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: {error}") from error
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from error


def toml(groups: Mapping[str, Mapping[str, str]]) -> str:
    """One table for each group."""
    tables = (
        "\n".join([f"[{name}]", *(f"{key} = {_toml_text(text)}" for key, text in group.items())])
        for name, group in groups.items()
    )
    return "\n\n".join(tables) + "\n"


def write_private(path: Path, text: str) -> None:
    """Replaces a file atomically; mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _toml_text(text: str) -> str:
    # A JSON text is a TOML one, but for the DEL character.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
