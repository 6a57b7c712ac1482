"""What a plugin's one callable is handed, and what it has registered there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeVar

from msgspec import Struct

from conductus.config import StorageConfig, is_safe_url
from conductus.extensions.events import METHODS, parsed
from conductus.extensions.requests import CustomRequest
from conductus.items.hooks import Moment

Function = TypeVar("Function", bound=Callable[..., Any])
ASGI = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]
OpenStorage = Callable[[StorageConfig, str], Any]
Handler = Callable[[CustomRequest], Any]


class Registered(Struct, frozen=True, kw_only=True):
    """What one plugin has registered."""

    hooks: tuple[Waiter, ...]
    endpoints: tuple[Endpoint, ...]
    app: App | None
    commands: tuple[Command, ...]
    hashers: tuple[Hasher, ...]
    templates: Mapping[str, str]
    """Files of mail by their names: `NAME.txt`, `NAME.html`."""
    validations: Mapping[str, Callable[[Any], bool]]
    """By their names as fields state them: `$name`."""
    storages: Mapping[str, OpenStorage]
    """By the names that `storage.plugin` says."""
    sso_providers: Mapping[str, SsoProvider]
    """By the names that `auth.sso.NAME.plugin` says."""


class Waiter(Struct, frozen=True, kw_only=True, eq=False):
    """A function that waits for an event."""

    event: str
    about: str | None
    """What it is narrowed to."""
    moment: Moment
    function: Callable[..., Any]


class Endpoint(Struct, frozen=True, kw_only=True, eq=False):
    """A function that answers requests below `/P/custom/<name>/`."""

    method: str
    pattern: str
    function: Handler
    public: bool
    """Whether it answers those who are not signed in."""


class App(Struct, frozen=True, kw_only=True, eq=False):
    """An ASGI application that answers every request below `/P/custom/<name>/`."""

    asgi: ASGI
    public: bool


class Command(Struct, frozen=True, kw_only=True, eq=False):
    """A function that `conductus plugin run` calls."""

    name: str
    function: Callable[..., Any]


class Hasher(Struct, frozen=True, kw_only=True, eq=False):
    """Two functions that the utilities offer by name."""

    name: str
    hash: Callable[[str], Any]
    matches: Callable[[str, str], Any]


class SsoProvider(Struct, frozen=True, kw_only=True, eq=False):
    """Where people sign in elsewhere, by OpenID Connect or OAuth 2."""

    issuer: str
    authorize_url: str
    token_url: str
    userinfo_url: str
    scope: str
    secret_in_body: bool
    claims: Callable[[Any], Any] | None
    """Makes claims of OpenID Connect of what `userinfo_url` tells."""


class Registry:
    """Takes what a plugin has to offer."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        """The plugin's: its endpoints are below `/P/custom/<name>/`."""
        self.settings = settings
        """What the server's configuration says in `plugins.settings.<name>`."""
        self._hooks: list[Waiter] = []
        self._endpoints: list[Endpoint] = []
        self._app: App | None = None
        self._commands: list[Command] = []
        self._hashers: list[Hasher] = []
        self._templates: dict[str, str] = {}
        self._validations: dict[str, Callable[[Any], bool]] = {}
        self._storages: dict[str, OpenStorage] = {}
        self._sso_providers: dict[str, SsoProvider] = {}

    def on(self, *events: str) -> Callable[[Function], Function]:
        """Calls the function at these events: `item.create.articles:before`, `item.delete`.

        Raises `EventUnknown`, `ValueError` for a second function of the same name.
        """
        wanted = [parsed(event) for event in events]

        def register(function: Function) -> Function:
            name = name_of(function)
            if any(name == name_of(other) and other is not function for other in self._functions):
                # What waits in the outbox names it, also after a restart.
                raise ValueError(f"two hooks are called {name!r}")
            self._hooks += (
                Waiter(event=one.event, about=one.about, moment=one.moment, function=function)
                for one in wanted
            )
            return function

        return register

    @property
    def _functions(self) -> list[Callable[..., Any]]:
        return [hook.function for hook in self._hooks]

    def route(
        self, method: str, pattern: str, *, public: bool = False
    ) -> Callable[[Function], Function]:
        """Answers `/P/custom/<name>/<pattern>` by the function; `{part}` varies.

        What the function gives is the `data` of the answer; nothing is a 204. Only who is
        signed in gets there, unless it is `public`.
        """
        if method not in METHODS:
            raise ValueError(f"there is no method {method!r}: {', '.join(METHODS)}")

        def register(function: Function) -> Function:
            self._endpoints.append(
                Endpoint(
                    method=method, pattern=pattern.strip("/"), function=function, public=public
                )
            )
            return function

        return register

    def get(self, pattern: str, *, public: bool = False) -> Callable[[Function], Function]:
        """`route` for GET."""
        return self.route("GET", pattern, public=public)

    def post(self, pattern: str, *, public: bool = False) -> Callable[[Function], Function]:
        """`route` for POST."""
        return self.route("POST", pattern, public=public)

    def mount(self, app: ASGI, *, public: bool = False) -> None:
        """Hands every request below `/P/custom/<name>/` to an ASGI application.

        It finds the `CustomRequest` as `conductus` in the scope's `state`. Raises
        `ValueError` for a second one.
        """
        if self._app is not None:
            raise ValueError("there is an application already")
        self._app = App(asgi=app, public=public)

    def command(self, name: str) -> Callable[[Function], Function]:
        """Makes `conductus plugin run <name>` call the function with `Services` and arguments."""

        def register(function: Function) -> Function:
            self._commands.append(Command(name=name, function=function))
            return function

        return register

    def hasher(
        self, name: str, *, hash: Callable[[str], Any], matches: Callable[[str, str], Any]
    ) -> None:
        """A hasher for `utils/hash`: `hash(text)`, and `matches(text, hash)` says yes or no."""
        self._hashers.append(Hasher(name=name, hash=hash, matches=matches))

    def mail_template(self, name: str, *, text: str, html: str) -> None:
        """A template of mail in place of the built-in one; files of the data folder win.

        `text` begins with a line `Subject: …`.
        """
        self._templates |= {f"{name}.txt": text, f"{name}.html": html}

    def validation(self, name: str) -> Callable[[Function], Function]:
        """A rule that fields name in `validation` as `$name`: the function says yes or no.

        It is called in the midst of a request for each value, so it must not wait.
        """

        def register(function: Function) -> Function:
            self._validations[f"${name}"] = function
            return function

        return register

    def storage(self, name: str, opener: OpenStorage) -> None:
        """A storage of files: `opener(config, root)` gives a `conductus.files.storage.Storage`.

        Projects choose it by `storage.driver = "plugin"` and `storage.plugin = name`.
        """
        self._storages[name] = opener

    def sso_provider(
        self,
        name: str,
        *,
        issuer: str = "",
        authorize_url: str = "",
        token_url: str = "",
        userinfo_url: str = "",
        scope: str = "openid email profile",
        secret_in_body: bool = False,
        claims: Callable[[Any], Any] | None = None,
    ) -> None:
        """A provider of single sign-on: projects choose it by `auth.sso.NAME.plugin = name`.

        With an `issuer` the rest is found by discovery. Without, all three addresses are
        needed, and `claims` may make of what the last of them tells the claims `email`,
        `email_verified`, `given_name` and `family_name`. Raises `ValueError`.
        """
        if not (issuer or (authorize_url and token_url and userinfo_url)):
            raise ValueError(f"{name}: an issuer is needed, or all three addresses")
        urls = (issuer, authorize_url, token_url, userinfo_url)
        if not all(is_safe_url(url) for url in urls if url):
            raise ValueError(f"{name}: addresses must begin with https://")
        self._sso_providers[name] = SsoProvider(
            issuer=issuer,
            authorize_url=authorize_url,
            token_url=token_url,
            userinfo_url=userinfo_url,
            scope=scope,
            secret_in_body=secret_in_body,
            claims=claims,
        )

    def registered(self) -> Registered:
        """Everything so far. Raises `ValueError` for handlers beside an application."""
        if self._app is not None and self._endpoints:
            raise ValueError("an application and endpoints of its own exclude each other")
        return Registered(
            hooks=tuple(self._hooks),
            endpoints=tuple(self._endpoints),
            app=self._app,
            commands=tuple(self._commands),
            hashers=tuple(self._hashers),
            templates=self._templates,
            validations=self._validations,
            storages=self._storages,
            sso_providers=self._sso_providers,
        )


def name_of(function: Callable[..., Any]) -> str:
    """What a function is called in its plugin."""
    return str(getattr(function, "__qualname__", type(function).__qualname__))
