"""Counts writes to what the server itself goes by: metadata, settings, users, roles.

Ends the sessions of users who are shut out by a write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.items.context import Context
from conductus.items.steps import Step
from conductus.items.witnesses import Afterwards
from conductus.projects.coherence import Change, bump
from conductus.projects.sessions import end_sessions_of_changed

COUNTED: Mapping[str, Change] = {
    "directus_collections": Change.SCHEMA,
    "directus_fields": Change.SCHEMA,
    "directus_relations": Change.SCHEMA,
    "directus_settings": Change.SCHEMA,
    "directus_webhooks": Change.SCHEMA,
    "directus_users": Change.ACCESS,
    "directus_roles": Change.ACCESS,
    "directus_permissions": Change.ACCESS,
}


class Bookkeeper:
    """The writer's bookkeeping: counts in the transaction, announces after it."""

    def __init__(self, dialect: Dialect, announce: Callable[[Change, int], None]) -> None:
        self._dialect = dialect
        self._announce = announce

    async def before_commit(
        self, transaction: Transaction, steps: Sequence[Step], context: Context
    ) -> Afterwards:
        """Counts each kind of change that the transaction makes.

        After it every worker is made to look again, before the answer goes out.
        """
        touched = {step.collection.name for step in steps}
        if COUNTED.keys().isdisjoint(touched):
            return ()
        changes = {COUNTED[name] for name in touched if name in COUNTED}
        if Change.ACCESS in changes:
            await end_sessions_of_changed(transaction, self._dialect, steps, context)
        return [
            partial(self._announce, change, await bump(transaction, self._dialect, change))
            for change in changes
        ]
