"""Failed logins: written down, and followed by suspension when there are too many in a row.

Source: authentication page §8 and §13.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from conductus.auth.accounts import ACTIVE, SUSPENDED, USERS, Accounts, Standing
from conductus.auth.address import block_of
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.errors import UserSuspended
from conductus.items.context import Context
from conductus.items.history import Deed, History, Note
from conductus.permissions.actor import Actor
from conductus.projects.project import Project
from conductus.projects.sessions import end_sessions
from conductus.projects.snapshot import Snapshot
from conductus.tallies.throttle import Throttle


class Visit(Struct, frozen=True, kw_only=True):
    """Where and when somebody tries to log in."""

    project: Project
    snapshot: Snapshot
    actor: Actor
    """The public, with address and user agent."""
    now: datetime

    def context(self, user: int) -> Context:
        """The request in the name of a user, for the activity."""
        actor = Actor(user=user, ip=self.actor.ip, user_agent=self.actor.user_agent)
        return Context(schema=self.snapshot.schema, actor=actor, now=self.now)


class Failures:
    """What a wrong password or one-time password brings about."""

    def __init__(self, addresses: Throttle) -> None:
        self._addresses = addresses

    async def record(self, visit: Visit, accounts: Accounts, standing: Standing) -> None:
        """Writes a failure of an active user down.

        The last of too many in a row suspends the user: raises `UserSuspended` (103/404).
        The last active administrator is never suspended; the address has to wait instead.
        """
        if standing.status != ACTIVE:
            return
        allowed = visit.snapshot.settings.login_attempts_allowed

        async def work(transaction: Transaction) -> Outcome[bool]:
            found = await accounts.locked(transaction, standing.user)
            if found is None or found.standing.status != ACTIVE:
                return Outcome(False)
            await note(transaction, visit, accounts, Deed.INVALID_CREDENTIALS, standing.user)
            failures = await accounts.failures_in_a_row(transaction, standing.user, allowed + 1)
            if not allowed or failures <= allowed:
                return Outcome(False)
            if await accounts.is_last_administrator(transaction, found.standing):
                how = visit.project.config.rate_limit
                await self._addresses.exhaust(block_of(visit.actor.ip), visit.now, how)
                return Outcome(False)
            await accounts.change_user(transaction, standing.user, {"status": SUSPENDED})
            await end_sessions(transaction, visit.project.database.dialect, [standing.user])
            return Outcome(True, access_changed=True)

        if await transact(visit.project, work):
            raise UserSuspended


async def note(
    transaction: Transaction, visit: Visit, accounts: Accounts, deed: Deed, user: int
) -> None:
    """Writes an activity row of a user about that user."""
    about = [Note(deed=deed, collection=USERS, item=str(user))]
    context = visit.context(user)
    await History(accounts.records, context.schema).note(transaction, about, context)
