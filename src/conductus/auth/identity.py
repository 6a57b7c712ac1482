"""From what a request shows to who asks.

A token that was accepted is remembered, so that showing it again costs a look-up and some
comparisons. What is remembered counts only while nothing about users, roles and sessions
has changed in any worker, and for some seconds at most: somebody may change the tables
with plain SQL. Source: authentication page §2 to §6 and §8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Final, Literal

from msgspec import Struct

from conductus.auth import tokens
from conductus.auth.accounts import ACTIVE, SUSPENDED, Accounts, Seen, Standing, still_says
from conductus.auth.address import listed
from conductus.auth.credentials import Credentials, storable
from conductus.auth.session_rows import SessionKind, session_key
from conductus.auth.tokens import Claims, Signing
from conductus.auth.transactions import Outcome, transact
from conductus.config import ProjectConfig
from conductus.database.executor import Transaction
from conductus.errors import (
    AddressNotAllowed,
    ApiError,
    ExpiredToken,
    InvalidToken,
    SecondFactorNeeded,
    UserInactive,
    UserSuspended,
)
from conductus.permissions.actor import PUBLIC_ROLE, Actor
from conductus.projects.coherence import Change, Fresh
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.telemetry import Observer, TaskFailed

REMEMBERED_SECONDS: Final = 5
MOST_REMEMBERED: Final = 10_000
_REMEMBERED: Final = timedelta(seconds=REMEMBERED_SECONDS)
_MOST_EXTENSIONS: Final = 100
_LEAST_EXTENSION_SECONDS: Final = 60
_PURGE_EVERY: Final = timedelta(minutes=5)
_DISTANT_PAST: Final = datetime.min.replace(tzinfo=UTC)
_DISTANT_FUTURE: Final = datetime.max.replace(tzinfo=UTC)
REFUSALS: Final = (InvalidToken, ExpiredToken, UserInactive, UserSuspended)
Addresses = tuple[str, ...]


class SignedIn(Struct, frozen=True, kw_only=True):
    """Who a valid token stands for."""

    user: int
    role: int | None
    credential: Literal["jwt", "cookie", "static"]
    needs_2fa: bool
    """Signed in, but treated as the public until a second factor is set up."""
    enforces_2fa: bool
    addresses: Addresses
    """Where the role may be used from; empty for everywhere."""
    session: int | None
    claims: Claims | None
    """What a JWT says."""


class Identified(Struct, frozen=True):
    """Who asks, and why somebody who showed a token is taken for the public."""

    actor: Actor
    refusal: ApiError | None = None


class _Known(Struct, frozen=True):
    """A token that was accepted, and how long that may be believed."""

    signed_in: SignedIn
    seen: Seen
    version: int
    """Of the schema by which `seen` was read."""
    config: ProjectConfig
    ends: datetime
    """When the token or its session ends of itself."""
    generation: int
    since: datetime
    until: datetime


class _Asked(Struct, frozen=True):
    """Where and when somebody shows a token."""

    project: Project
    config: ProjectConfig
    snapshot: Snapshot
    now: datetime
    generation: int
    extends: bool
    """To show it lets its session live on."""

    def known(self, signed_in: SignedIn, seen: Seen, ends: datetime) -> _Known:
        """What is remembered of the answer."""
        return _Known(
            signed_in=signed_in,
            seen=seen,
            version=self.snapshot.schema.version,
            config=self.config,
            ends=ends,
            generation=self.generation,
            since=self.now,
            until=min(self.now + _REMEMBERED, ends),
        )


class Identity:
    """Resolves credentials. Open it with `async with`; one for all projects of a worker."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._known: dict[tuple[str, Credentials], _Known] = {}
        self._accounts: dict[Project, tuple[int, Accounts]] = {}
        self._publics: dict[Project, Fresh[Addresses]] = {}
        self._purged: dict[str, datetime] = {}
        self._tasks = asyncio.TaskGroup()
        self._extending: set[tuple[str, int]] = set()

    async def __aenter__(self) -> Identity:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    async def identified(
        self,
        project: Project,
        credentials: Credentials,
        ip: str,
        user_agent: str,
        now: datetime,
        *,
        enrols: bool = False,
        extends: bool = True,
    ) -> Identified:
        """Who asks; whoever cannot be believed is the public, and told why where it matters.

        So is who has to set up a second factor first, except where the route `enrols`.
        Raises `AddressNotAllowed` (19/401) when the role may not be used from the address.
        """
        refusal: ApiError | None = None
        if credentials.token:
            try:
                found = await self.signed_in(project, credentials, now, extends=extends)
            except UserSuspended:
                refusal = UserInactive()
            except REFUSALS as error:
                refusal = error
            else:
                if enrols or not found.needs_2fa:
                    _check_address(ip, found.addresses)
                    return Identified(_actor(found, ip, user_agent))
                refusal = SecondFactorNeeded()
        _check_address(ip, await self._public_addresses(project))
        return Identified(Actor(ip=ip, user_agent=user_agent), refusal)

    async def signed_in(
        self,
        project: Project,
        credentials: Credentials,
        now: datetime,
        *,
        extends: bool = True,
    ) -> SignedIn:
        """Who a valid token stands for; what is no use of its session `extends` it not.

        Raises `InvalidToken` (101), `ExpiredToken` (102), `UserInactive`, `UserSuspended`
        (103).
        """
        generation = project.generation(Change.ACCESS)
        key = project.key, credentials
        known = self._known.get(key)
        if (
            known is not None
            and known.generation == generation
            and known.config is project.config
            and known.since <= now < known.until
        ):
            return known.signed_in
        self._known.pop(key, None)
        # These were read first: what changes meanwhile is looked up next time.
        config, snapshot = project.config, await project.current()
        asked = _Asked(project, config, snapshot, now, generation, extends)
        if known is None or known.config is not config:
            found = await self._look_up(asked, credentials)
        else:
            # What a token says that was verified stays what it was; whether it has expired
            # and who it stands for does not.
            found = await self._look_again(asked, known) or await self._look_up(
                asked, credentials, known.signed_in.claims
            )
        self._remember(key, found)
        return found.signed_in

    async def find_signed_in(
        self, project: Project, credentials: Credentials, now: datetime
    ) -> SignedIn | None:
        """Who the token stands for, if it is valid."""
        try:
            return await self.signed_in(project, credentials, now)
        except REFUSALS:
            return None

    def accounts(self, project: Project, snapshot: Snapshot) -> Accounts:
        """Users and sessions as this snapshot has them."""
        version = snapshot.schema.version
        known = self._accounts.get(project)
        if known is None:
            project.at_end(partial(self._accounts.pop, project, None))
        if known is None or known[0] != version:
            known = version, Accounts(snapshot.schema, project.database.dialect)
            self._accounts[project] = known
        return known[1]

    def _remember(self, key: tuple[str, Credentials], known: _Known) -> None:
        # What was remembered first goes first, and would be looked up again soonest.
        while len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = known

    async def _public_addresses(self, project: Project) -> Addresses:
        known = self._publics.get(project)
        if known is None:
            known = Fresh(lambda: project.generation(Change.ACCESS), self._loading(project))
            self._publics[project] = known
            project.at_end(partial(self._publics.pop, project, None))
        return await known.current()

    def _loading(self, project: Project) -> Callable[[int], Awaitable[Addresses]]:
        async def load(_: int) -> Addresses:
            accounts = self.accounts(project, await project.current())
            return await accounts.addresses_of(project.database, PUBLIC_ROLE)

        return load

    async def _look_again(self, asked: _Asked, known: _Known) -> _Known | None:
        """Asks the database whether what it said still stands; None where it does not."""
        if known.version != asked.snapshot.schema.version or asked.now >= known.ends:
            return None
        if not await still_says(asked.project.database, known.seen):
            return None
        self._extend(asked, known.seen.standing)
        return asked.known(known.signed_in, known.seen, known.ends)

    async def _look_up(
        self, asked: _Asked, credentials: Credentials, claims: Claims | None = None
    ) -> _Known:
        """Asks the database; `claims` are those of the token if it was verified before."""
        token = credentials.token
        if credentials.cookie:
            seen = await self._session(asked, token, "cookie")
            found = _signed_in(seen.standing, "cookie")
        elif tokens.is_jwt(token):
            if claims is None:
                signing = Signing(asked.project.key, asked.config.auth)
                claims = tokens.verify(signing, token, asked.now)
            tokens.unexpired(claims, asked.now)
            seen = await self._session(asked, claims.sid, "jwt")
            if seen.standing.user != claims.id:
                raise InvalidToken
            found = _signed_in(seen.standing, "jwt", claims)
        else:
            seen = await self._static(asked, token)
            found = _signed_in(seen.standing, "static")
        ends = seen.standing.expires or _DISTANT_FUTURE
        if claims is not None:
            ends = min(ends, datetime.fromtimestamp(claims.exp, UTC))
        return asked.known(found, seen, ends)

    async def _static(self, asked: _Asked, token: str) -> Seen:
        if not storable(token):
            raise InvalidToken
        accounts = self.accounts(asked.project, asked.snapshot)
        seen = await accounts.find_by_token(asked.project.database, token)
        if seen is None:
            raise InvalidToken
        return seen

    async def _session(self, asked: _Asked, shown: str, kind: SessionKind) -> Seen:
        accounts = self.accounts(asked.project, asked.snapshot)
        seen = await accounts.find_by_session(asked.project.database, session_key(shown), kind)
        if seen is None or seen.standing.expires is None:
            raise InvalidToken
        if seen.standing.expires <= asked.now:
            raise ExpiredToken
        self._extend(asked, seen.standing)
        return seen

    # -- sessions in use live on ----------------------------------------------------

    def _extend(self, asked: _Asked, standing: Standing) -> None:
        """Lets a session live on, now and then: not each request is worth a write."""
        session, expires = standing.session, standing.expires
        if not asked.extends or session is None or expires is None or standing.status != ACTIVE:
            return
        lifetime = asked.snapshot.settings.auto_sign_out * 60
        worth = min(_LEAST_EXTENSION_SECONDS, lifetime / 10)
        if lifetime - (expires - asked.now).total_seconds() < worth:
            return
        project = asked.project
        key = project.key, session
        if key in self._extending or len(self._extending) >= _MOST_EXTENSIONS:
            return
        self._extending.add(key)
        accounts = self.accounts(project, asked.snapshot)
        until = asked.now + timedelta(seconds=lifetime)
        self._tasks.create_task(self._extended(project, accounts, session, asked.now, until))

    async def _extended(
        self,
        project: Project,
        accounts: Accounts,
        session: int,
        now: datetime,
        until: datetime,
    ) -> None:
        async def work(transaction: Transaction) -> Outcome[None]:
            await accounts.sessions.extend(transaction, session, until)
            if now - self._purged.get(project.key, _DISTANT_PAST) >= _PURGE_EVERY:
                self._purged[project.key] = now
                await accounts.sessions.purge(transaction, now)
            return Outcome(None)

        try:
            await transact(project, work)
        except Exception as error:
            # The next request that uses the session tries again.
            self._observer(TaskFailed(f"extend a session of {project.key}", error))
        finally:
            self._extending.discard((project.key, session))


def _check_address(ip: str, addresses: Addresses) -> None:
    if addresses and not listed(ip, addresses):
        raise AddressNotAllowed


def _actor(found: SignedIn, ip: str, user_agent: str) -> Actor:
    return Actor(
        user=found.user,
        role=found.role,
        ip=ip,
        user_agent=user_agent,
        credential=found.credential,
        session=found.session,
        enforces_2fa=found.enforces_2fa,
    )


def _signed_in(
    standing: Standing,
    credential: Literal["jwt", "cookie", "static"],
    claims: Claims | None = None,
) -> SignedIn:
    if standing.status == SUSPENDED:
        raise UserSuspended
    if standing.status != ACTIVE:
        raise UserInactive
    return SignedIn(
        user=standing.user,
        role=standing.role,
        credential=credential,
        needs_2fa=standing.needs_2fa,
        enforces_2fa=standing.enforces_2fa,
        addresses=standing.addresses,
        session=standing.session,
        claims=claims,
    )
