"""The status mapping: which values a status field takes and what each of them means.

Kept in the field's options under `status_mapping`, an object keyed by value. Old data
has it as JSON text or as a list too. Source: items page §9 of the API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from conductus.schema.model import Field, Kind, Status


def statuses_of(field: Field) -> tuple[Status, ...]:
    """The statuses that a field's options name, in order; none when there is no mapping.

    In a column of integers the values are numbers, elsewhere texts.
    """
    mapping = _decoded(field.option.get("status_mapping"))
    numeric = field.column is not None and field.column.kind is Kind.INTEGER
    found: dict[str | int, Status] = {}
    for key, entry in _entries(mapping):
        value = _value(key, entry, numeric=numeric)
        if value is not None:
            found.setdefault(value, _status(value, entry))
    return tuple(found.values())


def _decoded(mapping: Any) -> Any:
    if not isinstance(mapping, str):
        return mapping
    try:
        return msgspec.json.decode(mapping)
    except msgspec.MsgspecError:
        return None


def _entries(mapping: Any) -> Iterable[tuple[Any, Mapping[str, Any]]]:
    """Key and entry of each status; a list may hold entries or bare values."""
    match mapping:
        case dict():
            pairs = list(mapping.items())
        case list():
            pairs = [(entry, entry) for entry in mapping]
        case _:
            return []
    return [(key, entry if isinstance(entry, dict) else {}) for key, entry in pairs]


def _value(key: Any, entry: Mapping[str, Any], *, numeric: bool) -> str | int | None:
    stated = entry.get("value")
    value = key if stated is None or stated == "" else stated
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    if not numeric:
        return str(value)
    try:
        return int(value)
    except ValueError:
        return None


def _status(value: str | int, entry: Mapping[str, Any]) -> Status:
    return Status(
        value=value,
        soft_delete=_flag(entry.get("soft_delete"), default=False),
        required_fields=_flag(entry.get("required_fields"), default=True),
    )


def _flag(value: Any, *, default: bool) -> bool:
    if isinstance(value, str):
        return value.lower() in ("1", "true")
    return default if value is None else bool(value)
