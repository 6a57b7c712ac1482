"""Slugs: the form in which a title stands in an address."""

from __future__ import annotations

import re
from typing import Any, Final

from anyascii import anyascii

from conductus.schema.model import Field

_GAPS: Final = re.compile(r"[^A-Za-z0-9]+")
_MAX_TEXT: Final = 1000
"""No address needs more of a title than this."""


def slug_of(text: str, *, lower: bool = True) -> str:
    """The text in ASCII letters, digits and hyphens: `Café No. 5` → `cafe-no-5`."""
    ascii = anyascii(text[:_MAX_TEXT])
    slug = _GAPS.sub("-", ascii.lower() if lower else ascii)
    return slug.strip("-")


def mirrored_field(field: Field) -> str | None:
    """The name of the field that a slug is made from, when it is made from one."""
    mirrored = field.option.get("mirroredField")
    return mirrored if field.type == "slug" and isinstance(mirrored, str) and mirrored else None


def made_slug(field: Field, value: Any) -> str | None:
    """The slug of this field for a value of the mirrored one; no longer than its column."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    slug = slug_of(str(value), lower=field.option.get("forceLowercase") is not False)
    length = (field.column.length if field.column else None) or ""
    return slug[: int(length)].rstrip("-") if length.isdecimal() else slug
