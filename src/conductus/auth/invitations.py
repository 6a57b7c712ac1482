"""Invitations: users who are not there yet, and the links by which they come.

A link's token is signed, is good for thirty days and once; of it only a hash is kept, and
the outbox keeps none. Whoever has no password chooses one, so a mere visit of the link by
some program that looks at mail changes nothing. Source: authentication page §10.2.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from conductus.auth import tokens
from conductus.auth.accounts import ACTIVE, ROLES, USERS, Account, Accounts
from conductus.auth.failures import Visit, note
from conductus.auth.identity import Identity
from conductus.auth.links import Destinations, with_query
from conductus.auth.passwords import LONGEST_PASSWORD, Passwords, check_policy, is_password
from conductus.auth.session_rows import hashed
from conductus.auth.tokens import Signing, Stated
from conductus.auth.transactions import Outcome, transact
from conductus.config import ProjectConfig
from conductus.database.executor import Transaction
from conductus.errors import (
    InvalidToken,
    MailNotConfigured,
    UserNotFound,
    ValidationFailed,
)
from conductus.items.context import Context
from conductus.items.history import Deed
from conductus.items.records import Record
from conductus.jobs.claims import Claim
from conductus.jobs.letters import Letter, SendLetter
from conductus.projects.outbox import Errand
from conductus.projects.project import Project
from conductus.schema.validation import is_email

KIND: Final = "invitation"
INVITED: Final = "invited"
LIFETIME: Final = timedelta(days=30)
MOST_ADDRESSES: Final = 100
"""In one request."""
_LONGEST_NAME: Final = 50
_MISSING: Final = "This value is required"
_NAMES: Final = ("first_name", "last_name")


class InviteClaims(Stated, frozen=True, kw_only=True):
    """What the token of an invitation says."""

    type: Literal["invitation"]
    date: str
    email: str
    sender: int
    """Who invites."""
    jti: str


class InviteErrand(Struct, frozen=True, kw_only=True):
    """What the outbox keeps of an invitation: nothing that could be used without the key."""

    user: int
    email: str
    sender: int
    date: str
    exp: int
    jti: str
    invite_url: str | None

    def claims(self, signing: Signing) -> InviteClaims:
        """What the token is to say."""
        return InviteClaims(
            type="invitation",
            key=signing.auth.public_key,
            project=signing.project,
            date=self.date,
            exp=self.exp,
            email=self.email,
            sender=self.sender,
            jti=self.jti,
        )


class Order(Struct, frozen=True, kw_only=True):
    """Whom to invite, as what."""

    emails: tuple[str, ...]
    role: int | None = None
    invite_url: str | None = None


class Acceptance(Struct, frozen=True, kw_only=True):
    """What an invited user says."""

    password: str | None = None
    names: Mapping[str, str] = {}


class Invitations:
    """Invites users, and lets them in."""

    def __init__(
        self,
        identity: Identity,
        passwords: Passwords,
        send: SendLetter,
        mails: Callable[[ProjectConfig], bool],
        base_url: str,
    ) -> None:
        """`mails` says whether a project's mail can leave."""
        self._identity = identity
        self._passwords = passwords
        self._send = send
        self._mails = mails
        self._base_url = base_url

    # -- inviting ---------------------------------------------------------------------

    async def invite(self, visit: Visit, context: Context, order: Order) -> list[str]:
        """Makes and mails those who are not there yet; answers the ids of all of them.

        Raises `MailNotConfigured` (500), `ValidationFailed` (4) for an unknown role or a
        link to elsewhere.
        """
        project = visit.project
        if not self._mails(project.config):
            raise MailNotConfigured
        if order.invite_url is not None:
            others = project.config.auth.redirect_origins
            target = Destinations(self._base_url, others).checked("invite_url", order.invite_url)
            order = msgspec.structs.replace(order, invite_url=target)
        accounts = self._identity.accounts(project, visit.snapshot)
        await _check_role(visit, accounts, order.role)

        async def work(transaction: Transaction) -> Outcome[list[str]]:
            keys, errands = [], []
            for email in order.emails:
                known = await accounts.find_by_email(transaction, email)
                if known is not None:
                    keys.append(str(known.standing.user))
                    continue
                errand = await self._invited(transaction, visit, context, order, email)
                keys.append(str(errand.user))
                errands.append(Errand(KIND, msgspec.to_builtins(errand)))
            await project.outbox.put(transaction, errands, visit.now)
            return Outcome(keys, access_changed=bool(errands))

        keys = await transact(project, work)
        project.outbox.ring()
        return keys

    async def _invited(
        self, transaction: Transaction, visit: Visit, context: Context, order: Order, email: str
    ) -> InviteErrand:
        """A new user, who has the hash of a token."""
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        body = {"email": email, "status": INVITED, "role": order.role}
        key = await visit.project.writer.create_within(transaction, USERS, body, context)
        errand = InviteErrand(
            user=int(key),
            email=email,
            sender=context.actor.user,
            date=visit.now.strftime("%Y-%m-%d %H:%M:%S"),
            exp=int((visit.now + LIFETIME).timestamp()),
            jti=secrets.token_urlsafe(16),
            invite_url=order.invite_url,
        )
        signing = _signing(visit.project)
        kept = hashed(tokens.sign(signing, errand.claims(signing)))
        await accounts.change_user(transaction, errand.user, {"password_reset_token": kept})
        return errand

    async def deliver(self, project: Project, claim: Claim, now: datetime) -> None:
        """Mails an invitation, unless nobody could use it any more."""
        errand = msgspec.convert(claim.payload, InviteErrand)
        accounts = self._identity.accounts(project, await project.current())
        account = await accounts.find_by_id(project.database, errand.user)
        if errand.exp <= now.timestamp() or account is None or not _awaits(account, errand.email):
            return
        inviter = await accounts.find_by_id(project.database, errand.sender)
        token = tokens.sign(_signing(project), errand.claims(_signing(project)))
        letter = Letter(
            id=claim.id,
            template="user-invitation",
            to=errand.email,
            data={
                "inviter_name": "" if inviter is None else _full_name(inviter),
                "invite_url": self._link(project, errand.invite_url, token),
                "days": LIFETIME.days,
            },
        )
        await self._send(project, letter)

    def _link(self, project: Project, invite_url: str | None, token: str) -> str:
        if invite_url is not None:
            return with_query(invite_url, {"token": token})
        return f"{self._base_url}/{project.key}/users/invite/{token}"

    # -- accepting --------------------------------------------------------------------

    async def find(self, visit: Visit, token: str) -> Account:
        """Who is invited by that token.

        Raises `InvalidToken` (101), `ExpiredToken` (102), `UserNotFound` (106).
        """
        claims = tokens.unexpired(
            tokens.read(_signing(visit.project), token, InviteClaims), visit.now
        )
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        account = await accounts.find_by_email(visit.project.database, claims.email)
        if account is None or not _awaits(account, claims.email):
            raise UserNotFound
        row = await _row(visit, accounts, account.standing.user)
        if row["status"] != INVITED:
            # Somebody came in by it meanwhile.
            raise UserNotFound
        if not compare_digest(str(row["password_reset_token"] or ""), hashed(token)):
            raise InvalidToken
        return account

    async def accept(self, visit: Visit, token: str, acceptance: Acceptance) -> Account:
        """Makes the invited user an active one.

        Raises as `find` does, and `ValidationFailed` (4) while the user has no password.
        """
        account = await self.find(visit, token)
        user = account.standing.user
        changes: Record = {"status": ACTIVE, "password_reset_token": None, **acceptance.names}
        if acceptance.password is not None:
            check_policy(visit.snapshot.settings.password_policy, acceptance.password)
            changes["password"] = await self._passwords.hash_secret(acceptance.password)
        elif account.password_hash is None:
            raise ValidationFailed({"password": f"{_MISSING}: send it by POST"})
        accounts = self._identity.accounts(visit.project, visit.snapshot)

        async def work(transaction: Transaction) -> Outcome[Account | None]:
            found = await accounts.locked(transaction, user)
            if found is None or found.standing.status != INVITED:
                raise UserNotFound
            await accounts.change_user(transaction, user, changes)
            await note(transaction, visit, accounts, Deed.UPDATE, user)
            active = await accounts.find_by_id(transaction, user)
            return Outcome(active, access_changed=True)

        active = await transact(visit.project, work)
        if active is None:
            raise UserNotFound
        return active


def order(body: Mapping[str, Any]) -> Order:
    """Whom a body invites; all of it is judged before anything is done.

    Raises `ValidationFailed` (4/422).
    """
    given = body.get("email")
    listed = given if isinstance(given, list) else [given]
    emails = tuple(_unlike(_email(each) for each in listed))
    if not emails:
        raise ValidationFailed({"email": _MISSING})
    if len(emails) > MOST_ADDRESSES:
        raise ValidationFailed({"email": f"Takes {MOST_ADDRESSES} addresses at once"})
    role, url = body.get("role"), body.get("invite_url")
    if role is not None and (isinstance(role, bool) or not isinstance(role, int)):
        raise ValidationFailed({"role": "Must be the id of a role"})
    if url is not None and not isinstance(url, str):
        raise ValidationFailed({"invite_url": "Must be an address"})
    return Order(emails=emails, role=role, invite_url=url)


def acceptance(body: Mapping[str, Any]) -> Acceptance:
    """What a body says. Raises `ValidationFailed` (4/422)."""
    problems = {}
    password = body.get("password")
    if password is not None and not (isinstance(password, str) and is_password(password)):
        problems["password"] = f"{_MISSING}, up to {LONGEST_PASSWORD} characters of text"
    names = {name: body[name] for name in _NAMES if body.get(name) not in (None, "")}
    for name, value in names.items():
        if not (isinstance(value, str) and len(value) <= _LONGEST_NAME and value.isprintable()):
            problems[name] = f"Takes up to {_LONGEST_NAME} characters of text"
    if problems:
        raise ValidationFailed(problems)
    return Acceptance(password=password, names=names)


def _email(value: Any) -> str:
    if value in (None, ""):
        raise ValidationFailed({"email": _MISSING})
    if not isinstance(value, str) or not is_email(value) or not value.isprintable():
        raise ValidationFailed({"email": "Must be an e-mail address"})
    return value


def _unlike(emails: Iterable[str]) -> Iterable[str]:
    """Each address once, whatever its case."""
    return {email.lower(): email for email in emails}.values()


async def _check_role(visit: Visit, accounts: Accounts, role: int | None) -> None:
    if role is None:
        return
    roles = visit.snapshot.schema.collection(ROLES)
    known = 0 < role < 1 << 31 and await accounts.records.read(
        visit.project.database, roles, [(role,)]
    )
    if not known:
        raise ValidationFailed({"role": "There is no such role"})


async def _row(visit: Visit, accounts: Accounts, user: int) -> Record:
    users = visit.snapshot.schema.collection(USERS)
    found = await accounts.records.read(visit.project.database, users, [(user,)])
    return found[(user,)].record if found else {"status": None}


def _awaits(account: Account, email: str) -> bool:
    return account.standing.status == INVITED and account.shown["email"] == email


def _full_name(account: Account) -> str:
    names = (account.shown["first_name"], account.shown["last_name"])
    return " ".join(str(name) for name in names if name)


def _signing(project: Project) -> Signing:
    return Signing(project.key, project.config.auth)
