"""What of a file a browser may show, by the type that its content says. Pure.

What a user uploaded is never believed to be harmless: only what runs nothing is shown.
"""

from __future__ import annotations

import re
from typing import Final

_UNKNOWN: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[a-z0-9][\w.+-]*/[a-z0-9][\w.+-]*", re.IGNORECASE | re.ASCII)
_SHOWN: Final = ("image/", "audio/", "video/")
_SHOWN_TYPES: Final = frozenset({"application/pdf", "text/plain"})
_NEVER_SHOWN: Final = frozenset({"image/svg+xml"})


def is_shown_inline(type: str | None) -> bool:
    """Whether a browser that shows it runs nothing of it."""
    plain = plain_type(type)
    if plain in _NEVER_SHOWN or plain.endswith("+xml"):
        return False
    return plain in _SHOWN_TYPES or plain.startswith(_SHOWN)


def plain_type(type: str | None) -> str:
    """A MIME type that can stand in a header: rows may hold anything."""
    stated = (type or "").partition(";")[0].strip().lower()
    return stated if _TYPE.fullmatch(stated) else _UNKNOWN
