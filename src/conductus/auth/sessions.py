"""What can be done with a session once it is open: refreshed, asked about, ended.

Source: authentication page §5 and §6.3.
"""

from __future__ import annotations

from datetime import datetime

from conductus.auth import tokens
from conductus.auth.credentials import Credentials, presented
from conductus.auth.identity import REFUSALS, Identity, session_key
from conductus.auth.tokens import Claims, Signing
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.errors import InvalidToken
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot


class Sessions:
    """The sessions of whoever shows their tokens."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def refresh(self, project: Project, snapshot: Snapshot, token: str, now: datetime) -> str:
        """A token of the same session that expires later; the old one stays good.

        Raises `InvalidToken` (101), `ExpiredToken` (102), `UserInactive` or
        `UserSuspended` (103).
        """
        shown = Credentials(authorization=f"Bearer {token}")
        found = await self._identity.signed_in(project, shown, now)
        if found.claims is None:
            raise InvalidToken
        return tokens.issue(
            Signing(project.key, project.config.auth),
            user=found.user,
            session=found.claims.sid,
            minutes=snapshot.settings.auth_token_ttl,
            now=now,
            needs_2fa=found.needs_2fa,
        )

    async def valid(self, project: Project, credentials: Credentials, now: datetime) -> bool:
        """Whether the credentials stand for somebody."""
        try:
            await self._identity.signed_in(project, credentials, now)
        except REFUSALS:
            return False
        return True

    async def end(self, project: Project, snapshot: Snapshot, credentials: Credentials) -> None:
        """Ends the session of the token that is shown, also of one that has expired."""
        token = presented(credentials)
        try:
            claims = tokens.read(Signing(project.key, project.config.auth), token, Claims)
            session = session_key(claims.sid)
        except InvalidToken:
            return
        accounts = self._identity.accounts(project, snapshot)

        async def work(transaction: Transaction) -> Outcome[None]:
            # Known by its secret: ids may be given anew once their rows are gone.
            found = await accounts.find_by_session(
                transaction, session.id, session.secret, claims.id
            )
            if found is None:
                return Outcome(None)
            gone = await accounts.close_session(transaction, session.id)
            return Outcome(None, access_changed=gone)

        await transact(project, work)
