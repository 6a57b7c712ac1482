"""Rows of users and their sessions, as login and identity need them.

One instance stands for one snapshot: statements are compiled once for it. Values that
are secret are compared here in constant time, because databases compare text without
regard to case, accents or trailing blanks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from hmac import compare_digest
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.sql.elements import ColumnElement

from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Executor, Row, Transaction
from conductus.items.history import ACTIVITY, Deed
from conductus.items.records import Record, Records
from conductus.items.rows import converter
from conductus.items.stamps import moment_in
from conductus.items.statements import StatementCache
from conductus.permissions.actor import ADMINISTRATOR_ROLE, Actor
from conductus.schema.model import Collection, Schema

USERS: Final = "directus_users"
SESSIONS: Final = "directus_user_sessions"
ROLES: Final = "directus_roles"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
_UNSHOWN: Final = frozenset(
    {"password", "token", "email_notifications", "last_access_on", "last_page"}
)
_STANDING: Final = ("id", "status", "role", "2fa_secret")
_COUNTED: Final = (Deed.INVALID_CREDENTIALS, Deed.AUTHENTICATE, Deed.STATUS_UPDATE)
_PURGED_AT_ONCE: Final = 100


class Standing(Struct, frozen=True, kw_only=True):
    """What decides whether a user's requests are the user's."""

    user: int
    status: str
    role: int | None
    needs_2fa: bool
    """The role asks for a second factor that the user has not set up."""
    enforces_2fa: bool
    """The role asks for a second factor."""
    expires: datetime | None = None
    """When the session ends unless it is used; None without a session."""


class Account(Struct, frozen=True, kw_only=True):
    """A user at login."""

    standing: Standing
    password_hash: str | None
    has_2fa: bool
    shown: dict[str, Any]
    """The user object of the answer."""


class Accounts:
    """Users and sessions under one snapshot of the schema."""

    def __init__(self, schema: Schema, dialect: Dialect) -> None:
        self._dialect = dialect
        self._users = schema.collection(USERS)
        self._sessions = schema.collection(SESSIONS)
        self._roles = schema.collection(ROLES)
        self._activity = schema.collection(ACTIVITY)
        self.records = Records(schema, dialect, StatementCache(64))

    # -- who is it ------------------------------------------------------------------

    async def find_by_session(
        self, executor: Executor, session: int, secret: str, user: int
    ) -> Standing | None:
        """The user of a session, if the secret is the session's. It may have expired."""
        bound = {"session": session, "user": user}
        for row in await executor.fetch(self._by_session.sql, self._by_session.values(bound)):
            *standing, stored, expires = row
            if compare_digest(str(stored or "").encode(), hashed(secret).encode()):
                return self._standing(standing, self._moment(expires))
        return None

    async def find_by_token(self, executor: Executor, token: str) -> Standing | None:
        """The user with that static token."""
        statement = self._by_token
        for row in await executor.fetch(statement.sql, statement.values({"token": token})):
            *standing, stored = row
            if compare_digest(str(stored).encode(), token.encode()):
                return self._standing(standing, None)
        return None

    async def find_by_email(self, executor: Executor, email: str) -> Account | None:
        """The user with that e-mail address, in whatever case; None also for several."""
        folded = email.lower()
        for statement in (self._by_email, self._by_folded_email):
            bound = {"email": email, "folded": folded}
            rows = await executor.fetch(statement.sql, statement.values(bound))
            accounts = [self._account(row) for row in rows]
            exact = [one for one in accounts if one.shown["email"] == email]
            alike = [one for one in accounts if one.shown["email"].lower() == folded]
            found = exact or alike
            if found:
                return found[0] if len(found) == 1 else None
        return None

    async def find_by_id(self, executor: Executor, user: int) -> Account | None:
        """The user of that id."""
        rows = await executor.fetch(self._by_id.sql, self._by_id.values({"user": user}))
        return self._account(rows[0]) if rows else None

    async def locked(self, transaction: Transaction, user: int) -> Account | None:
        """The user as it is now, kept from others until the transaction ends."""
        # Alone: not every server can lock one side of a join.
        await transaction.fetch(self._lock.sql, self._lock.values({"user": user}))
        return await self.find_by_id(transaction, user)

    async def is_last_administrator(self, executor: Executor, standing: Standing) -> bool:
        """True when no other active administrator is left."""
        if standing.role != ADMINISTRATOR_ROLE:
            return False
        statement = self._other_administrators
        rows = await executor.fetch(statement.sql, statement.values({"user": standing.user}))
        return not rows

    async def failures_in_a_row(self, executor: Executor, user: int, most: int) -> int:
        """How many of the latest logins failed, counted up to `most`."""
        statement = self._latest_logins
        rows = await executor.fetch(
            statement.sql, statement.values({"item": str(user), "most": most})
        )
        actions = [str(action) for (action,) in rows]
        failed = takewhile(lambda action: action == Deed.INVALID_CREDENTIALS.value, actions)
        return len(list(failed))

    async def change_user(self, transaction: Transaction, user: int, values: Record) -> None:
        """Writes into a user's row."""
        await self.records.update(transaction, self._users, [(user,)], values)

    # -- sessions -------------------------------------------------------------------

    async def open_session(
        self,
        transaction: Transaction,
        *,
        user: int,
        kind: str,
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
        ((session,),) = await self.records.insert(transaction, self._sessions, [row])
        return int(session)

    async def extend_session(
        self, transaction: Transaction, session: int, expires: datetime
    ) -> None:
        """A session lives on; one that is gone stays gone."""
        moment = moment_in(self._sessions.fields["token_expired_at"], expires)
        values = {"token_expired_at": moment}
        await self.records.update(transaction, self._sessions, [(session,)], values)

    async def close_session(self, transaction: Transaction, session: int) -> bool:
        """Ends a session; answers whether there was one."""
        return await self.records.delete(transaction, self._sessions, [(session,)]) > 0

    async def purge_sessions(self, transaction: Transaction, now: datetime) -> None:
        """Removes some of the sessions that have expired."""
        field = self._sessions.fields["token_expired_at"]
        bind = self._dialect.binder(field.kind)
        plain = moment_in(field, now)
        bound = {"now": bind(plain) if bind else plain}
        rows = await transaction.fetch(self._expired.sql, self._expired.values(bound))
        if rows:
            await self.records.delete(transaction, self._sessions, [(row[0],) for row in rows])

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _by_session(self) -> Statement:
        users, sessions = self._table(self._users), self._table(self._sessions)
        extra = (sessions.c.token, sessions.c.token_expired_at)
        joined = users.join(sessions, sessions.c.user == users.c.id)
        return self._standings(users, joined, extra).compiled(
            sessions.c.id == sa.bindparam("session", type_=sa.BigInteger()),
            users.c.id == sa.bindparam("user", type_=sa.BigInteger()),
        )

    @cached_property
    def _by_token(self) -> Statement:
        users = self._table(self._users)
        return self._standings(users, users, (users.c.token,)).compiled(
            users.c.token == sa.bindparam("token", type_=sa.String())
        )

    @cached_property
    def _by_email(self) -> Statement:
        users = self._table(self._users)
        email, folded = (sa.bindparam(name, type_=sa.String()) for name in ("email", "folded"))
        return self._accounts(users).compiled(
            sa.or_(users.c.email == email, users.c.email == folded)
        )

    @cached_property
    def _by_folded_email(self) -> Statement:
        users = self._table(self._users)
        folded = sa.bindparam("folded", type_=sa.String())
        return self._accounts(users).compiled(sa.func.lower(users.c.email) == folded)

    @cached_property
    def _by_id(self) -> Statement:
        users = self._table(self._users)
        user = sa.bindparam("user", type_=sa.BigInteger())
        return self._accounts(users).compiled(users.c.id == user)

    @cached_property
    def _lock(self) -> Statement:
        users = self._table(self._users)
        user = sa.bindparam("user", type_=sa.BigInteger())
        lock = sa.select(users.c.id).where(users.c.id == user).with_for_update()
        return self._dialect.compile(lock)

    @cached_property
    def _other_administrators(self) -> Statement:
        users = self._table(self._users)
        return self._dialect.compile(
            sa.select(users.c.id)
            .where(
                users.c.role == ADMINISTRATOR_ROLE,
                users.c.status == ACTIVE,
                users.c.id != sa.bindparam("user", type_=sa.BigInteger()),
            )
            .limit(1)
        )

    @cached_property
    def _latest_logins(self) -> Statement:
        activity = self._table(self._activity)
        return self._dialect.compile(
            sa.select(activity.c.action)
            .where(
                activity.c.collection == USERS,
                activity.c.item == sa.bindparam("item", type_=sa.String()),
                sa.or_(*(activity.c.action == deed.value for deed in _COUNTED)),
            )
            .order_by(activity.c.id.desc())
            .limit(sa.bindparam("most", type_=sa.Integer()))
        )

    @cached_property
    def _expired(self) -> Statement:
        sessions = self._table(self._sessions)
        expires = sessions.c.token_expired_at
        kind = self._sessions.fields["token_expired_at"].kind
        return self._dialect.compile(
            sa.select(sessions.c.id)
            .where(expires < sa.bindparam("now", type_=self._dialect.type(kind)))
            .order_by(sessions.c.id)
            .limit(_PURGED_AT_ONCE)
        )

    def _table(self, collection: Collection) -> sa.TableClause:
        return self._dialect.table(collection)

    def _standings(
        self, users: sa.TableClause, source: sa.FromClause, extra: Iterable[ColumnElement[Any]]
    ) -> _Select:
        roles = self._table(self._roles)
        columns = [*(users.c[name] for name in _STANDING), roles.c.enforce_2fa, *extra]
        joined = source.outerjoin(roles, roles.c.id == users.c.role)
        return _Select(self._dialect, sa.select(*columns).select_from(joined))

    def _accounts(self, users: sa.TableClause) -> _Select:
        shown = [
            self._dialect.readable(users.c[name], self._users.fields[name].kind)
            for name in self._columns
        ]
        return self._standings(users, users, [users.c.password, *shown])

    # -- rows -----------------------------------------------------------------------

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return tuple(f.name for f in self._users.columns() if f.name not in _UNSHOWN)

    def _standing(self, row: Sequence[Any], expires: datetime | None) -> Standing:
        user, status, role, secret, enforced = row
        return Standing(
            user=int(user),
            status=str(status),
            role=None if role is None else int(role),
            needs_2fa=bool(enforced) and not secret,
            enforces_2fa=bool(enforced),
            expires=expires,
        )

    def _account(self, row: Row) -> Account:
        width = len(_STANDING) + 1
        standing, password, values = row[:width], row[width], row[width + 1 :]
        shown = dict(zip(self._columns, values, strict=True))
        for name in self._columns:
            convert = converter(self._users.fields[name], self._dialect)
            if convert is not None:
                shown[name] = convert(shown[name])
        return Account(
            standing=self._standing(standing, None),
            password_hash=password,
            has_2fa=bool(standing[_STANDING.index("2fa_secret")]),
            shown=shown,
        )

    def _moment(self, value: Any) -> datetime | None:
        load = self._dialect.loader(self._sessions.fields["token_expired_at"].kind)
        plain = load(value) if load else value
        try:
            moment = datetime.fromisoformat(str(plain))
        except ValueError:
            # No moment: nothing says that the session still lives.
            return datetime.min.replace(tzinfo=UTC)
        return moment.replace(tzinfo=UTC)


class _Select(Struct, frozen=True):
    """A selection that its conditions complete."""

    dialect: Dialect
    select: sa.Select[Any]

    def compiled(self, *conditions: ColumnElement[bool]) -> Statement:
        return self.dialect.compile(self.select.where(*conditions))


def hashed(secret: str) -> str:
    """What is stored of a random secret."""
    return sha256(secret.encode()).hexdigest()
