"""Counts writes to what the server itself goes by: metadata, settings, users, roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.projects.coherence import Change, bump

COUNTED: Mapping[str, Change] = {
    "directus_collections": Change.SCHEMA,
    "directus_fields": Change.SCHEMA,
    "directus_relations": Change.SCHEMA,
    "directus_settings": Change.SCHEMA,
    "directus_users": Change.ACCESS,
    "directus_roles": Change.ACCESS,
    "directus_permissions": Change.ACCESS,
}
Counted = dict[Change, int]


class Bookkeeper:
    """The writer's bookkeeping: counts in the transaction, announces after it."""

    def __init__(self, dialect: Dialect, announce: Callable[[Change, int], None]) -> None:
        self._dialect = dialect
        self._announce = announce

    async def before_commit(self, transaction: Transaction, touched: frozenset[str]) -> Counted:
        """Counts each kind of change that the transaction makes."""
        changes = {COUNTED[name] for name in touched if name in COUNTED}
        return {change: await bump(transaction, self._dialect, change) for change in changes}

    def after_commit(self, noted: Counted) -> None:
        """Makes every worker look again before the answer goes out."""
        for change, count in noted.items():
            self._announce(change, count)
