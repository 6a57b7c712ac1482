"""Values of settings: texts in the database, typed by the catalogue of keys outside. Pure.

Source: system collections page, `directus_settings`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from conductus.errors import ValidationFailed
from conductus.schema.model import Field
from conductus.schema.validation import check_pattern

POLICY: Final = "password_policy"
_TRUE: Final = frozenset({"1", "true", "on", "yes"})
_WORDS: Final = {"1": "1", "true": "1", "0": "0", "false": "0"}
_LONGEST_NUMBER: Final = 9


def shown(text: str | None, field: Field | None) -> Any:
    """A stored value as it is answered; files are left to who can read them."""
    if text is None or field is None:
        return text
    match field.type:
        case "integer":
            return int(text) if _is_whole(text.strip()) else None
        case "boolean":
            return text.strip().lower() in _TRUE
        case _:
            return text


def stored(value: Any, key: str, field: Field | None) -> str | None:
    """A value as it is kept. Raises `ValidationFailed` for what the key does not take."""
    if value is None:
        return None
    if value == "":
        return ""
    if key == POLICY and isinstance(value, str):
        check_pattern(value, key)
    match None if field is None else field.type:
        case "integer":
            return _whole(value, key)
        case "boolean":
            return _truth(value, key)
        case "file":
            return _file(value, key)
        case "array":
            return _joined(value, key)
        case "json":
            return _document(value, key)
        case _:
            return _text(value)


def _whole(value: Any, key: str) -> str:
    text = str(value).strip()
    if isinstance(value, bool | float) or not _is_whole(text):
        raise ValidationFailed({key: "Must be a whole number"})
    return str(int(text))


def _is_whole(text: str) -> bool:
    # `int` also takes underscores and foreign digits, and has no bound.
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER


def _truth(value: Any, key: str) -> str:
    found = _WORDS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
    if found is None:
        raise ValidationFailed({key: "Must be true or false"})
    return found


def _file(value: Any, key: str) -> str:
    """The id of a file: itself, or in the file's object."""
    id = value.get("id") if isinstance(value, dict) else value
    if isinstance(id, bool) or not _is_whole(str(id)):
        raise ValidationFailed({key: "Must be a file or its id"})
    return str(id)


def _joined(value: Any, key: str) -> str:
    if not isinstance(value, list):
        return _text(value)
    if not all(isinstance(each, str | int) and "," not in str(each) for each in value):
        raise ValidationFailed({key: "Must be a list of texts without commas"})
    return ",".join(map(str, value))


def _document(value: Any, key: str) -> str:
    """JSON text; a text that is given is taken for JSON."""
    if not isinstance(value, str):
        return _text(value)
    try:
        msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        raise ValidationFailed({key: "Must be JSON"}) from None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
