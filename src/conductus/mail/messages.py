"""Messages that users write to users: judged and rendered when they come, sent later.

Administrators write to any address, everybody else to users of the project. Source: projects
page §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from conductus.errors import MailNotConfigured, Unprocessable, ValidationFailed
from conductus.items.records import Kept, Records
from conductus.jobs.claims import Claim
from conductus.jobs.letters import Letter
from conductus.mail.bodies import Bodies, Body
from conductus.mail.mailer import Mailer, is_mailable
from conductus.mail.templates import LONGEST_SUBJECT
from conductus.permissions.actor import Actor
from conductus.projects import rows
from conductus.projects.outbox import Errand
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.schema.model import Kind

KIND: Final = "message"
MOST_RECIPIENTS: Final = 100
LONGEST_NAME: Final = 100
_USERS: Final = "directus_users"
_MISSING: Final = "This value is required"
_ACTIVE: Final = "active"


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be said to whom."""

    users: tuple[int, ...]
    addresses: tuple[str, ...]
    names: Mapping[str, str]
    """What those are called who live at an address, where that is stated."""
    subject: str
    body: Body


class Message(Struct, frozen=True, kw_only=True):
    """What the outbox keeps of it, for one recipient."""

    to: str
    name: str = ""
    """Of whoever lives there."""
    reply_to: str
    subject: str
    content: str
    html: bool


class _Form(Struct):
    subject: str
    body: str
    to: Any = None
    type: Literal["html", "plain"] = "html"
    data: dict[str, Any] = {}


class Messages:
    """Takes messages, and sends them."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._bodies = Bodies()

    async def leave(
        self, project: Project, snapshot: Snapshot, actor: Actor, wanted: Wanted, now: datetime
    ) -> None:
        """Keeps a message for each recipient.

        Raises `MailNotConfigured` (500), `Unprocessable` (12) for users who are not there,
        `ValidationFailed` (4) for a body that cannot be rendered.
        """
        if not self._mailer.is_configured(project.config):
            raise MailNotConfigured
        known = await _active(project, snapshot, {*wanted.users, actor.user})
        unknown = [str(user) for user in wanted.users if user not in known]
        if unknown:
            raise Unprocessable(f"to: there is no active user {', '.join(unknown)}")
        if not actor.administrator:
            await _check_addresses(project, wanted.addresses)
        content = await self._bodies.rendered(wanted.body)
        told = dict.fromkeys([*(known[user] for user in wanted.users), *wanted.addresses])
        messages = (
            Message(
                to=address,
                name=wanted.names.get(address, ""),
                reply_to=known.get(actor.user, ""),
                subject=wanted.subject,
                content=content,
                html=wanted.body.html,
            )
            for address in told
        )
        errands = [Errand(KIND, msgspec.to_builtins(message)) for message in messages]
        async with project.database.transaction() as transaction:
            await project.outbox.put(transaction, errands, now)
        project.outbox.ring()

    async def deliver(self, project: Project, claim: Claim, now: datetime) -> None:
        """Sends one."""
        message = msgspec.convert(claim.payload, Message)
        letter = Letter(
            id=claim.id,
            template="message",
            to=message.to,
            name=message.name,
            reply_to=message.reply_to,
            data={
                "subject": message.subject,
                "content": message.content,
                "html": message.html,
            },
            markup=message.content if message.html else "",
        )
        await self._mailer.send(project, letter)


def wanted(body: Mapping[str, Any]) -> Wanted:
    """What a body asks for. Raises `ValidationFailed` (4/422)."""
    problems = {
        name: _MISSING for name in ("to", "subject", "body") if body.get(name) in (None, "", [])
    }
    if problems:
        raise ValidationFailed(problems)
    try:
        form = msgspec.convert(dict(body), _Form)
    except msgspec.ValidationError as error:
        raise ValidationFailed(f"The message cannot be read: {error}") from error
    if len(form.subject) > LONGEST_SUBJECT or not form.subject.isprintable():
        raise ValidationFailed({"subject": f"Takes {LONGEST_SUBJECT} characters on one line"})
    listed = form.to if isinstance(form.to, list) else [form.to]
    if len(listed) > MOST_RECIPIENTS:
        raise ValidationFailed({"to": f"Takes {MOST_RECIPIENTS} recipients"})
    named = [_recipient(each) for each in listed]
    return Wanted(
        users=tuple(each for each in named if isinstance(each, int)),
        addresses=tuple(each for each in named if isinstance(each, str)),
        names=_names(listed),
        subject=form.subject,
        body=Body(form.body, form.data, form.type == "html"),
    )


def _recipient(given: Any) -> int | str:
    match given:
        case bool():
            pass
        case int() if 0 < given < 1 << 31:
            return given
        case str() if given.isascii() and given.isdigit() and len(given) < 10:
            return int(given)
        case str() if is_mailable(given):
            return given
        case {"email": str(address)} if is_mailable(address):
            return address
    raise ValidationFailed({"to": "Takes ids of users and e-mail addresses"})


def _names(listed: Iterable[Any]) -> dict[str, str]:
    """The names that recipients are given. Raises `ValidationFailed`."""
    found = {}
    for given in listed:
        name = given.get("name") if isinstance(given, dict) else None
        if name is None:
            continue
        if not isinstance(name, str) or len(name) > LONGEST_NAME or not name.isprintable():
            raise ValidationFailed({"to": f"A name takes {LONGEST_NAME} characters on one line"})
        found[given["email"]] = name
    return found


async def _active(project: Project, snapshot: Snapshot, users: Iterable[int]) -> dict[int, str]:
    """The addresses of those of the users who are active."""
    # Statements are known by their schema alone, so no project may use another's.
    records = Records(snapshot.schema, Kept(project.database.dialect, 1))
    collection = snapshot.schema.collection(_USERS)
    found = await records.read(project.database, collection, [(user,) for user in users])
    return {
        key[0]: str(one.record["email"])
        for key, one in found.items()
        if one.record["status"] == _ACTIVE
    }


async def _check_addresses(project: Project, addresses: Iterable[str]) -> None:
    """Raises `Unprocessable` for an address that no active user has."""
    asked = list(addresses)
    if not asked:
        return
    dialect = project.database.dialect
    users = rows.clause(dialect, _USERS, {"email": Kind.TEXT, "status": Kind.TEXT})
    spelt = [*asked, *(address.lower() for address in asked)]
    statement = dialect.compile(
        sa.select(users.c.email).where(
            dialect.among(users.c.email, "emails", Kind.TEXT), users.c.status == _ACTIVE
        )
    )
    bound = {"emails": dialect.list_binder(Kind.TEXT)(spelt)}
    found = await project.database.fetch(statement.sql, statement.values(bound))
    known = {str(email).lower() for (email,) in found}
    if any(address.lower() not in known for address in asked):
        # Which of them is not told: it would tell who is a user.
        raise Unprocessable("to: administrators alone write to addresses of nobody here")
