"""Rows of users, as login and identity need them.

One instance stands for one snapshot: statements are compiled once for it. Values that
are secret are compared here in constant time, because databases compare text without
regard to case, accents or trailing blanks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from hmac import compare_digest
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.sql.elements import ColumnElement

from conductus.auth.session_rows import SessionKey, SessionKind, SessionRows, hashed
from conductus.database.dialect import Dialect, Statement
from conductus.database.executor import Database, Executor, Row, Transaction
from conductus.items.history import ACTIVITY, Deed
from conductus.items.records import Kept, Record, Records
from conductus.items.rows import converter
from conductus.permissions.actor import ADMINISTRATOR_ROLE
from conductus.permissions.guards.users import SECRET
from conductus.projects.sessions import SESSIONS
from conductus.schema.model import Collection, Schema

USERS: Final = "directus_users"
ROLES: Final = "directus_roles"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
_UNSHOWN: Final = frozenset(
    {"password", "token", "email_notifications", "last_access_on", "last_page"}
)
_WIDTH: Final = 6
"""How many columns say where a user stands."""
_COUNTED: Final = (Deed.INVALID_CREDENTIALS, Deed.AUTHENTICATE, Deed.STATUS_UPDATE)


class Standing(Struct, frozen=True, kw_only=True):
    """What decides whether a user's requests are the user's."""

    user: int
    status: str
    role: int | None
    needs_2fa: bool
    """The role asks for a second factor that the user has not set up."""
    enforces_2fa: bool
    """The role asks for a second factor."""
    addresses: tuple[str, ...] = ()
    """Where the role may be used from; empty for everywhere."""
    session: int | None = None
    expires: datetime | None = None
    """When the session ends unless it is used; None without a session."""


class Seen(Struct, frozen=True):
    """The row that said who a token stands for, what was asked to get it, what it means."""

    statement: str
    values: list[Any]
    row: Row
    standing: Standing


class Account(Struct, frozen=True, kw_only=True):
    """A user at login."""

    standing: Standing
    password_hash: str | None
    otp_secret: str | None
    """As it is stored: see `second_factor.opened`."""
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
        self.records = Records(schema, Kept(dialect, 64))
        self.sessions = SessionRows(schema, dialect, self.records)

    # -- who is it ------------------------------------------------------------------

    async def find_by_session(
        self, executor: Executor, session: SessionKey, kind: SessionKind
    ) -> Seen | None:
        """The user of a session, if the secret is the session's. It may have expired."""
        sql = self._by_session.sql
        values = self._by_session.values({"session": session.id, "kind": kind})
        for row in await executor.fetch(sql, values):
            stored, expires = row[_WIDTH:]
            if compare_digest(str(stored or "").encode(), hashed(session.secret).encode()):
                standing = self._standing(row, session.id, self._moment(expires))
                return Seen(sql, values, row, standing)
        return None

    async def addresses_of(self, executor: Executor, role: int) -> tuple[str, ...]:
        """Where a role may be used from; empty for everywhere."""
        statement = self._addresses
        rows = await executor.fetch(statement.sql, statement.values({"role": role}))
        return _words(rows[0][0]) if rows else ()

    async def find_by_token(self, executor: Executor, token: str) -> Seen | None:
        """The user with that static token."""
        sql, values = self._by_token.sql, self._by_token.values({"token": token})
        for row in await executor.fetch(sql, values):
            if compare_digest(str(row[_WIDTH]).encode(), token.encode()):
                return Seen(sql, values, row, self._standing(row))
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

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _by_session(self) -> Statement:
        users, sessions = self._table(self._users), self._table(self._sessions)
        # As text, whatever the protocol: the row is compared with the one fetched next.
        extra = (sessions.c.token, sa.cast(sessions.c.token_expired_at, sa.String()))
        joined = users.join(sessions, sessions.c.user == users.c.id)
        return self._standings(users, joined, extra).compiled(
            sessions.c.id == sa.bindparam("session", type_=sa.BigInteger()),
            sessions.c.token_type == sa.bindparam("kind", type_=sa.String()),
        )

    @cached_property
    def _addresses(self) -> Statement:
        roles = self._table(self._roles)
        role = sa.bindparam("role", type_=sa.BigInteger())
        return self._dialect.compile(sa.select(roles.c.ip_whitelist).where(roles.c.id == role))

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

    def _table(self, collection: Collection) -> sa.TableClause:
        return self._dialect.table(collection)

    def _standings(
        self, users: sa.TableClause, source: sa.FromClause, extra: Iterable[ColumnElement[Any]]
    ) -> _Select:
        roles = self._table(self._roles)
        columns = [
            *(users.c.id, users.c.status, users.c.role),
            # Not the secret itself: the row is kept for as long as a token is remembered.
            sa.func.length(users.c[SECRET]),
            *(roles.c.enforce_2fa, roles.c.ip_whitelist, *extra),
        ]
        joined = source.outerjoin(roles, roles.c.id == users.c.role)
        return _Select(self._dialect, sa.select(*columns).select_from(joined))

    def _accounts(self, users: sa.TableClause) -> _Select:
        shown = [
            self._dialect.readable(users.c[name], self._users.fields[name].kind)
            for name in self._columns
        ]
        return self._standings(users, users, [users.c.password, users.c[SECRET], *shown])

    # -- rows -----------------------------------------------------------------------

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return tuple(f.name for f in self._users.columns() if f.name not in _UNSHOWN)

    def _standing(
        self, row: Row, session: int | None = None, expires: datetime | None = None
    ) -> Standing:
        user, status, role, secret, enforced, addresses = row[:_WIDTH]
        return Standing(
            user=int(user),
            status=str(status),
            role=None if role is None else int(role),
            needs_2fa=bool(enforced) and not secret,
            enforces_2fa=bool(enforced),
            addresses=_words(addresses),
            session=session,
            expires=expires,
        )

    def _account(self, row: Row) -> Account:
        password, secret, *values = row[_WIDTH:]
        shown = dict(zip(self._columns, values, strict=True))
        for name in self._columns:
            convert = converter(self._users.fields[name], self._dialect)
            if convert is not None:
                shown[name] = convert(shown[name])
        return Account(
            standing=self._standing(row),
            password_hash=password,
            otp_secret=secret or None,
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


async def still_says(database: Database, seen: Seen) -> bool:
    """Whether the database still has the row that said who somebody is, as it was.

    The token that was right for it is right for it still: nothing is hashed or read again.
    """
    return seen.row in await database.fetch_again(seen.statement, seen.values)


def _words(text: Any) -> tuple[str, ...]:
    return tuple(word.strip() for word in str(text or "").split(",") if word.strip())
