"""From sqlite3's exceptions to ours."""

from __future__ import annotations

import sqlite3

from conductus.database import refusals
from conductus.errors import (
    ApiError,
    DatabaseUnreachable,
    DatabaseUnusable,
    DuplicateValue,
    QueryFailed,
)

Raised = sqlite3.Error | OverflowError | UnicodeError
RAISED = (sqlite3.Error, OverflowError, UnicodeError)
"""What sqlite3 raises for a statement and its values."""

_UNREADABLE = "Could not decode to UTF-8 column"
"""How the driver begins to tell of a text that it finds to be none; there is no code."""
_DUPLICATE = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
    }
)
_RULES = frozenset({sqlite3.SQLITE_CONSTRAINT_CHECK, sqlite3.SQLITE_CONSTRAINT_TRIGGER})
_CONSTRAINT_DATATYPE = 3091
"""A value of another type in a STRICT table; Python 3.11 has no name for it."""


def primary_code(error: BaseException) -> int:
    """The kind of failure: `sqlite3.SQLITE_BUSY`, …; 0 when SQLite did not say."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_locked(error: BaseException) -> bool:
    """Whether another connection was in the way."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_stopped(error: BaseException) -> bool:
    """Whether the statement was stopped by us."""
    return primary_code(error) == sqlite3.SQLITE_INTERRUPT


def translated(error: Raised) -> ApiError:
    """What the client is told. A statement that was stopped is judged by who stopped it."""
    if isinstance(error, OverflowError):
        return refusals.value_unsuitable()
    if isinstance(error, UnicodeError):
        return refusals.text_invalid()
    match primary_code(error):
        case sqlite3.SQLITE_CONSTRAINT:
            return _constraint(error)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return refusals.locked()
        case sqlite3.SQLITE_FULL:
            return refusals.full()
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return refusals.read_only()
        case sqlite3.SQLITE_TOOBIG | sqlite3.SQLITE_MISMATCH:
            return refusals.value_unsuitable()
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR:
            return DatabaseUnreachable()
        case sqlite3.SQLITE_NOTADB:
            return DatabaseUnusable("The file is not a SQLite database")
    if str(error).startswith(_UNREADABLE):
        return refusals.text_unreadable()
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return DatabaseUnreachable()
    return refusals.value_unsuitable() if isinstance(error, sqlite3.DataError) else QueryFailed()


def _constraint(error: sqlite3.Error) -> ApiError:
    code = error.sqlite_errorcode
    if code in _DUPLICATE:
        return DuplicateValue(_columns(error))
    if code == sqlite3.SQLITE_CONSTRAINT_NOTNULL:
        return refusals.value_missing(next(iter(_columns(error)), None))
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return refusals.reference_broken()
    if code == _CONSTRAINT_DATATYPE:
        return refusals.value_unsuitable(next(iter(_columns(error)[-1:]), None))
    return refusals.rule_broken() if code in _RULES else refusals.value_unsuitable()


def _columns(error: sqlite3.Error) -> tuple[str, ...]:
    # "UNIQUE constraint failed: table.one, table.two"; "index 'name'" for an expression;
    # "cannot store TEXT value in INTEGER column table.one" in a STRICT table.
    _, _, named = str(error).rpartition(" failed: ")
    if named.startswith("index "):
        return ()
    named = named.rpartition(" column ")[2] if " column " in named else named
    return tuple(part.rpartition(".")[2] for part in named.split(", "))
