"""Logging in with e-mail address and password.

Nothing is told of an account to whoever does not know its password: neither in words nor,
by a floor under the time of every refusal, in time. Source: authentication page §3, §8
and §13.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from conductus.auth import tokens
from conductus.auth.accounts import ACTIVE, SUSPENDED, Account, Accounts, Standing
from conductus.auth.failures import Failures, Visit, note
from conductus.auth.identity import Identity, SessionKey
from conductus.auth.passwords import Passwords
from conductus.auth.throttle import Throttle
from conductus.auth.tokens import Signing
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.errors import (
    CredentialsMalformed,
    InvalidCredentials,
    OtpMissing,
    OtpWrong,
    UserInactive,
    UserSuspended,
)
from conductus.items.history import Deed
from conductus.schema.validation import is_email

FLOOR_SECONDS: Final = 0.5
"""No refusal comes sooner: longer than any hash takes to verify on an idle server."""
_LONGEST_PASSWORD: Final = 4096


class Form(Struct, frozen=True):
    """What is sent to log in."""

    email: str
    password: str
    otp: str = ""


class LoggedIn(Struct, frozen=True):
    """A new session."""

    token: str
    account: Account


def form(body: Mapping[str, Any]) -> Form:
    """The form that a body holds. Raises `CredentialsMalformed` (114/422)."""
    email, password, otp = body.get("email"), body.get("password"), body.get("otp")
    problems = []
    if not isinstance(email, str) or not is_email(email) or not _is_text(email):
        problems.append(f"email: {_problem(email, 'Must be an e-mail address')}")
    if not isinstance(password, str) or not password or not _is_text(password):
        problems.append(f"password: {_problem(password, 'Must be text')}")
    elif len(password) > _LONGEST_PASSWORD:
        problems.append(f"password: Takes {_LONGEST_PASSWORD} characters")
    if problems:
        raise CredentialsMalformed(" ".join(problems))
    return Form(str(email), str(password), "" if otp is None else str(otp).strip())


class Login:
    """Admits users."""

    def __init__(
        self,
        identity: Identity,
        passwords: Passwords,
        throttle: Throttle,
        floor_seconds: float = FLOOR_SECONDS,
    ) -> None:
        self._identity = identity
        self._passwords = passwords
        self._throttle = throttle
        self._failures = Failures(throttle)
        self._floor_seconds = floor_seconds

    async def authenticate(self, visit: Visit, form: Form) -> LoggedIn:
        """A new session for whoever shows the right form.

        Raises `InvalidCredentials` (100), `UserInactive`, `UserSuspended` (103),
        `OtpMissing` (111), `OtpWrong` (112), `TooManyRequests` (7).
        """
        self._throttle.check(visit.actor.ip, visit.now)
        began = time.perf_counter()
        try:
            return await self._admit(visit, form)
        except OtpMissing:
            # The password was right.
            raise
        except (InvalidCredentials, OtpWrong, UserInactive, UserSuspended):
            self._throttle.failed(visit.actor.ip, visit.now)
            await asyncio.sleep(began + self._floor_seconds - time.perf_counter())
            raise

    async def _admit(self, visit: Visit, form: Form) -> LoggedIn:
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        account = await accounts.find_by_email(visit.project.database, form.email)
        stored = None if account is None else account.password_hash
        verdict = await self._passwords.verify(form.password, stored)
        if account is None:
            raise InvalidCredentials
        if not verdict.right:
            await self._failures.record(visit, accounts, account.standing)
            raise InvalidCredentials
        _check_state(account.standing)
        if account.has_2fa:
            await self._check_otp(visit, accounts, account, form.otp)
        return await self._open(visit, accounts, account, verdict.renewed)

    async def _check_otp(
        self, visit: Visit, accounts: Accounts, account: Account, otp: str
    ) -> None:
        """Refuses: nothing here can verify a one-time password, so none is right."""
        if not otp:
            raise OtpMissing
        await self._failures.record(visit, accounts, account.standing)
        raise OtpWrong

    async def _open(
        self, visit: Visit, accounts: Accounts, account: Account, renewed: str | None
    ) -> LoggedIn:
        user = account.standing.user
        project, settings = visit.project, visit.snapshot.settings
        secret = secrets.token_urlsafe(24)

        async def work(transaction: Transaction) -> Outcome[int]:
            found = await accounts.locked(transaction, user)
            # While the password was verified, it or the state may have changed.
            if found is None or found.password_hash != account.password_hash:
                raise InvalidCredentials
            _check_state(found.standing)
            if renewed is not None:
                await accounts.change_user(transaction, user, {"password": renewed})
            await accounts.purge_sessions(transaction, visit.now)
            session = await accounts.open_session(
                transaction,
                user=user,
                kind="jwt",
                secret=secret,
                actor=visit.actor,
                now=visit.now,
                expires=visit.now + timedelta(minutes=settings.auto_sign_out),
            )
            await note(transaction, visit, accounts, Deed.AUTHENTICATE, user)
            return Outcome(session)

        session = await transact(project, work)
        token = tokens.issue(
            Signing(project.key, project.config.auth),
            user=user,
            session=str(SessionKey(session, secret)),
            minutes=settings.auth_token_ttl,
            now=visit.now,
        )
        return LoggedIn(token, account)


def _check_state(standing: Standing) -> None:
    if standing.status == SUSPENDED:
        raise UserSuspended
    if standing.status != ACTIVE:
        raise UserInactive


def _problem(value: Any, otherwise: str) -> str:
    return "This value is required" if value in (None, "") else otherwise


def _is_text(text: str) -> bool:
    """What every database takes."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
