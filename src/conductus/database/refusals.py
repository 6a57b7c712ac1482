"""What the three databases refuse, in one set of words.

A driver decides which of them applies; the sentence is the same on every database and
tells nothing of the database's own message.
"""

from __future__ import annotations

from conductus.errors import DatabaseUnreachable, Unprocessable, ValidationFailed


def value_missing(field: str | None) -> ValidationFailed:
    """A NULL for a column that takes none."""
    if field is None:
        return ValidationFailed("A required value is missing")
    return ValidationFailed({field: "This value is required"})


def reference_broken() -> Unprocessable:
    """A foreign key points nowhere, or would."""
    return Unprocessable("An item that is referred to does not exist, or is still in use by others")


def rule_broken() -> Unprocessable:
    """A check of the table, or a trigger, says no."""
    return Unprocessable("A value breaks a rule of the database")


def value_unsuitable(field: str | None = None) -> Unprocessable:
    """Too long, too large, or of another type than the column."""
    if field is None:
        return Unprocessable("A value is too long, out of range or of the wrong type for its field")
    return Unprocessable(
        f"{field}: this value is too long, out of range or of the wrong type",
        details={"field": field},
    )


def text_invalid() -> ValidationFailed:
    """Characters that the database cannot keep: NUL, half a surrogate pair."""
    return ValidationFailed("Text must be valid Unicode and may not hold the NUL character")


def text_unreadable() -> Unprocessable:
    """Bytes that another program has put into a column of text, and that are none."""
    return Unprocessable(
        "An item holds a text that is not in the encoding of the database: ask without that field"
    )


def locked() -> DatabaseUnreachable:
    """Somebody else keeps the database, or its schema, for too long."""
    return DatabaseUnreachable("The database is locked by another change, try again")


def busy() -> DatabaseUnreachable:
    """Every connection was in use for too long."""
    return DatabaseUnreachable("Every connection to the database is in use, try again")


def full() -> DatabaseUnreachable:
    """No room is left."""
    return DatabaseUnreachable("The database has no room left to write")


def read_only() -> DatabaseUnreachable:
    """The server or the file takes no writes."""
    return DatabaseUnreachable("The database can only be read at the moment")
