"""Which databases a project may be made on when a request names them. Pure but for paths.

The server itself connects there, from inside the operator's network and with the rights of
its process. So nothing is reached but what the operator named, at least by running it on
this machine at its usual port; no name is resolved to find out. An address that says more
than where the database is, files and sockets of this machine, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from conductus.config import ConfigInvalid, ProjectConfig, database_url
from conductus.database.dialect import Name
from conductus.database.url import DatabaseURL, parse
from conductus.errors import ApiError, DatabaseUnusable
from conductus.outgoing.addresses import Allowed

PORTS: Final[Mapping[Name, int]] = {"postgresql": 5432, "mysql": 3306}
SUFFIXES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# Those of this machine's files and sockets are missing.
_OPTIONS: Final = frozenset(
    {"synchronous", "ssl", "sslmode", "application_name", "statement_cache_size", "charset"}
)
Place = tuple[str, ...]


def check_reach(url: DatabaseURL, data: Path, allowed: Allowed) -> None:
    """Raises `DatabaseUnusable` (19/400) for what is not to be reached.

    `url` is absolute; `allowed` has what the operator named.
    """
    beyond = set(url.options) - _OPTIONS
    if beyond:
        names = ", ".join(sorted(beyond))
        raise DatabaseUnusable(f"Over the API the address of a database takes no {names}")
    if url.driver == "sqlite":
        _check_file(Path(url.database), data)
    else:
        _check_server(url, allowed)


def _check_file(path: Path, data: Path) -> None:
    # Not in the folders below: settings are there, and files that users sent.
    inside = path.parent.resolve() == data.resolve() and not path.is_symlink()
    if not inside or path.suffix not in SUFFIXES or path.name.startswith("."):
        raise DatabaseUnusable(
            "A SQLite file made over the API is in the data folder itself, and ends with one "
            f"of: {', '.join(sorted(SUFFIXES))}"
        )


def _check_server(url: DatabaseURL, allowed: Allowed) -> None:
    host = _plain(url.host or "")
    if not url.username or url.password is None:
        # Drivers would look for both in the environment of this process.
        raise DatabaseUnusable("The user of the database and its password are needed")
    usual = url.port in (None, PORTS[url.driver])
    if not allowed.names(host) and not (host in _HERE and usual):
        raise DatabaseUnusable(
            f"This server makes no projects on databases at {host or 'no host'!r}: "
            "its setting `creation.databases` names where it does"
        )


def place(url: DatabaseURL) -> Place:
    """What two addresses of one database have in common, as far as they tell without a look."""
    if url.driver == "sqlite":
        return "sqlite", str(Path(url.database).resolve())
    host = _plain(url.host or "localhost")
    port = url.port or PORTS[url.driver]
    return url.driver, "localhost" if host in _HERE else host, str(port), url.database


def check_unused(
    url: DatabaseURL, others: Iterable[tuple[str, ProjectConfig | ConfigInvalid]], data: Path
) -> None:
    """Raises `DatabaseUnusable` (19/400) where another project has the database, or may have it.

    A second project on it would let its administrators in there.
    """
    for key, config in others:
        if place(_database(key, config, data)) == place(url):
            raise DatabaseUnusable("Another project of this server has this database")


def _database(key: str, config: ProjectConfig | ConfigInvalid, data: Path) -> DatabaseURL:
    try:
        if isinstance(config, ConfigInvalid):
            raise config
        return parse(database_url(config, data))
    except (ConfigInvalid, ApiError) as error:
        raise DatabaseUnusable(
            f"The configuration of the project {key!r} cannot be used, so it may have this database"
        ) from error


def _plain(host: str) -> str:
    """A host in one of the ways in which it can be written."""
    bare = host.strip("[]").lower().removesuffix(".")
    try:
        address = ip_address(bare)
    except ValueError:
        return bare
    return str(getattr(address, "ipv4_mapped", None) or address)
