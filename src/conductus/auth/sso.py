"""Single sign-on: begun here, done at a provider, ended here with a session.

Only an address that the provider has verified tells who somebody is. Who has a second
factor here, or must have one, cannot go around it. Source: authentication page §9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, Literal

from conductus.auth import sso_flow, tokens
from conductus.auth.accounts import ACTIVE, USERS, Account, Accounts
from conductus.auth.credentials import NOTHING_SHOWN, Credentials
from conductus.auth.failures import Visit, note
from conductus.auth.identity import Identity
from conductus.auth.login import LoggedIn, check_state
from conductus.auth.notices import refusals_told, tell_admitted
from conductus.auth.session_rows import SessionKey, SessionKind, session_key
from conductus.auth.sessions import close_presented, open_session
from conductus.auth.sso_exchange import Person, ProviderFailed
from conductus.auth.sso_flow import Flow, Mode, Target
from conductus.auth.sso_protocols import Answer, Protocols, metadata_of, signing_of
from conductus.auth.sso_providers import Preset, Provider, Source, provider
from conductus.auth.tokens import Stated
from conductus.auth.transactions import Outcome, transact
from conductus.config import SsoConfig
from conductus.database.executor import Transaction
from conductus.errors import (
    EmailNotFound,
    ExpiredToken,
    InvalidToken,
    RequestTokenExpired,
    RequestTokenInvalid,
    SecondFactorOverSso,
    SignInFailed,
    ThingNotFound,
    UserNotFound,
)
from conductus.items.context import Context
from conductus.items.history import Deed
from conductus.permissions.actor import SYSTEM, Actor
from conductus.permissions.policy import ADMINISTRATOR
from conductus.schema.validation import is_email
from conductus.telemetry import Observer, SignInRefused

REQUEST_SECONDS: Final = 60


class RequestClaims(Stated, frozen=True, kw_only=True):
    """What the token says that an app exchanges for a session."""

    type: Literal["request_token"]
    id: int
    ttl: int
    """Minutes."""
    url: str
    sid: str


class SingleSignOn:
    """Signs users in by their accounts elsewhere."""

    def __init__(
        self,
        identity: Identity,
        observer: Observer,
        base_url: str,
        find_preset: Callable[[str, str], Preset | None],
    ) -> None:
        """`find_preset` finds what plugins of a project offer."""
        self._find_preset = find_preset
        self._identity = identity
        self._observer = observer
        self._base_url = base_url
        self._protocols = Protocols()

    def providers(self, visit: Visit) -> list[Provider]:
        """Those that are offered, by name."""
        configured = sorted(visit.project.config.auth.sso.items())
        found = (self._find(visit, name, config) for name, config in configured)
        return [each for each in found if each is not None]

    # -- at the provider --------------------------------------------------------------

    async def begin(
        self, visit: Visit, name: str, mode: Mode, target: Target | None
    ) -> tuple[Flow, str]:
        """A sign-in under way, and where the browser goes first.

        Raises `ThingNotFound` (1/404) for an unknown provider, `SignInFailed` (2).
        """
        chosen = self._provider(visit, name)
        address = self._address(visit, name)
        try:
            return await self._protocols.begin(visit, chosen, mode, target, address)
        except ProviderFailed as error:
            raise self._failed(visit, name, error) from error

    def source(self, visit: Visit, name: str) -> Source:
        """Where that provider tells who somebody is. Raises `ThingNotFound`."""
        return self._provider(visit, name).source

    def metadata(self, visit: Visit, name: str) -> bytes:
        """What an identity provider of SAML has to know of us. Raises `ThingNotFound`."""
        chosen = self._provider(visit, name)
        if chosen.source is not Source.SAML:
            raise ThingNotFound(f"{name!r} is no provider of SAML")
        return metadata_of(chosen, self._address(visit, name))

    def resume(self, visit: Visit, name: str, cookie: str, state: str) -> Flow:
        """The sign-in that this browser began. Raises `SignInNotBegun` (2), `ThingNotFound`."""
        self._provider(visit, name)
        return sso_flow.resumed(signing_of(visit), cookie, name, state, visit.now)

    async def finish(self, visit: Visit, flow: Flow, answer: Answer) -> Account:
        """The user whom the provider's answer is about.

        Raises `SignInFailed` (2), `EmailNotFound` (107), `UserInactive`, `UserSuspended`
        (103), `SecondFactorOverSso` (115), `AddressNotAllowed` (19).
        """
        async with refusals_told(visit, "sso"):
            return await self._finished(visit, flow, answer)

    async def _finished(self, visit: Visit, flow: Flow, answer: Answer) -> Account:
        name = flow.claims.provider
        chosen = self._provider(visit, name)
        address = self._address(visit, name)
        try:
            person = await self._protocols.person(visit, chosen, flow, answer, address)
        except ProviderFailed as error:
            raise self._failed(visit, name, error) from error
        account = await self._account(visit, chosen, person)
        _check(account, visit)
        return account

    def _provider(self, visit: Visit, name: str) -> Provider:
        config = visit.project.config.auth.sso.get(name)
        found = None if config is None else self._find(visit, name, config)
        if found is None:
            raise ThingNotFound(f"There is no provider {name!r}")
        return found

    def _find(self, visit: Visit, name: str, config: SsoConfig) -> Provider | None:
        """The provider, if it is on and the plugin there that offers it."""
        if not config.enabled:
            return None
        if not config.plugin:
            return provider(name, config)
        offered = self._find_preset(visit.project.key, config.plugin)
        if offered is None:
            problem = f"no plugin offers {config.plugin!r}"
            self._observer(SignInRefused(visit.project.key, name, problem))
            return None
        return provider(name, config, offered)

    def _address(self, visit: Visit, name: str) -> str:
        return f"{self._base_url}/{visit.project.key}/auth/sso/{name}"

    def _failed(self, visit: Visit, name: str, error: ProviderFailed) -> SignInFailed:
        cause = error.__cause__
        problem = f"{type(cause).__name__}: {cause}"
        self._observer(SignInRefused(visit.project.key, name, problem))
        return SignInFailed()

    # -- who it is --------------------------------------------------------------------

    async def _account(self, visit: Visit, chosen: Provider, person: Person) -> Account:
        email = person.email
        if email is None or not is_email(email) or not email.isprintable():
            raise EmailNotFound
        if not (person.verified or chosen.config.trust_email):
            raise EmailNotFound
        if chosen.hosted_domain is not None and person.hosted_domain != chosen.hosted_domain:
            raise EmailNotFound
        if chosen.config.domains and not _is_within(email, chosen.config.domains):
            raise EmailNotFound
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        account = await accounts.find_by_email(visit.project.database, email)
        if account is None and chosen.config.default_role is not None:
            account = await self._made(visit, accounts, email, person, chosen.config.default_role)
        if account is None:
            raise EmailNotFound
        return account

    async def _made(
        self, visit: Visit, accounts: Accounts, email: str, person: Person, role: int
    ) -> Account | None:
        """A user who comes for the first time."""
        actor = Actor(
            role=SYSTEM.role,
            credential=SYSTEM.credential,
            ip=visit.actor.ip,
            user_agent=visit.actor.user_agent,
        )
        context = Context(
            schema=visit.snapshot.schema, actor=actor, policy=ADMINISTRATOR, now=visit.now
        )
        body = {
            "email": email,
            "status": ACTIVE,
            "role": role,
            "first_name": _name(person.first_name),
            "last_name": _name(person.last_name),
        }

        async def work(transaction: Transaction) -> Outcome[Account | None]:
            known = await accounts.find_by_email(transaction, email)
            if known is not None:
                return Outcome(known)
            key = await visit.project.writer.create_within(transaction, USERS, body, context)
            made = await accounts.find_by_id(transaction, int(key))
            return Outcome(made, access_changed=True)

        return await transact(visit.project, work)

    # -- sessions ---------------------------------------------------------------------

    async def open(
        self,
        visit: Visit,
        account: Account,
        kind: SessionKind,
        replaced: Credentials = NOTHING_SHOWN,
    ) -> LoggedIn:
        """A session of a user who has come back from a provider; the `replaced` one ends."""
        accounts = self._identity.accounts(visit.project, visit.snapshot)

        async def work(transaction: Transaction) -> Outcome[LoggedIn]:
            opened = await _opened(transaction, accounts, visit, account.standing.user, kind)
            signing = signing_of(visit)
            ended = await close_presented(transaction, accounts, signing, replaced)
            return Outcome(opened, access_changed=ended)

        async with refusals_told(visit, "sso"):
            opened = await transact(visit.project, work)
        await tell_admitted(visit, "sso", account.standing.user)
        return opened

    async def request_token(self, visit: Visit, account: Account) -> str:
        """What an app exchanges for a session, once and soon."""
        accounts = self._identity.accounts(visit.project, visit.snapshot)
        user = account.standing.user

        async def work(transaction: Transaction) -> Outcome[SessionKey]:
            expires = visit.now + timedelta(seconds=REQUEST_SECONDS)
            return Outcome(
                await open_session(transaction, accounts, visit, user, "request", expires)
            )

        session = await transact(visit.project, work)
        claims = RequestClaims(
            type="request_token",
            key=visit.project.config.auth.public_key,
            project=visit.project.key,
            exp=int(visit.now.timestamp()) + REQUEST_SECONDS,
            id=user,
            ttl=REQUEST_SECONDS // 60,
            url=f"{self._base_url}/{visit.project.key}/",
            sid=str(session),
        )
        return tokens.sign(signing_of(visit), claims)

    async def exchange(self, visit: Visit, request_token: str) -> LoggedIn:
        """A session for a request token, which is used up.

        Raises `RequestTokenInvalid` (109), `RequestTokenExpired` (110), `UserNotFound`
        (106), and as `finish` does.
        """
        async with refusals_told(visit, "sso"):
            opened = await self._exchanged(visit, request_token)
        await tell_admitted(visit, "sso", opened.account.standing.user)
        return opened

    async def _exchanged(self, visit: Visit, request_token: str) -> LoggedIn:
        try:
            claims = tokens.unexpired(
                tokens.read(signing_of(visit), request_token, RequestClaims), visit.now
            )
            key = session_key(claims.sid)
        except InvalidToken as error:
            raise RequestTokenInvalid from error
        except ExpiredToken as error:
            raise RequestTokenExpired from error
        accounts = self._identity.accounts(visit.project, visit.snapshot)

        async def work(transaction: Transaction) -> Outcome[LoggedIn]:
            found = await accounts.find_by_session(transaction, key, "request")
            # Of several who come with it, one takes the row away.
            if found is None or not await accounts.sessions.close(transaction, key.id):
                raise RequestTokenInvalid
            return Outcome(await _opened(transaction, accounts, visit, claims.id, "jwt"))

        return await transact(visit.project, work)


async def _opened(
    transaction: Transaction, accounts: Accounts, visit: Visit, user: int, kind: SessionKind
) -> LoggedIn:
    account = await accounts.locked(transaction, user)
    if account is None:
        raise UserNotFound
    _check(account, visit)
    session = await open_session(transaction, accounts, visit, user, kind)
    await note(transaction, visit, accounts, Deed.AUTHENTICATE, user)
    return LoggedIn(session, account)


def _check(account: Account, visit: Visit) -> None:
    check_state(account.standing, visit.actor.ip)
    if account.otp_secret or account.standing.enforces_2fa:
        raise SecondFactorOverSso


def _is_within(email: str, domains: Iterable[str]) -> bool:
    host = email.rpartition("@")[2]
    # Some letters that are none of ASCII become ones in small letters.
    return host.isascii() and host.lower() in map(str.lower, domains)


def _name(text: str | None) -> str | None:
    """A name as its column takes it."""
    kept = "".join(letter for letter in text or "" if letter.isprintable())[:50]
    return kept or None
