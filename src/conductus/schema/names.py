"""Which names new collections and fields may have. Existing ones may have any."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from conductus.errors import ValidationFailed

RESERVED_PREFIXES: Final = ("directus_", "conductus_")
"""Names that begin so are the server's own."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_collection_name(name: object) -> str:
    """The name, when a new collection may have it. Raises `ValidationFailed`."""
    checked = _checked(name, "collection")
    # Some databases tell names apart by case and some do not.
    if checked.lower().startswith(RESERVED_PREFIXES):
        raise ValidationFailed({"collection": f"{checked!r} is a reserved name"})
    return checked


def check_field_name(name: object) -> str:
    """The name, when a new field may have it. Raises `ValidationFailed`."""
    return _checked(name, "field")


def find_twin(name: str, others: Iterable[str]) -> str | None:
    """The other name that differs by case alone: not every database tells the two apart."""
    return next((one for one in others if one != name and one.lower() == name.lower()), None)


def _checked(name: object, what: str) -> str:
    if not isinstance(name, str) or not name:
        raise ValidationFailed({what: "This value is required"})
    if not _NAME.fullmatch(name):
        raise ValidationFailed({what: "Takes 1 to 64 letters, digits, _ and -"})
    return name
