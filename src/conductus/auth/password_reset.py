"""A new password for who has lost the old one, by a link that is mailed.

Asking always succeeds and takes the same time, whoever asks for whom. The link's token is
signed and made anew when the mail is sent, so that nothing stored anywhere can be used; of
the token itself only a hash is kept, until it is used once. Source: authentication page §7.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from conductus.auth import tokens
from conductus.auth.accounts import ACTIVE, SUSPENDED, USERS, Accounts
from conductus.auth.address import block_of
from conductus.auth.failures import Visit, note
from conductus.auth.identity import Identity
from conductus.auth.links import Destinations, with_query
from conductus.auth.passwords import LONGEST_PASSWORD, Passwords, check_policy, is_password
from conductus.auth.session_rows import hashed
from conductus.auth.tokens import Signing, Stated
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Executor, Transaction
from conductus.errors import (
    ExpiredToken,
    InvalidToken,
    ResetTokenExpired,
    ResetTokenInvalid,
    TooManyRequests,
    UserInactive,
    UserNotFound,
    UserSuspended,
    ValidationFailed,
)
from conductus.items.history import Deed
from conductus.items.records import Record
from conductus.jobs.claims import Claim
from conductus.jobs.letters import Letter, SendLetter
from conductus.projects.outbox import Errand
from conductus.projects.project import Project
from conductus.projects.sessions import end_sessions
from conductus.schema.validation import is_email
from conductus.tallies.throttle import Pace, Throttles

KIND: Final = "password-reset"
FLOOR_SECONDS: Final = 0.5
"""No answer comes sooner: longer than writing a row takes on an idle server."""
_MISSING: Final = "This value is required"
_OF_ADDRESSES: Final = Pace(20, 30)
_OF_ACCOUNTS: Final = Pace(3, 600)


class ResetClaims(Stated, frozen=True, kw_only=True):
    """What a reset token says."""

    type: Literal["reset_password"]
    id: int
    email: str
    ttl: int
    """Minutes."""
    jti: str


class ResetErrand(Struct, frozen=True, kw_only=True):
    """What the outbox keeps of a request: nothing that could be used without the key."""

    id: int
    email: str
    exp: int
    ttl: int
    jti: str
    reset_url: str | None

    def claims(self, signing: Signing) -> ResetClaims:
        """What the token is to say."""
        return ResetClaims(
            type="reset_password",
            key=signing.auth.public_key,
            project=signing.project,
            id=self.id,
            email=self.email,
            exp=self.exp,
            ttl=self.ttl,
            jti=self.jti,
        )


class PasswordReset:
    """Mails links for new passwords, and sets the passwords."""

    def __init__(
        self,
        identity: Identity,
        passwords: Passwords,
        send: SendLetter,
        base_url: str,
        throttles: Throttles,
        floor_seconds: float = FLOOR_SECONDS,
    ) -> None:
        self._identity = identity
        self._passwords = passwords
        self._send = send
        self._base_url = base_url
        self._floor_seconds = floor_seconds
        self._by_address = throttles.of("reset by address", _OF_ADDRESSES)
        self._by_account = throttles.of("reset by account", _OF_ACCOUNTS)

    # -- asking for a link ------------------------------------------------------------

    async def request(self, visit: Visit, email: str, reset_url: object) -> None:
        """Mails a link to an active user of that address; tells nobody whether there is one.

        Raises `ValidationFailed` (4) for what cannot be an address, `TooManyRequests` (7).
        """
        began = time.perf_counter()
        target = None if reset_url is None else self._target(visit, reset_url)
        address = block_of(visit.actor.ip)
        await self._by_address.take(address, visit.now, visit.project.config.rate_limit)
        if await self._may_be_mailed(visit, email):
            await self._leave(visit, email, target)
        await asyncio.sleep(began + self._floor_seconds - time.perf_counter())

    def _target(self, visit: Visit, reset_url: object) -> str:
        others = visit.project.config.auth.redirect_origins
        return Destinations(self._base_url, others).checked("reset_url", reset_url)

    async def _may_be_mailed(self, visit: Visit, email: str) -> bool:
        """Whether the account was not mailed too often; said to nobody."""
        config = visit.project.config
        account = hashed(f"{config.auth.public_key} {email.lower()}")
        try:
            await self._by_account.take(account, visit.now, config.rate_limit)
        except TooManyRequests:
            return False
        return True

    async def _leave(self, visit: Visit, email: str, reset_url: str | None) -> None:
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        account = await accounts.find_by_email(visit.project.database, email)
        if account is None or account.standing.status != ACTIVE:
            return
        minutes = visit.snapshot.settings.auth_token_ttl
        errand = ResetErrand(
            id=account.standing.user,
            # The address that is stored, not the one that was typed.
            email=str(account.shown["email"]),
            exp=int((visit.now + timedelta(minutes=minutes)).timestamp()),
            ttl=minutes,
            jti=secrets.token_urlsafe(16),
            reset_url=reset_url,
        )
        signing = Signing(visit.project.key, visit.project.config.auth)
        kept = hashed(tokens.sign(signing, errand.claims(signing)))

        async def work(transaction: Transaction) -> Outcome[None]:
            await accounts.change_user(transaction, errand.id, {"password_reset_token": kept})
            left = Errand(KIND, msgspec.to_builtins(errand))
            await visit.project.outbox.put(transaction, [left], visit.now)
            return Outcome(None)

        await transact(visit.project, work)
        visit.project.outbox.ring()

    async def deliver(self, project: Project, claim: Claim, now: datetime) -> None:
        """Mails the link of an errand, unless nobody could use it any more."""
        errand = msgspec.convert(claim.payload, ResetErrand)
        if errand.exp <= now.timestamp():
            return
        snapshot = await project.current()
        accounts = self._identity.accounts(project, snapshot)
        account = await accounts.find_by_id(project.database, errand.id)
        if account is None or account.shown["email"] != errand.email:
            return
        signing = Signing(project.key, project.config.auth)
        token = tokens.sign(signing, errand.claims(signing))
        names = (account.shown["first_name"], account.shown["last_name"])
        letter = Letter(
            id=claim.id,
            template="reset-password",
            to=errand.email,
            data={
                "user_full_name": " ".join(str(name) for name in names if name),
                "reset_url": self._link(project, errand.reset_url, token),
                "minutes": errand.ttl,
                "locale": account.shown["locale"],
            },
        )
        await self._send(project, letter)

    def _link(self, project: Project, reset_url: str | None, token: str) -> str:
        if reset_url is not None:
            return with_query(reset_url, {"token": token})
        return f"{self._base_url}/admin/#/reset-password?token={token}&project={project.key}"

    # -- using the link ---------------------------------------------------------------

    async def reset(self, visit: Visit, token: str, password: str) -> None:
        """Sets the password, and ends the sessions that the user had.

        Raises `ResetTokenInvalid` (104), `ResetTokenExpired` (105), `UserNotFound` (106),
        `UserInactive`, `UserSuspended` (103), `ValidationFailed` (4) for a password that
        the policy does not allow.
        """
        claims = _claims(Signing(visit.project.key, visit.project.config.auth), token, visit.now)
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        # Looked at before the password is hashed, which costs, and again while it is written.
        _check(await _row(visit, accounts, visit.project.database, claims.id), claims, token)
        check_policy(visit.snapshot.settings.password_policy, password)
        new = {
            "password": await self._passwords.hash_secret(password),
            "password_reset_token": None,
        }

        async def work(transaction: Transaction) -> Outcome[None]:
            await accounts.locked(transaction, claims.id)
            _check(await _row(visit, accounts, transaction, claims.id), claims, token)
            await accounts.change_user(transaction, claims.id, new)
            await end_sessions(transaction, visit.project.database.dialect, [claims.id])
            await note(transaction, visit, accounts, Deed.UPDATE, claims.id)
            return Outcome(None, access_changed=True)

        await transact(visit.project, work)


def requested(body: Mapping[str, Any]) -> str:
    """The address that a body asks a link for. Raises `ValidationFailed` (4/422)."""
    email = body.get("email")
    if email in (None, ""):
        raise ValidationFailed({"email": _MISSING})
    if not isinstance(email, str) or not is_email(email) or not email.isprintable():
        raise ValidationFailed({"email": "Must be an e-mail address"})
    return email


def chosen(body: Mapping[str, Any]) -> tuple[str, str]:
    """Token and password of a body. Raises `ValidationFailed` (4/422)."""
    token, password = body.get("token"), body.get("password")
    problems = {name: _MISSING for name in ("token", "password") if not _is_given(body.get(name))}
    if not problems and not is_password(str(password)):
        problems = {"password": f"Takes up to {LONGEST_PASSWORD} characters of text"}
    if problems:
        raise ValidationFailed(problems)
    return str(token), str(password)


def _is_given(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _claims(signing: Signing, token: str, now: datetime) -> ResetClaims:
    try:
        return tokens.unexpired(tokens.read(signing, token, ResetClaims), now)
    except InvalidToken as error:
        raise ResetTokenInvalid from error
    except ExpiredToken as error:
        raise ResetTokenExpired from error


async def _row(visit: Visit, accounts: Accounts, executor: Executor, user: int) -> Record:
    """The user as the database has it, secrets and all. Raises `UserNotFound`."""
    users = visit.snapshot.schema.collection(USERS)
    found = await accounts.records.read(executor, users, [(user,)])
    if not found:
        raise UserNotFound
    return found[(user,)].record


def _check(row: Record, claims: ResetClaims, token: str) -> None:
    if row["email"] != claims.email:
        raise ResetTokenInvalid
    if not compare_digest(str(row["password_reset_token"] or ""), hashed(token)):
        raise ResetTokenExpired
    if row["status"] == SUSPENDED:
        raise UserSuspended
    if row["status"] != ACTIVE:
        raise UserInactive
