"""Single values of parameters: texts, whole numbers, comma-separated lists.

They come as text from a query string and as JSON from other front ends.
"""

from __future__ import annotations

from typing import Any

from conductus.errors import Unprocessable, ValidationFailed
from conductus.query.limits import Limits

GREATEST = 2**53 - 1
"""The greatest number that JSON carries exactly everywhere."""


def clean(name: str, text: str) -> str:
    """The text. Raises `ValidationFailed` when no database could store it."""
    if "\0" in text:
        raise ValidationFailed({name: "Null characters are not allowed"})
    if not text.isascii():
        try:
            text.encode()
        except UnicodeError:
            raise ValidationFailed({name: "The text is not valid Unicode"}) from None
    return text


def text(name: str, value: Any) -> str:
    """A single value as text; empty when there is none."""
    if isinstance(value, str):
        return clean(name, value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    raise ValidationFailed({name: "A single value is needed"})


def check_pattern(name: str, pattern: Any, limits: Limits) -> None:
    """Raises `Unprocessable` for more text than one search may look for."""
    if isinstance(pattern, str) and len(pattern) > limits.max_pattern_length:
        raise Unprocessable(
            f"{name}: More than {limits.max_pattern_length} characters to search for",
            details={"limit": limits.max_pattern_length},
        )


def entries(name: str, value: Any) -> list[str]:
    """The entries of a CSV, or of a list whose members are CSV; empty ones are left out."""
    if value is None:
        return []
    if isinstance(value, str):
        stripped = (entry.strip() for entry in clean(name, value).split(","))
        return [entry for entry in stripped if entry]
    members = find_members(value)
    if members is None:
        return entries(name, text(name, value))
    return [entry for member in members for entry in entries(name, text(name, member))]


def find_members(value: Any) -> list[Any] | None:
    """The members when the value is a list: of JSON, or with numbers as names."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict) and all(is_number(key) for key in value):
        return list(value.values())
    return None


def is_number(name: str) -> bool:
    """Whether a name in brackets is a place in a list."""
    return name.isdigit() and name.isascii()


def find_whole(name: str, value: Any, least: int) -> int | None:
    """A whole number of at least `least`; None when it is not given or empty."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValidationFailed({name: "A whole number is needed"})
    if isinstance(value, int):
        number = value
    else:
        written = text(name, value).strip()
        if not written:
            return None
        digits = written.removeprefix("-")
        # A longer text is over the greatest number, and costly to convert.
        if not is_number(digits) or len(digits) > 20:
            raise ValidationFailed({name: "A whole number is needed"})
        number = int(written)
    if not least <= number <= GREATEST:
        raise ValidationFailed({name: f"The number must be from {least} to {GREATEST}"})
    return number
