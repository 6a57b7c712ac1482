"""Dates and times of day as text: ISO 8601 in, the stored form out, `now(-7 days)` too."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from conductus.errors import ValidationFailed
from conductus.schema.model import Column

_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r" ?(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_TIME: Final = re.compile(r"([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?")
_DIGITS: Final = re.compile(r"\(([0-9])\)")
_NOW: Final = re.compile(
    r"now(?:\( *(?:([+-]?) *([0-9]{1,6}) +(minute|hour|day|week|month|year)s?)? *\))?",
    re.IGNORECASE,
)
_SPANS: Final = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS: Final = {"month": 1, "year": 12}


def moment(value: Any, name: str, column: Column | None) -> str:
    """`YYYY-MM-DD HH:MM:SS[.f]` of a date with time; one with an offset is made UTC.

    Raises `ValidationFailed` for anything else, dates that do not exist included.
    """
    return moment_text(_read(value, name), column)


def day(value: Any, name: str) -> str:
    """`YYYY-MM-DD` of a date; of one with time, the date as written."""
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValidationFailed({name: "Must be a date such as 2031-02-03"})
    _read(value, name)
    return match[1]


def clock(value: Any, name: str, column: Column | None) -> str:
    """`HH:MM:SS[.f]` of a time of day."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValidationFailed({name: "Must be a time such as 04:05:06"})
    hours, seconds, fraction = match.groups()
    written = datetime_of("2000-01-01", hours, seconds, fraction)
    if written is None:
        raise ValidationFailed({name: "There is no such time"})
    return moment_text(written, column)[11:]


def relative(text: Any, now: datetime) -> datetime | None:
    """The moment (UTC) that `now` or `now(-7 days)` stands for; None for other text."""
    match = _NOW.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 50 else None
    if match is None:
        return None
    sign, count, unit = match.groups()
    start = now.astimezone(UTC).replace(tzinfo=None)
    if count is None:
        return start
    amount = -int(count) if sign == "-" else int(count)
    try:
        if unit.lower() in _MONTHS:
            return _months_later(start, amount * _MONTHS[unit.lower()])
        return start + amount * _SPANS[unit.lower()]
    except (OverflowError, ValueError):
        return None


def moment_text(value: datetime, column: Column | None) -> str:
    """The stored form of a moment without zone, with the fraction its column keeps."""
    text = value.isoformat(" ", "seconds")
    if not value.microsecond:
        return text
    fraction = f"{value.microsecond:06}"[: fraction_digits(column)].rstrip("0")
    return f"{text}.{fraction}" if fraction else text


def fraction_digits(column: Column | None) -> int:
    """How many digits of a second a column keeps.

    Its length says it, or its type (`datetime(3)`); where neither does, the types of the
    SQL standard (`… without time zone`) keep six and the others whole seconds. Cut here,
    alike everywhere, for one database would round and could carry into the next day.
    """
    if column is None:
        return 0
    stated = _DIGITS.search(f"({column.length}) {column.native}")
    if stated is not None:
        return min(int(stated[1]), 6)
    return 6 if "zone" in column.native.lower() else 0


def datetime_of(
    date_text: str, hours: str, seconds: str | None, fraction: str | None
) -> datetime | None:
    """A moment from its parts, None when there is no such moment."""
    micro = (fraction or "")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{date_text}T{hours}:{seconds or '00'}.{micro}")
    except ValueError:
        return None


def _read(value: Any, name: str) -> datetime:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValidationFailed({name: "Must be a date and time such as 2031-02-03 04:05:06"})
    date_text, hours, seconds, fraction, offset = match.groups()
    written = datetime_of(date_text, hours or "00:00", seconds, fraction)
    shifted = written and _to_utc(written, offset)
    if shifted is None:
        raise ValidationFailed({name: "There is no such date and time"})
    return shifted


def _to_utc(written: datetime, offset: str | None) -> datetime | None:
    if offset is None or offset in "Zz":
        return written
    digits = offset[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        return None
    shift = timedelta(hours=hours, minutes=minutes)
    zone = timezone(-shift if offset[0] == "-" else shift)
    try:
        return written.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None


def _months_later(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    last = monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
