"""Query strings: percent-encoded text with bracketed names → nested values.

`filter[a][gt]=1` gives `{"filter": {"a": {"gt": "1"}}}`; lists are objects with numbers
as names (`[]` takes the next), so that a field whose name is a number keeps it. What is
no UTF-8, has a null byte or an unfinished bracket is refused, never mended. Linear in
the length of the text. Source: items page §3 of the API reference.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from conductus.errors import PayloadTooLarge, Unprocessable, ValidationFailed
from conductus.query.limits import Limits

Params = dict[str, Any]
"""Parameters by name: texts and nested objects of them; any JSON from other front ends."""


def parse(raw: bytes | str, limits: Limits) -> Params:
    """The parameters of a query string.

    Of a plain name given twice the last counts. A name given both plainly and with
    brackets keeps both: the plain value becomes a member of the list.
    Raises `ValidationFailed` for text that cannot be read, `PayloadTooLarge` and
    `Unprocessable` over a limit.
    """
    text = _text(raw)
    if not text:
        return {}
    if text.count("&") >= limits.max_parameters:
        raise PayloadTooLarge(f"More than {limits.max_parameters} parameters")
    params: Params = {}
    # By identity of a list: the number that `[]` tries next.
    counters: dict[int, int] = {}
    for part in text.split("&"):
        if not part:
            continue
        name, value = _parted(part)
        _check_lengths(name, value, limits)
        _put(params, _segments(name, limits), value, counters)
    return params


def _text(raw: bytes | str) -> str:
    try:
        if isinstance(raw, bytes):
            return raw.decode()
        # A lone surrogate cannot be encoded.
        raw.encode()
    except UnicodeError:
        raise ValidationFailed("The query string is not valid UTF-8") from None
    return raw


def _parted(part: str) -> tuple[str, str]:
    """Name and value. A sign of equality inside brackets belongs to the name: `[!=]`."""
    name, _, value = part.partition("=")
    if "[" in name and name[-1] != "]":
        inside, closed, rest = part.partition("]=")
        if closed:
            name, value = f"{inside}]", rest
    return _decoded(name), _decoded(value)


def _decoded(part: str) -> str:
    if "+" in part:
        part = part.replace("+", " ")
    if "%" in part:
        try:
            part = unquote(part, errors="strict")
        except UnicodeError:
            raise ValidationFailed("The query string is not valid UTF-8") from None
    if "\0" in part:
        raise ValidationFailed("The query string must not have null characters")
    return part


def _check_lengths(name: str, value: str, limits: Limits) -> None:
    if len(name) > limits.max_name_length:
        raise PayloadTooLarge(
            f"The name of a parameter is longer than {limits.max_name_length} characters"
        )
    if len(value) > limits.max_value_length:
        raise PayloadTooLarge(
            f"A parameter has more than {limits.max_value_length} characters",
            details={"limit": limits.max_value_length},
        )


def _segments(name: str, limits: Limits) -> list[str]:
    """`filter[a][gt]` → `filter`, `a`, `gt`."""
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [head]
    if not head or rest[-1:] != "]":
        raise ValidationFailed("The brackets in the name of a parameter do not close")
    segments = [head, *rest[:-1].split("][")]
    if len(segments) > limits.max_brackets + 1:
        raise Unprocessable(f"A parameter has more than {limits.max_brackets} levels of brackets")
    if any("[" in segment or "]" in segment for segment in segments):
        raise ValidationFailed("The brackets in the name of a parameter do not match")
    return segments


def _put(params: Params, segments: list[str], value: str, counters: dict[int, int]) -> None:
    here = params
    last = len(segments) - 1
    for place, segment in enumerate(segments):
        name = segment
        if place and not segment:
            name = _next_number(here, counters)
        there = here.get(name)
        if place == last:
            if isinstance(there, dict):
                there[_next_number(there, counters)] = value
            else:
                here[name] = value
        elif isinstance(there, dict):
            here = there
        else:
            below: Params = {} if there is None else {"0": there}
            here[name] = below
            here = below


def _next_number(members: Params, counters: dict[int, int]) -> str:
    """The next number that is no name yet; numbers only go up, so this is linear in sum."""
    number = counters.get(id(members), 0)
    while str(number) in members:
        number += 1
    counters[id(members)] = number + 1
    return str(number)
