"""`hash`: a secret of which only a hash is stored.

Hashing takes long and is done by the writer; here the text is only judged.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from conductus.errors import Unprocessable
from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, NO_MATCH, NoMatch, Plain, Present
from conductus.schema.types.fitting import clean_text
from conductus.schema.types.scalar import ScalarType

MASK: Final = "**********"
"""What stands for a secret in answers and revisions. Written back, it changes nothing."""

_MAX_SECRET: Final = 4096


class Hash(ScalarType):
    """Text that is hashed on every write; answers hold a mask."""

    name = "hash"
    secret = True
    kinds = (Kind.TEXT,)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """The text to be hashed; the column's length is the hash's, not its."""
        text = clean_text(value, field.name)
        if len(text) > _MAX_SECRET:
            raise Unprocessable(f"{field.name}: takes {_MAX_SECRET} characters")
        return text

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """Nothing: a secret is never searched by."""
        return NO_MATCH

    def presenter(self, kind: Kind) -> Present | None:
        """The mask."""
        return mask

    def recorder(self, kind: Kind) -> Present | None:
        """The mask."""
        return mask


class VisibleHash(Hash):
    """A hash whose field has the option `"visible": true`."""

    def presenter(self, kind: Kind) -> Present | None:
        """The stored hash."""
        return None


def mask(value: Any) -> str | None:
    """The mask for every secret but null."""
    return None if value is None else MASK
