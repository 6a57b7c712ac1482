"""Numbers from JSON and text, exactly, and what columns of numbers can hold."""

from __future__ import annotations

import re
import struct
from decimal import Decimal
from typing import Any, Final

from conductus.errors import Unprocessable
from conductus.schema.model import Column

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_MAX_TEXT: Final = 1000
_MAX_EXPONENT: Final = 308
"""Numbers beyond the reach of a double are refused, so that every client can read them."""

_BITS: Final = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INT": 32}
_SINGLE: Final = struct.Struct("<f")
_DIGITS_OF_SINGLES: Final = range(6, 10)
"""So many significant digits tell any two numbers of single precision apart."""
_YEARS: Final = (1901, 2156)
"""MySQL takes smaller ones for years of this century or the last."""
_EXACT_DIGITS: Final = 15
"""Every decimal of this many significant digits is what its double prints as."""


def exact(value: Any, name: str) -> Decimal:
    """The number that a JSON number or text stands for.

    Raises `Unprocessable` for booleans, text that is no number, NaN, infinities and
    numbers whose size a double cannot express.
    """
    number = _decimal(value)
    if number is None or not number.is_finite() or _beyond(number):
        raise Unprocessable(f"{name}: must be a number")
    return number


def is_number(text: str) -> bool:
    """Whether a text says a number."""
    return _decimal(text) is not None


def whole(value: Any, name: str) -> int:
    """The integer that a JSON number or text stands for; within 64 bits, signed or not."""
    if type(value) is int:
        number = value
    else:
        found = exact(value, name)
        # Checked before the conversion: 1e300 would be a number of 300 digits.
        if found.adjusted() > 19 or found != found.to_integral_value():
            raise Unprocessable(f"{name}: must be a whole number")
        number = int(found)
    if not -(2**63) <= number < 2**64:
        raise Unprocessable(f"{name}: the number is too large")
    return number


def check_integer(number: int, name: str, column: Column) -> int:
    """The number, when a column of integers can hold it."""
    bits = 64 if column.wide else _BITS.get(column.datatype, 64)
    low, high = _YEARS if column.datatype == "YEAR" else _bounds(column, bits)
    # Zero is a year that is not known.
    if not low <= number < high and not (number == 0 and column.datatype == "YEAR"):
        raise Unprocessable(f"{name}: must be between {low} and {high - 1}")
    return number


def reach(column: Column) -> tuple[int, int]:
    """The least number that a column of integers holds, and the first one beyond it."""
    datatype = column.datatype.upper()
    return _YEARS if datatype == "YEAR" else _bounds(column, _BITS.get(datatype, 64))


def _bounds(column: Column, bits: int) -> tuple[int, int]:
    if column.signed:
        return -(1 << bits - 1), 1 << bits - 1
    return 0, 1 << (bits - 1 if column.halved else bits)


def check_decimal(number: Decimal, name: str, column: Column) -> Decimal:
    """The number with the digits of its column, when it has no more of them than fit."""
    if not column.signed and number < 0:
        raise Unprocessable(f"{name}: must not be negative")
    limits = digits_of(column.length)
    if limits is not None:
        precision, scale = limits
        digits, exponent = _significant(number)
        if -exponent > scale or digits + exponent > precision - scale:
            raise Unprocessable(
                f"{name}: takes {precision - scale} digits before the point and {scale} behind it"
            )
    return canonical(number, column)


def canonical(number: Decimal, column: Column) -> Decimal:
    """The number with as many digits behind the point as its column keeps, or as it needs.

    Equal numbers become equal texts, by which SQLite compares decimals in lists and
    indexes. A number that needs more digits than the column has keeps them.
    """
    limits = digits_of(column.length)
    return scaled(number, 0 if limits is None else limits[1])


def scaled(number: Decimal, scale: int) -> Decimal:
    """The number with so many digits behind the point, or with as many as it needs."""
    return _scaled(number, max(scale, -_significant(number)[1]))


def single(number: float) -> float | None:
    """What a column of single precision holds of a number, told by as few digits as will do.

    None for one that is too large or too small for it.
    """
    if not number or number - number != 0.0:
        # Zero, NaN and the infinities are what they are.
        return number
    try:
        held = _SINGLE.pack(number)
    except OverflowError:
        return None
    (found,) = _SINGLE.unpack(held)
    for digits in _DIGITS_OF_SINGLES:
        told = float(f"{found:.{digits}g}")
        if _SINGLE.pack(told) == held:
            return told or None
    return None


def widened(number: float) -> float:
    """The double that a number of single precision is compared as."""
    found: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return found


def plain_text(number: Decimal) -> str:
    """The number as text without an exponent."""
    text = str(number)
    # Formatting takes three times as long, and says the same of nearly every number.
    return format(number, "f") if "E" in text else text


def decimal_json(value: Decimal) -> float | str:
    """A JSON number when a double says exactly this value, else text."""
    text = str(value)
    if len(text) <= _EXACT_DIGITS and "E" not in text:
        number = float(text)
        # Only NaN and the infinities differ from zero here; JSON has no such numbers.
        return number if number - number == 0.0 else text
    return _long_decimal_json(value)


def decimal_json_plainly(value: Decimal) -> float | str:
    """`decimal_json` without the short cut: its specification."""
    if not value.is_finite():
        return str(value)
    return _long_decimal_json(value)


def float_json(value: float) -> float | str:
    """A JSON number; text for NaN and the infinities."""
    return value if value - value == 0.0 else str(value)


def _long_decimal_json(value: Decimal) -> float | str:
    if not value.is_finite():
        return str(value)
    number = float(value)
    if number - number == 0.0 and Decimal(repr(number)) == value:
        return number
    return plain_text(value)


def _decimal(value: Any) -> Decimal | None:
    match value:
        case bool():
            return None
        case int():
            # Text of more digits than Python converts would raise instead.
            return Decimal(value) if value.bit_length() < 1 << 11 else None
        case float():
            return Decimal(repr(value))
        case Decimal():
            return value
        case str() if len(value) <= _MAX_TEXT:
            text = value.strip(" \t\r\n")
            return Decimal(text) if _NUMBER.fullmatch(text) else None
        case _:
            return None


def _beyond(number: Decimal) -> bool:
    return bool(number) and not -_MAX_EXPONENT < number.adjusted() < _MAX_EXPONENT


def digits_of(length: str | None) -> tuple[int, int] | None:
    """Digits in all and behind the point, from the length of a column; None without one."""
    parts = [part.strip() for part in (length or "").split(",")]
    if not all(part.isdecimal() and part.isascii() for part in parts) or len(parts) > 2:
        return None
    precision = int(parts[0])
    return precision, int(parts[1]) if len(parts) == 2 else 0


def _scaled(number: Decimal, scale: int) -> Decimal:
    """The same number with that many digits behind the point."""
    # Arithmetic would round to the digits of the context.
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - the number is finite
    zeros = exponent + scale
    kept = digits + (0,) * zeros if zeros >= 0 else digits[:zeros]
    return Decimal((sign if number else 0, kept, -scale))


def _significant(number: Decimal) -> tuple[int, int]:
    """Count of digits and exponent, without zeros at the end."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - the number is finite
    count = len(digits)
    while count and not digits[count - 1]:
        count -= 1
        exponent += 1
    return (count, exponent) if count else (0, 0)
