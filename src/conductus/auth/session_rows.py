"""Rows of sessions. What a session's holder shows is stored as a hash alone.

Source: authentication page §6.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Transaction
from conductus.errors import InvalidToken
from conductus.items.records import Records
from conductus.items.rows import converter
from conductus.items.stamps import bound_moment, moment_in
from conductus.permissions.actor import Actor
from conductus.projects.sessions import SESSIONS
from conductus.schema.model import Schema

_PURGED_AT_ONCE: Final = 100
_LISTED_AT_ONCE: Final = 1000
_SHOWN: Final = (
    *("id", "user", "token_type", "ip_address", "user_agent", "created_on", "token_expired_at"),
)
SessionKind = Literal["jwt", "cookie", "request"]
"""`request` stands for the moment between a single sign-on and the session it leads to."""


class SessionKey(Struct, frozen=True):
    """What the holder of a session has: which row, and the secret whose hash it holds."""

    id: int
    secret: str

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"


class SessionRows:
    """Sessions under one snapshot of the schema."""

    def __init__(self, schema: Schema, dialect: Dialect, records: Records) -> None:
        self._dialect = dialect
        self._records = records
        self._sessions = schema.collection(SESSIONS)
        self._table = dialect.table(self._sessions)

    async def listed(
        self, executor: Executor, user: int | None, now: datetime
    ) -> list[dict[str, Any]]:
        """The sessions of a user, or of all, that have not expired; never their tokens."""
        statement = self._listed if user is None else self._listed_of_user
        bound = {"now": self._bound_now(now)} | ({} if user is None else {"user": user})
        rows = await executor.fetch(statement.sql, statement.values(bound))
        listed = []
        for row in rows:
            shown = dict(zip(_SHOWN, row, strict=True))
            for name in _SHOWN:
                convert = converter(self._sessions.fields[name], self._dialect)
                shown[name] = convert(shown[name]) if convert else shown[name]
            listed.append({**shown, "token": None})
        return listed

    async def open(
        self,
        transaction: Transaction,
        *,
        user: int,
        kind: SessionKind,
        secret: str,
        actor: Actor,
        now: datetime,
        expires: datetime,
    ) -> int:
        """A new session of a user, who came as `actor`; answers its id."""
        fields = self._sessions.fields
        row = {
            "user": user,
            "token_type": kind,
            "token": hashed(secret),
            "ip_address": actor.ip[:255],
            "user_agent": actor.user_agent[:1000],
            "created_on": moment_in(fields["created_on"], now),
            "token_expired_at": moment_in(fields["token_expired_at"], expires),
        }
        ((session,),) = await self._records.insert(transaction, self._sessions, [row])
        return int(session)

    async def extend(self, transaction: Transaction, session: int, expires: datetime) -> None:
        """A session lives on; one that is gone stays gone."""
        moment = moment_in(self._sessions.fields["token_expired_at"], expires)
        values = {"token_expired_at": moment}
        await self._records.update(transaction, self._sessions, [(session,)], values)

    async def close(self, transaction: Transaction, session: int) -> bool:
        """Ends a session; answers whether there was one."""
        return await self._records.delete(transaction, self._sessions, [(session,)]) > 0

    async def purge(self, transaction: Transaction, now: datetime) -> int:
        """Removes some of the sessions that have expired; answers how many."""
        bound = {"now": self._bound_now(now)}
        rows = await transaction.fetch(self._expired.sql, self._expired.values(bound))
        if not rows:
            return 0
        return await self._records.delete(transaction, self._sessions, [(row[0],) for row in rows])

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _listed(self) -> Statement:
        return self._dialect.compile(self._listing)

    @cached_property
    def _listed_of_user(self) -> Statement:
        user = sa.bindparam("user", type_=sa.BigInteger())
        sessions = self._table
        return self._dialect.compile(self._listing.where(sessions.c.user == user))

    @cached_property
    def _listing(self) -> sa.Select[Any]:
        sessions = self._table
        fields = self._sessions.fields
        shown = [self._dialect.readable(sessions.c[name], fields[name].kind) for name in _SHOWN]
        kind = self._dialect.type(fields["token_expired_at"].kind)
        return (
            sa.select(*shown)
            .where(sessions.c.token_expired_at >= sa.bindparam("now", type_=kind))
            .order_by(sessions.c.id)
            .limit(_LISTED_AT_ONCE)
        )

    @cached_property
    def _expired(self) -> Statement:
        sessions = self._table
        expires = sessions.c.token_expired_at
        kind = self._sessions.fields["token_expired_at"].kind
        return self._dialect.compile(
            sa.select(sessions.c.id)
            .where(expires < sa.bindparam("now", type_=self._dialect.type(kind)))
            .order_by(sessions.c.id)
            .limit(_PURGED_AT_ONCE)
        )

    def _bound_now(self, now: datetime) -> Any:
        return bound_moment(self._sessions.fields["token_expired_at"], now, self._dialect)


def session_key(text: str) -> SessionKey:
    """What a `sid` or a cookie says. Raises `InvalidToken`."""
    number, _, secret = text.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise InvalidToken
    return SessionKey(int(number), secret)


def hashed(secret: str) -> str:
    """What is stored of a random secret."""
    return sha256(secret.encode()).hexdigest()
