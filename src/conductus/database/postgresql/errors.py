"""From asyncpg's exceptions to ours."""

from __future__ import annotations

import re

import asyncpg

from conductus.database import refusals
from conductus.database.executor import TransactionConflict
from conductus.errors import (
    ApiError,
    DatabaseUnreachable,
    DatabaseUnusable,
    DuplicateValue,
    QueryFailed,
    QueryTooSlow,
)

RAISED = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises, on its own account or for the server."""

_RETRIED = frozenset({"40001", "40P01", "40003"})
_LOST = frozenset({"57P01", "57P02", "57P03", "53300"})
_ENTRY_REFUSED = frozenset({"28000", "28P01", "3D000"})
_NOT_TEXT = frozenset({"22021", "22P05"})
_KEY = re.compile(r"\((?P<names>.*?)\)=\(")
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^\s,"()]+)')
_EXPRESSION = re.compile(r"[()]|::")


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, so that a read may be tried on another."""
    state = getattr(error, "sqlstate", None) or ""
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "in progress" in str(error)
    if isinstance(error, asyncpg.InternalClientError):
        # A goodbye from the server that nobody asked for leaves asyncpg out of step.
        return not is_outdated(error)
    return isinstance(error, OSError) or state.startswith("08") or state in _LOST


def is_outdated(error: BaseException) -> bool:
    """Whether what asyncpg knew of the tables is no longer true; it has forgotten it."""
    return isinstance(error, asyncpg.OutdatedSchemaCacheError | asyncpg.InvalidCachedStatementError)


def in_transaction(error: Exception, seconds: float) -> ApiError | TransactionConflict:
    """What the failure of a statement in a transaction means."""
    if getattr(error, "sqlstate", None) in _RETRIED or is_outdated(error):
        return TransactionConflict()
    return translated(error, seconds)


def translated(error: Exception, seconds: float) -> ApiError:
    """What the client is told; `seconds` is the time limit of a statement."""
    if is_lost(error):
        return DatabaseUnreachable()
    state = getattr(error, "sqlstate", None) or ""
    match state:
        case "23505":
            return DuplicateValue(_fields(error))
        case "23P01":
            return DuplicateValue()
        case "23502":
            return refusals.value_missing(getattr(error, "column_name", None))
        case "23503" | "23001":
            return refusals.reference_broken()
        case "23514" | "44000" | "P0001" | "P0004":
            return refusals.rule_broken()
        case "57014":
            return QueryTooSlow(seconds)
        case "55P03" | "40001" | "40P01":
            return refusals.locked()
        case "54000":
            return refusals.value_unsuitable()
        case "53100":
            return refusals.full()
        case "25006":
            return refusals.read_only()
    if state in _NOT_TEXT or isinstance(error.__cause__, UnicodeError):
        return refusals.text_invalid()
    return refusals.value_unsuitable() if state.startswith("22") else QueryFailed()


def entry_refused(error: Exception) -> ApiError:
    """What a failure to connect means."""
    if getattr(error, "sqlstate", None) in _ENTRY_REFUSED:
        return DatabaseUnusable(
            "The server does not let this user into this database, or there is no such database"
        )
    return DatabaseUnreachable()


def _fields(error: Exception) -> tuple[str, ...]:
    # `Key (name, "Other name")=(1, 2) …`, in the words of the server's language.
    found = _KEY.search(getattr(error, "detail", None) or "")
    if found is None or _EXPRESSION.search(_NAME.sub(_unless_plain, found["names"])):
        return ()
    return tuple(
        quoted.replace('""', '"') or plain for quoted, plain in _NAME.findall(found["names"])
    )


def _unless_plain(name: re.Match[str]) -> str:
    # Within quotes, brackets and colons are letters of a name.
    return "" if name[1] else name[0]
