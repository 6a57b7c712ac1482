"""Stated settings become frozen values; an unknown one is an error that names its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from conductus.config.invalid import ConfigInvalid

S = TypeVar("S", bound=Struct)


def convert(stated: Mapping[str, Any], kind: type[S], where: str) -> S:
    """The settings as a value; `where` says in errors who stated them. Raises `ConfigInvalid`."""
    try:
        return msgspec.convert(_lists(stated, kind), kind, strict=False)
    except msgspec.ValidationError as error:
        message = str(error).replace("Object contains unknown field", "unknown setting")
        raise ConfigInvalid(f"{where}: {message}") from error


def _lists(stated: Mapping[str, Any], kind: type[Struct]) -> dict[str, Any]:
    """Splits text at commas wherever the type asks for a list."""
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    ready: dict[str, Any] = {}
    for name, value in stated.items():
        wanted = types.get(name)
        if isinstance(value, Mapping) and isinstance(wanted, type) and issubclass(wanted, Struct):
            ready[name] = _lists(value, wanted)
        elif isinstance(value, Mapping) and (member := _member(wanted)) is not None:
            ready[name] = {
                key: _lists(each, member) if isinstance(each, Mapping) else each
                for key, each in value.items()
            }
        elif isinstance(value, str) and getattr(wanted, "__origin__", None) is tuple:
            ready[name] = [word.strip() for word in value.split(",") if word.strip()]
        else:
            ready[name] = value
    return ready


def _member(wanted: Any) -> type[Struct] | None:
    """What the values of a dict of groups are; None for any other type."""
    if get_origin(wanted) is not dict:
        return None
    kind = get_args(wanted)[1]
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None
