"""Logging in with e-mail address, password and, of users who have one, a second factor.

Nothing is told of an account to whoever does not know its password: neither in words nor,
by a floor under the time of every refusal, in time. Source: authentication page §3, §8
and §13.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from conductus.auth import second_factor, tokens
from conductus.auth.accounts import ACTIVE, SUSPENDED, Account, Accounts, Standing
from conductus.auth.address import block_of, listed
from conductus.auth.credentials import NOTHING_SHOWN, Credentials
from conductus.auth.failures import Failures, Visit, note
from conductus.auth.identity import Identity
from conductus.auth.notices import refusals_told, tell_admitted, tell_asked
from conductus.auth.otp_steps import find_last_step, keep_step
from conductus.auth.passwords import LONGEST_PASSWORD, Passwords, is_password
from conductus.auth.recovery_codes import redeem
from conductus.auth.session_rows import SessionKey, SessionKind
from conductus.auth.sessions import close_presented, open_session
from conductus.auth.tokens import Signing
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.errors import (
    AddressNotAllowed,
    CredentialsMalformed,
    InvalidCredentials,
    OtpMissing,
    OtpWrong,
    UserInactive,
    UserSuspended,
)
from conductus.items.history import Deed
from conductus.schema.validation import is_email
from conductus.tallies.throttle import Pace, Throttles

OF_ADDRESSES: Final = Pace(60, 10)
"""More than the attempts after which a user is suspended by default."""
OF_ONE_TIME_PASSWORDS: Final = Pace(10, 300)
"""Of one user: whoever guesses knows the password already."""
FLOOR_SECONDS: Final = 0.5
"""No refusal comes sooner: longer than any hash takes to verify on an idle server."""
BLUR: Final = 0.1
"""Part of the floor by which refusals differ at random: clocks are not exact to the last."""


class Form(Struct, frozen=True):
    """What is sent to log in."""

    email: str
    password: str
    otp: str = ""


class _Admitted(Struct, frozen=True):
    """Who has shown the right password, and what for."""

    account: Account
    otp: str
    kind: SessionKind
    replaced: Credentials
    renewed: str | None
    """The hash that is to be stored from now on."""


class LoggedIn(Struct, frozen=True):
    """A new session, and who it is of."""

    session: SessionKey
    account: Account


def form(body: Mapping[str, Any]) -> Form:
    """The form that a body holds. Raises `CredentialsMalformed` (114/422)."""
    email, password, otp = body.get("email"), body.get("password"), body.get("otp")
    problems = []
    if not isinstance(email, str) or not is_email(email) or not _is_text(email):
        problems.append(f"email: {_problem(email, 'Must be an e-mail address')}")
    if not isinstance(password, str) or not is_password(password):
        otherwise = f"Takes up to {LONGEST_PASSWORD} characters of text"
        problems.append(f"password: {_problem(password, otherwise)}")
    if problems:
        raise CredentialsMalformed(" ".join(problems))
    return Form(str(email), str(password), "" if otp is None else str(otp).strip())


class Login:
    """Admits users."""

    def __init__(
        self,
        identity: Identity,
        passwords: Passwords,
        throttles: Throttles,
        floor_seconds: float = FLOOR_SECONDS,
    ) -> None:
        self._identity = identity
        self._passwords = passwords
        self._addresses = throttles.of("login by address", OF_ADDRESSES)
        self._guessed = throttles.of("one-time password", OF_ONE_TIME_PASSWORDS)
        self._failures = Failures(self._addresses)
        self._floor_seconds = floor_seconds

    async def authenticate(
        self,
        visit: Visit,
        form: Form,
        kind: SessionKind = "jwt",
        replaced: Credentials = NOTHING_SHOWN,
    ) -> LoggedIn:
        """A new session for whoever shows the right form; the `replaced` one ends.

        Raises `InvalidCredentials` (100), `UserInactive`, `UserSuspended` (103),
        `OtpMissing` (111), `OtpWrong` (112), `TooManyRequests` (7), `AddressNotAllowed` (19).
        """
        await tell_asked(visit, form.email)
        async with refusals_told(visit, "credentials", form.email):
            logged_in = await self._authenticate(visit, form, kind, replaced)
        user = logged_in.account.standing.user
        await tell_admitted(visit, "credentials", user, form.email)
        return logged_in

    async def _authenticate(
        self, visit: Visit, form: Form, kind: SessionKind, replaced: Credentials
    ) -> LoggedIn:
        """Not at any pace, and no refusal sooner than others."""
        address, how = block_of(visit.actor.ip), visit.project.config.rate_limit
        await self._addresses.take(address, visit.now, how)
        began = time.perf_counter()
        try:
            logged_in = await self._admit(visit, form, kind, replaced)
        except (InvalidCredentials, OtpWrong, UserInactive, UserSuspended):
            await self._wait(began)
            raise
        except OtpMissing:
            await self._addresses.forgive(address, visit.now, how)
            raise
        await self._addresses.forgive(address, visit.now, how)
        return logged_in

    async def _wait(self, began: float) -> None:
        """Lets a refusal take as long as any other, and hides what differs in a fraction of it."""
        blur = secrets.randbelow(1000) / 1000 * self._floor_seconds * BLUR
        await asyncio.sleep(began + self._floor_seconds + blur - time.perf_counter())

    def token(self, visit: Visit, logged_in: LoggedIn) -> str:
        """An access token of a new session."""
        return tokens.issue(
            Signing(visit.project.key, visit.project.config.auth),
            user=logged_in.account.standing.user,
            session=str(logged_in.session),
            minutes=visit.snapshot.settings.auth_token_ttl,
            now=visit.now,
        )

    async def _admit(
        self, visit: Visit, form: Form, kind: SessionKind, replaced: Credentials
    ) -> LoggedIn:
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        account = await accounts.find_by_email(visit.project.database, form.email)
        stored = None if account is None else account.password_hash
        verdict = await self._passwords.verify(form.password, stored)
        if account is None:
            raise InvalidCredentials
        if not verdict.right:
            await self._failures.record(visit, accounts, account.standing)
            raise InvalidCredentials
        check_state(account.standing, visit.actor.ip)
        admitted = _Admitted(account, form.otp, kind, replaced, verdict.renewed)
        if account.otp_secret is None:
            return await self._open(visit, accounts, admitted)
        if not form.otp:
            raise OtpMissing
        return await self._open_guarded(visit, accounts, admitted)

    async def _open_guarded(
        self, visit: Visit, accounts: Accounts, admitted: _Admitted
    ) -> LoggedIn:
        """A session of a user who has a second factor, which nobody may guess at will."""
        standing = admitted.account.standing
        config = visit.project.config
        guessed = f"{config.auth.public_key}/{standing.user}"
        await self._guessed.take(guessed, visit.now, config.rate_limit)
        try:
            logged_in = await self._open(visit, accounts, admitted)
        except OtpWrong:
            await self._failures.record(visit, accounts, standing)
            raise
        await self._guessed.forget(guessed, visit.now, config.rate_limit)
        return logged_in

    async def _open(self, visit: Visit, accounts: Accounts, admitted: _Admitted) -> LoggedIn:
        account = admitted.account
        user = account.standing.user
        signing = Signing(visit.project.key, visit.project.config.auth)

        async def work(transaction: Transaction) -> Outcome[SessionKey]:
            found = await accounts.locked(transaction, user)
            # While the password was verified, it or the state may have changed.
            if found is None or found.password_hash != account.password_hash:
                raise InvalidCredentials
            check_state(found.standing, visit.actor.ip)
            if found.otp_secret:
                await _use_otp(transaction, visit, found, admitted.otp)
            if admitted.renewed is not None:
                await accounts.change_user(transaction, user, {"password": admitted.renewed})
            ended = await close_presented(transaction, accounts, signing, admitted.replaced)
            session = await open_session(transaction, accounts, visit, user, admitted.kind)
            await note(transaction, visit, accounts, Deed.AUTHENTICATE, user)
            return Outcome(session, access_changed=ended)

        return LoggedIn(await transact(visit.project, work), account)


async def _use_otp(transaction: Transaction, visit: Visit, account: Account, otp: str) -> None:
    """Uses a one-time password up, or a recovery code. Raises `OtpMissing`, `OtpWrong`."""
    if not otp:
        raise OtpMissing
    dialect, user = visit.project.database.dialect, account.standing.user
    stored, key = account.otp_secret or "", visit.project.config.auth.secret_key
    last = await find_last_step(transaction, dialect, user)
    step = second_factor.verify(second_factor.opened(stored, key), otp, visit.now, last)
    if step is not None:
        await keep_step(transaction, dialect, user, step)
    elif not await redeem(transaction, visit, user, otp):
        raise OtpWrong


def check_state(standing: Standing, ip: str) -> None:
    """Raises `UserInactive`, `UserSuspended` (103), `AddressNotAllowed` (19)."""
    if standing.status == SUSPENDED:
        raise UserSuspended
    if standing.status != ACTIVE:
        raise UserInactive
    if standing.addresses and not listed(ip, standing.addresses):
        raise AddressNotAllowed


def _problem(value: Any, otherwise: str) -> str:
    return "This value is required" if value in (None, "") else otherwise


def _is_text(text: str) -> bool:
    """What every database takes."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
