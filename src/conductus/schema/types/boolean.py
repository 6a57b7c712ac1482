"""`boolean`: true or false, in columns of any kind that can tell two values apart."""

from __future__ import annotations

from typing import Any, Final

from conductus.errors import Unprocessable
from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, Plain, Present
from conductus.schema.types.fitting import fit
from conductus.schema.types.scalar import ScalarType

_WORDS: Final = {"1": True, "true": True, "0": False, "false": False}
_FALSE: Final = frozenset({"", "0", "false", "f", "no", "n", "off"})


class Boolean(ScalarType):
    """True or false. Null reads as false, as clients have always had it."""

    name = "boolean"
    kinds = (Kind.BOOLEAN, Kind.INTEGER)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """True, false, 0, 1 and these as text."""
        return fit(_truth(value, field.name), field)

    def presenter(self, kind: Kind) -> Present | None:
        """True or false, never null."""
        match kind:
            case Kind.TEXT | Kind.OPAQUE:
                return _text_truth
            case Kind.BINARY:
                return _bytes_truth
            case _:
                return bool

    def recorder(self, kind: Kind) -> Present | None:
        """True, false or null, so that a revert restores null."""
        show = self.presenter(kind)
        assert show is not None  # noqa: S101 - narrows for the type checker
        return lambda value: None if value is None else show(value)


def _truth(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    truth = _WORDS.get(value.lower()) if isinstance(value, str) else None
    if truth is None:
        raise Unprocessable(f"{name}: must be true or false")
    return truth


def _text_truth(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in _FALSE


def _bytes_truth(value: bytes | None) -> bool:
    return bool(value) and any(value or b"")
