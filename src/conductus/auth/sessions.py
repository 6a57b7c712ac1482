"""What can be done with sessions: opened, refreshed, asked about, ended.

Source: authentication page §5 and §6.3.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

from conductus.auth import tokens
from conductus.auth.accounts import Accounts
from conductus.auth.credentials import Credentials
from conductus.auth.failures import Visit
from conductus.auth.identity import Identity, SignedIn
from conductus.auth.session_rows import SessionKey, SessionKind, session_key
from conductus.auth.tokens import Claims, Signing
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.database.insisting import insist
from conductus.errors import Forbidden, InvalidToken, Unauthorized
from conductus.permissions.actor import ADMINISTRATOR_ROLE
from conductus.projects.project import Project
from conductus.projects.sessions import end_sessions
from conductus.projects.snapshot import Snapshot

_SECRET_BYTES = 24


async def open_session(
    transaction: Transaction,
    accounts: Accounts,
    visit: Visit,
    user: int,
    kind: SessionKind,
    expires: datetime | None = None,
) -> SessionKey:
    """A new session of a user, in the transaction that admits the user.

    It lives as long as the project's settings say, unless `expires` does.
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    lifetime = timedelta(minutes=visit.snapshot.settings.auto_sign_out)
    await accounts.sessions.purge(transaction, visit.now)
    session = await accounts.sessions.open(
        transaction,
        user=user,
        kind=kind,
        secret=secret,
        actor=visit.actor,
        now=visit.now,
        expires=expires or visit.now + lifetime,
    )
    return SessionKey(session, secret)


async def swept_sessions(project: Project, now: datetime) -> AsyncGenerator[int, None]:
    """Removes sessions that have expired, and what a single sign-on left of itself."""
    accounts = Accounts((await project.current()).schema, project.database.dialect)

    async def batch() -> int:
        async with project.database.transaction() as transaction:
            return await accounts.sessions.purge(transaction, now)

    while removed := await insist(batch, "sessions"):
        yield removed


async def close_presented(
    transaction: Transaction, accounts: Accounts, signing: Signing, shown: Credentials
) -> bool:
    """Ends the session of the token that is shown, also of one that has expired.

    Answers whether there was one.
    """
    kind: SessionKind = "cookie" if shown.cookie else "jwt"
    try:
        text = shown.token if shown.cookie else tokens.read(signing, shown.token, Claims).sid
        session = session_key(text)
    except InvalidToken:
        return False
    # Known by its secret: ids may be given anew once their rows are gone.
    if await accounts.find_by_session(transaction, session, kind) is None:
        return False
    return await accounts.sessions.close(transaction, session.id)


class Sessions:
    """The sessions of whoever shows their tokens."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def refresh(self, project: Project, snapshot: Snapshot, token: str, now: datetime) -> str:
        """A token of the same session that expires later; the old one stays good.

        Raises `InvalidToken` (101), `ExpiredToken` (102), `UserInactive` or
        `UserSuspended` (103).
        """
        found = await self._identity.signed_in(project, Credentials(token), now)
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

    async def valid(self, project: Project, shown: Credentials, now: datetime) -> bool:
        """Whether the credentials stand for somebody."""
        return await self._identity.find_signed_in(project, shown, now) is not None

    async def listed(
        self,
        project: Project,
        snapshot: Snapshot,
        shown: Credentials,
        now: datetime,
        user: int | None = None,
    ) -> list[dict[str, Any]] | None:
        """The sessions of whoever asks; of any `user` for administrators. None for nobody.

        Who has to set up a second factor first is nobody until then. Raises `Forbidden`
        (10/403) when somebody else's are asked for.
        """
        asking = await self._identity.find_signed_in(project, shown, now)
        if asking is None or asking.needs_2fa:
            return None
        wanted = asking.user if user is None else user
        _check_may_handle(asking, wanted)
        accounts = self._identity.accounts(project, snapshot)
        return await accounts.sessions.listed(project.database, wanted, now)

    async def end(self, project: Project, snapshot: Snapshot, shown: Credentials) -> None:
        """Ends the session of the token that is shown, also of one that has expired."""
        if not shown.token:
            return
        accounts = self._identity.accounts(project, snapshot)
        signing = Signing(project.key, project.config.auth)

        async def work(transaction: Transaction) -> Outcome[None]:
            ended = await close_presented(transaction, accounts, signing, shown)
            return Outcome(None, access_changed=ended)

        await transact(project, work)

    async def end_of(
        self,
        project: Project,
        shown: Credentials,
        now: datetime,
        user: int,
        session: int | None = None,
    ) -> None:
        """Ends a session of a user, or all of them.

        Raises `Unauthorized` (3/401) for nobody, `Forbidden` (10/403) unless one ends one's
        own or is an administrator.
        """
        asking = await self._identity.find_signed_in(project, shown, now)
        if asking is None or asking.needs_2fa:
            raise Unauthorized
        _check_may_handle(asking, user)

        async def work(transaction: Transaction) -> Outcome[None]:
            ended = await end_sessions(transaction, project.database.dialect, [user], only=session)
            return Outcome(None, access_changed=ended > 0)

        await transact(project, work)


def _check_may_handle(asking: SignedIn, user: int) -> None:
    if asking.user != user and asking.role != ADMINISTRATOR_ROLE:
        raise Forbidden("These are the sessions of somebody else")
