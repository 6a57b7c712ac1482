"""Which letters a column of text can hold, where its character set has but some of them.

MySQL and MariaDB refuse to compare such a column with letters that it lacks, so nothing is
asked of them that could not be found.
"""

from __future__ import annotations

from typing import Final

from conductus.schema.model import Column
from conductus.schema.types.field_type import Plain

TWO_BYTES: Final = "two bytes"
"""In the place of a codec: the first 65 536 letters, which Python has no codec for."""
_LATIN_1_GAPS: Final = dict.fromkeys((0x81, 0x8D, 0x8F, 0x90, 0x9D))
"""Control characters that cp1252 lacks, and MySQL's version of it has."""


def lacks(column: Column | None, value: Plain) -> bool:
    """Whether the value is a text with letters that the column can never hold."""
    if column is None or column.letters is None or not isinstance(value, str) or value.isascii():
        return False
    if column.letters == TWO_BYTES:
        return max(value) > "\uffff"
    try:
        value.translate(_LATIN_1_GAPS).encode(column.letters)
    except UnicodeEncodeError:
        return True
    return False
