"""Where a project's database is: its address, taken apart and checked once.

Pure: nothing is opened. A password never leaves this module but in the `password`
attribute; messages and `repr` are without it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct, field

from conductus.errors import DatabaseUnusable

if TYPE_CHECKING:
    from conductus.database.dialect import Name

TLS = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]

_SCHEMES: dict[str, Name] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_OPTIONS: dict[Name, frozenset[str]] = {
    "sqlite": frozenset({"synchronous"}),
    "postgresql": frozenset(
        {"ssl", "sslmode", "ssl_ca", "host", "application_name", "statement_cache_size"}
    ),
    "mysql": frozenset({"ssl", "sslmode", "ssl_ca", "unix_socket", "charset"}),
}
_TLS_WORDS: dict[str, TLS] = {"true": "require", "1": "require", "false": "disable", "0": "disable"}


class DatabaseURL(Struct, frozen=True):
    """An address that was understood."""

    driver: Name
    database: str
    """The name of the database; for SQLite the path of its file."""
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"DatabaseURL({self.driver!r}, {self.database!r}, host={self.host!r})"

    @property
    def tls(self) -> TLS | None:
        """How the connection is to be encrypted; None when the address does not say."""
        word = self.options.get("sslmode") or self.options.get("ssl")
        if word is None:
            return None
        for known in get_args(TLS):
            if known == word.lower():
                mode: TLS = known
                return mode
        return _TLS_WORDS[word.lower()]

    def tls_context(self) -> ssl.SSLContext | None:
        """What to encrypt with; None for a connection in the clear."""
        if self.tls in (None, "disable"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.options.get("ssl_ca"))
        except (OSError, ssl.SSLError) as error:
            raise DatabaseUnusable("The file of `ssl_ca` holds no readable certificates") from error
        if self.tls != "verify-full":
            context.check_hostname = False
        if self.tls in ("prefer", "require"):
            # As in every client of these databases: encrypted, the server's name unproven.
            context.verify_mode = ssl.CERT_NONE
        return context


class Server(Struct, frozen=True, kw_only=True):
    """A database on a server, by the parts that clients give one by one."""

    driver: Name
    host: str
    port: int | None = None
    username: str
    password: str = ""
    database: str

    def __repr__(self) -> str:
        return f"Server({self.driver!r}, {self.host!r}, {self.database!r})"

    @property
    def address(self) -> str:
        """As one text."""
        from sqlalchemy.engine import URL

        return URL.create(
            self.driver, self.username, self.password, self.host, self.port, self.database
        ).render_as_string(hide_password=False)


def parse(text: str) -> DatabaseURL:
    """The parts of a database's address. Raises `DatabaseUnusable`."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnusable("The address of the database cannot be understood") from error
    driver = _SCHEMES.get(url.get_backend_name())
    if driver is None:
        known = ", ".join(sorted(_SCHEMES))
        raise DatabaseUnusable(f"The address of the database must begin with one of: {known}")
    parsed = DatabaseURL(
        driver,
        url.database or "",
        host=url.host,
        port=url.port,
        username=url.username,
        password=None if url.password is None else str(url.password),
        options=_options(driver, url.query),
    )
    _check(parsed)
    return parsed


def _options(driver: Name, query: Mapping[str, tuple[str, ...] | str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in query.items():
        if name not in _OPTIONS[driver]:
            known = ", ".join(sorted(_OPTIONS[driver]))
            raise DatabaseUnusable(
                f"{driver} takes no option {name!r} in its address, but: {known}"
            )
        if not isinstance(value, str):
            raise DatabaseUnusable(f"The option {name!r} is given twice in the database's address")
        options[name] = value
    return options


def _check(url: DatabaseURL) -> None:
    if "\0" in url.database:
        raise DatabaseUnusable("The address of the database holds a NUL character")
    if url.driver == "sqlite":
        _check_file(url)
    elif not url.database:
        raise DatabaseUnusable("The address of the database names no database")
    tls = (url.options.get("sslmode") or url.options.get("ssl") or "true").lower()
    if tls not in get_args(TLS) and tls not in _TLS_WORDS:
        raise DatabaseUnusable(f"`ssl` must be one of: {', '.join(get_args(TLS))}")
    if url.driver == "mysql" and url.tls == "prefer":
        raise DatabaseUnusable("MySQL cannot prefer encryption: say `disable` or `require`")
    if url.options.get("charset", "utf8mb4") != "utf8mb4":
        raise DatabaseUnusable("Conductus speaks to MySQL in the character set utf8mb4 alone")
    if not url.options.get("statement_cache_size", "0").isdecimal():
        raise DatabaseUnusable("`statement_cache_size` must be a number")


def _check_file(url: DatabaseURL) -> None:
    if url.host:
        raise DatabaseUnusable(
            "A SQLite file is named with three slashes, an absolute path with four: "
            "sqlite:///data.db, sqlite:////var/lib/data.db"
        )
    if not url.database or ":memory:" in url.database or url.database.startswith("file:"):
        raise DatabaseUnusable("A SQLite database must be a file: sqlite:///data.db")
    if url.options.get("synchronous", "normal") not in ("normal", "full"):
        raise DatabaseUnusable("`synchronous` must be `normal` or `full`")
