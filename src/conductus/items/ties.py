"""Values of a relation's two columns where these are of different kinds.

Nothing keeps a text from holding keys that are numbers or UUIDs, and clients that know the
types of MySQL alone make such columns. Within a statement the database compares them
(`Dialect.matched`); here, what was read from the one is made a value of the other.
"""

from __future__ import annotations

from typing import Any, Final

from conductus.database.dialect import Convert, Dialect
from conductus.errors import ApiError
from conductus.schema.model import NUMBERS, Field, Kind
from conductus.schema.types import type_of

_ALIKE: Final = NUMBERS - {Kind.DECIMAL_TEXT}
"""Kinds of numbers of which a driver gives equal values for equal ones."""


def carrier(key: Field, tie: Field, dialect: Dialect) -> Convert | None:
    """From the driver's value of a key to that of the field that holds it.

    None where they are the same. The function answers None for a key that cannot be held.
    """
    if key.kind is tie.kind or {key.kind, tie.kind} <= _ALIKE:
        return None
    load, bind, judged = dialect.loader(key.kind), dialect.binder(tie.kind), type_of(tie)

    def carry(value: Any) -> Any:
        try:
            plain = judged.parse(load(value) if load else value, tie)
        except ApiError:
            return None
        return plain if plain is None or bind is None else bind(plain)

    return carry
