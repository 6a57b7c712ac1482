"""Checks values by the `validation` of their field: a regular expression or a named rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from conductus.errors import Unprocessable, ValidationFailed
from conductus.schema.patterns import PatternError, Program, TooMuchWork, compile_pattern, matches

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@(?:[^@\s.]{1,63}\.)+[^@\s.]{1,63}")
_MAX_EMAIL: Final = 254


def check_validation(pattern: str, value: Any, name: str) -> None:
    """Passes when the value of the field `name` is what `pattern` asks for.

    `pattern` is a regular expression in the form of PCRE, with or without delimiters,
    found anywhere in the value, or `$email`. Null, lists and objects always pass. Raises
    `ValidationFailed` when it does not match; `Unprocessable` when the pattern does not
    compile or the check would take too long.
    """
    text = _checked_text(value)
    if text is None or not pattern:
        return
    if pattern == "$email":
        if not is_email(text):
            raise ValidationFailed({name: "Must be an e-mail address"})
        return
    try:
        program = compile_pattern(pattern)
    except PatternError as error:
        raise Unprocessable(f"{name}: its validation pattern cannot be used: {error}") from error
    _match(program, text, name)


def validator(pattern: str, name: str) -> Callable[[Any], None]:
    """`check_validation` for one field, its pattern compiled once."""
    if pattern == "$email":
        return partial(check_validation, pattern, name=name)
    try:
        program = compile_pattern(pattern)
    except PatternError:
        # Told when there is a value to be checked.
        return partial(check_validation, pattern, name=name)

    def check(value: Any) -> None:
        text = _checked_text(value)
        if text is not None:
            _match(program, text, name)

    return check


def check_rule(rule: Callable[[Any], bool], value: Any, name: str) -> None:
    """Passes when the rule says so; as for patterns, null, lists and objects always pass."""
    if _checked_text(value) is not None and not rule(value):
        raise ValidationFailed({name: "Has not the form that is asked for"})


def check_pattern(pattern: str, name: str) -> None:
    """Passes when `pattern` can be used as a validation. Raises `Unprocessable`."""
    if pattern == "$email":
        return
    try:
        compile_pattern(pattern)
    except PatternError as error:
        raise Unprocessable(f"{name}: this pattern cannot be used: {error}") from error


def is_email(text: str) -> bool:
    """Whether the text looks like an e-mail address of the internet."""
    return len(text) <= _MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def _match(program: Program, text: str, name: str) -> None:
    try:
        passed = matches(program, text)
    except TooMuchWork as error:
        raise Unprocessable(f"{name}: is too long for its validation pattern") from error
    if not passed:
        raise ValidationFailed({name: "Has not the form that is asked for"})


def _checked_text(value: Any) -> str | None:
    match value:
        case bool():
            return "1" if value else "0"
        case str():
            return value
        case int() | float() | Decimal():
            return str(value)
        case _:
            return None
