"""From asyncmy's exceptions to ours.

The numbers are those of MySQL's and MariaDB's error references; below 2000 and above 3000
they come from the server, between them from the client library.
"""

from __future__ import annotations

import re

from asyncmy.errors import MySQLError

from conductus.database import refusals
from conductus.database.executor import TransactionConflict
from conductus.errors import (
    ApiError,
    DatabaseUnreachable,
    DatabaseUnusable,
    QueryFailed,
    QueryTooSlow,
)

RAISED = (MySQLError, OSError, TimeoutError)
"""What asyncmy raises, on its own account or for the server."""

DUPLICATE = frozenset({1062, 1586, 1859})
UNSUITABLE = frozenset({1264, 1265, 1292, 1366, 1367, 1406, 1411, 1441, 1690, 3140, 3141, 3156}) | {
    # No shape, and letters that a column's character set lacks.
    *(1416, 1267, 1270, 1271, 3988)
}
"""Also the numbers of the warnings that mean that a value was not kept as it was given."""

UNPREPARED = frozenset({1243, 1295, 1461, 1615})
"""The server has forgotten a statement that it prepared, or prepares no more of them."""

_CONFLICT = frozenset({1213, 1205, 1020, 1047})
_LOST = frozenset(
    {0, 1040, 1053, 1129, 1158, 1159, 1160, 1161, 1203, 1226, 1927, *range(2000, 2100)}
)
_ENTRY_REFUSED = frozenset({1044, 1045, 1049, 1130, 1251, 1698, 2059})
_MISSING = frozenset({1048, 1263, 1364})
_REFERENCE = frozenset({1216, 1217, 1451, 1452, 1557, 1761, 1762})
_RULE = frozenset({1644, 3819, 4025})
_SLOW = frozenset({1317, 1969, 3024})
_FULL = frozenset({1021, 1041, 1114})
_READ_ONLY = frozenset({1223, 1290, 1792, 1836, 1874})
_TOO_LARGE = frozenset({1153, 1118, 1162, 1301})
_FIRST_QUOTED = re.compile(r"[`']([^`']+)[`']")
_LAST_QUOTED = re.compile(r"[`']([^`']+)[`'](?: at row \d+)?[^`']*$")


def number(error: BaseException) -> int:
    """The number of the error; 0 for a connection that is not there."""
    code = error.args[0] if isinstance(error, MySQLError) and error.args else 0
    return code if isinstance(code, int) else 0


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, so that a read may be tried on another."""
    return number(error) in _LOST


def in_transaction(error: Exception, seconds: float) -> ApiError | TransactionConflict:
    """What the failure of a statement in a transaction means."""
    return TransactionConflict() if number(error) in _CONFLICT else translated(error, seconds)


def translated(error: Exception, seconds: float) -> ApiError:
    """What the client is told; `seconds` is the time limit of a statement."""
    code = number(error)
    if code in _LOST:
        return DatabaseUnreachable()
    if code in _MISSING:
        # "Column 'a' cannot be null", "Field 'a' doesn't have a default value".
        return refusals.value_missing(_column(error, _FIRST_QUOTED))
    if code in UNSUITABLE:
        # "… for column 'a' at row 1", "… for column `db`.`table`.`a` at row 1".
        return refusals.value_unsuitable(_column(error, _LAST_QUOTED))
    if code in _TOO_LARGE:
        return refusals.value_unsuitable()
    if code in _REFERENCE:
        return refusals.reference_broken()
    if code in _RULE:
        return refusals.rule_broken()
    if code in _SLOW:
        return QueryTooSlow(seconds)
    if code in _CONFLICT:
        return refusals.locked()
    if code in _FULL:
        return refusals.full()
    return refusals.read_only() if code in _READ_ONLY else QueryFailed()


def entry_refused(error: Exception) -> ApiError:
    """What a failure to connect means."""
    if number(error) in _ENTRY_REFUSED:
        return DatabaseUnusable(
            "The server does not let this user into this database, or there is no such database"
        )
    return DatabaseUnreachable()


def index_name(error: BaseException) -> str | None:
    """The index that a duplicate was found in: "… for key 'name'", with MySQL's table."""
    found = _LAST_QUOTED.search(str(error.args[-1]))
    return found[1].rpartition(".")[2] if found else None


def _column(error: BaseException, place: re.Pattern[str]) -> str | None:
    found = place.search(str(error.args[-1]))
    return found[1] if found else None
