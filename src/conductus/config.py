"""Settings of the server and of each project: file, environment, defaults → frozen values.

The data folder holds `conductus.toml` (optional) and `projects/<key>.toml`. Environment
variables win over both: `CONDUCTUS_PORT` for the server, `CONDUCTUS_WATCH__TICK_SECONDS`
for a group of it, `CONDUCTUS_PROJECTS__<KEY>__DATABASE__URL` for a project. A project may
stand in the environment alone. An unknown key is an error that names its path; secrets are
made at creation and a weak one is refused.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

SERVER_FILE = "conductus.toml"
PROJECT_FOLDER = "projects"
DEFAULT_DATA = "conductus-data"
PREFIX = "CONDUCTUS_"
APART = frozenset({"DATA", "ADMIN_EMAIL", "ADMIN_PASSWORD"})
"""Variables that are no setting of a file."""
# Kubernetes gives a service named `conductus` variables of these names.
FOREIGN = ("TEST_", "BENCH_", "SERVICE_", "PORT_")
PROVIDER_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
KEY_PATTERN = re.compile(r"[0-9A-Za-z_-]{1,64}")
TAKEN_KEYS = frozenset(
    {"server", "interfaces", "layouts", "modules", "types", "uploads", "admin", "extensions"}
)
SHORTEST_SECRET = 32
ADMINISTRATOR_ROLE = 1
PUBLIC_ROLE = 2
PLACEHOLDERS = ("change", "placeholder", "secret", "example", "type-a-", "your-", "password")

LogFormat = Literal["console", "json"]
MailTransport = Literal["none", "smtp", "file", "log"]
MailSecurity = Literal["starttls", "tls", "none"]
SsoPreset = Literal[
    "generic", "google", "github", "gitlab", "microsoft", "facebook", "okta", "keycloak"
]
TokenSource = Literal["body", "query", "basic", "bearer", "cookie"]


class ConfigInvalid(Exception):
    """The configuration cannot be used; the message says what and where, in one line."""


class Watch(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often changes made elsewhere are looked for."""

    tick_seconds: float = 1.0
    """Changes of metadata made by another server on the same database."""
    catalog_seconds: float = 5.0
    """Tables changed by somebody with plain DDL."""


class Jobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Work that is done after the answer: mail."""

    poll_seconds: float = 5.0
    """How often work that another server left, or that failed, is looked for."""


class MailConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How mail leaves."""

    transport: MailTransport = "none"
    sender: str = ""
    """An address, or a name with one: `Shop <shop@example.com>`."""
    host: str = ""
    port: int = 0
    """0: 587, with `tls` 465, with `none` 25."""
    security: MailSecurity = "starttls"
    user: str = ""
    password: str = ""
    folder: str = "outgoing-mail"
    """Of the transport `file`; a relative one is in the data folder."""
    timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.transport == "smtp" and not self.host:
            raise ValueError("the transport `smtp` needs a `host`")
        if self.transport != "none" and "@" not in parseaddr(self.sender)[1]:
            raise ValueError("`sender` must be an e-mail address, or a name with one")

    def __repr__(self) -> str:
        return f"MailConfig({self.transport!r})"


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `conductus.toml` and `CONDUCTUS_…` say about the server."""

    host: str = "127.0.0.1"
    port: int = 8055
    workers: int = 1
    log_format: LogFormat = "console"
    drain_seconds: int = 30
    """How long a stopping worker may finish its requests before it is killed."""
    client_seconds: float = 30.0
    """How long a client may take for the head of a request, a body, a part of an answer.

    A body gets another second for each 1000 bytes.
    """
    connections: int = 4096
    """Most connections of one worker, idle ones included."""
    watch: Watch = Watch()
    jobs: Jobs = Jobs()
    mail: MailConfig = MailConfig()
    public_url: str = ""
    """Where clients find the server, `https://cms.example.com`; it stands in links of mail."""

    def __post_init__(self) -> None:
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise ValueError("`public_url` must begin with https:// or http://")

    @property
    def base_url(self) -> str:
        """Where clients find the server, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        # What a request says of its host is the client's to choose, so it is not believed.
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class DatabaseConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a project's database is."""

    url: str
    """A relative SQLite path starts at the data folder."""
    pool: int = 10
    """Most connections of one worker."""


class SsoConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One provider of single sign-on, in `[auth.sso.NAME]`."""

    enabled: bool = True
    preset: SsoPreset | None = None
    """None: the one that is called like the provider, else `generic`."""
    client_id: str
    client_secret: str = ""
    issuer: str = ""
    """Of OpenID Connect: the other addresses are found by discovery."""
    authorize_url: str = ""
    token_url: str = ""
    userinfo_url: str = ""
    tenant: str = ""
    """Of `microsoft`."""
    scopes: tuple[str, ...] = ()
    hosted_domain: str = "*"
    """Of `google`: the one domain whose accounts are let in."""
    trust_email: bool = False
    """Addresses count although the provider does not say that it has verified them."""
    default_role: int | None = None
    """The role of users who are made when they first come; None: nobody is made."""
    icon: str | None = None

    def __repr__(self) -> str:
        return f"SsoConfig({self.client_id!r})"


class AuthConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key that signs tokens, and the word that ties them to this project."""

    secret_key: str
    public_key: str
    redirect_origins: tuple[str, ...] = ()
    """Origins besides the server's own to which links of mail and sign-ins may lead."""
    sources: tuple[TokenSource, ...] = ("body", "query", "basic", "bearer", "cookie")
    """Where tokens are looked for; `body` and `query` mean the parameter `access_token`."""
    sso: dict[str, SsoConfig] = {}
    """Providers of single sign-on by name."""

    def __post_init__(self) -> None:
        for name, config in self.sso.items():
            problem = _sso_problem(name, config)
            if problem is not None:
                raise ValueError(f"sso.{name}: {problem}")


class CookieConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cookie of a session."""

    same_site: Literal["Lax", "Strict", "None"] = "Lax"
    secure: bool | None = None
    """Sent over HTTPS alone; None: so it is when the request came over HTTPS."""


class RateLimitConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many requests an address, and a user, may make."""

    enabled: bool = False
    limit: int = 100
    interval: int = 60
    """Seconds."""
    adapter: Literal["memory", "redis"] = "memory"
    """`memory` counts in each worker, `redis` for all of them."""
    redis_url: str = "redis://127.0.0.1:6379/0"

    def __post_init__(self) -> None:
        if self.limit < 1 or self.interval < 1:
            raise ValueError("`limit` and `interval` must be 1 or more")


class CorsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which other origins may call."""

    enabled: bool = True
    origin: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
    headers: tuple[str, ...] = ()
    exposed_headers: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


class LimitsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one request may ask for."""

    body_bytes: int = 16 * 1024 * 1024
    fields_depth: int = 10
    filters: int = 200
    ids: int = 1000
    max_limit: int | None = None
    """Most items of one list; None for no bound."""
    batch: int = 10_000
    """Most items that one request may change, nested ones included."""
    statement_seconds: float = 30.0


class ProjectConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `projects/<key>.toml` and the environment say about a project."""

    database: DatabaseConfig
    auth: AuthConfig
    private: bool = False
    """Left out of the list of projects."""
    cookie: CookieConfig = CookieConfig()
    cors: CorsConfig = CorsConfig()
    rate_limit: RateLimitConfig = RateLimitConfig()
    limits: LimitsConfig = LimitsConfig()
    mail: MailConfig = MailConfig()
    """Instead of the server's, unless its transport is `none`."""


C = TypeVar("C", ServerConfig, ProjectConfig)


def data_folder(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The data folder: as given, else `CONDUCTUS_DATA`, else `./conductus-data`."""
    return (given or Path(environment.get("CONDUCTUS_DATA") or DEFAULT_DATA)).absolute()


def server_config(data: Path, environment: Mapping[str, str]) -> ServerConfig:
    """The server's settings. Raises `ConfigInvalid`."""
    path = data / SERVER_FILE
    stated = _read(path) if path.exists() else {}
    return _convert(_merged(stated, _from_environment(environment)), ServerConfig, str(path))


def project_path(data: Path, key: str) -> Path:
    """The file of a project."""
    return data / PROJECT_FOLDER / f"{key}.toml"


def project_keys(data: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of every configured project, in alphabetical order. Raises `ConfigInvalid`."""
    folder = data / PROJECT_FOLDER
    # Half-written files begin with a dot.
    files = [path.stem for path in folder.glob("*.toml") if not path.name.startswith(".")]
    alone = [key for key in _environment_projects(environment) if not _match(key, files)]
    keys = sorted([*files, *alone])
    for key in keys:
        check_key(key)
    return tuple(keys)


def project_config(data: Path, key: str, environment: Mapping[str, str]) -> ProjectConfig:
    """One project's settings, ready for use. Raises `ConfigInvalid`."""
    path = project_path(data, key)
    stated = _read(path) if path.exists() else {}
    overrides = next(
        (group for name, group in _environment_projects(environment).items() if _same(name, key)),
        {},
    )
    config = _convert(_merged(stated, overrides), ProjectConfig, str(path))
    _check_secret(config.auth.secret_key, str(path))
    return config


def check_key(key: str) -> str:
    """The key itself. Raises `ConfigInvalid` when no project may be called so."""
    if KEY_PATTERN.fullmatch(key) is None:
        raise ConfigInvalid(
            f"{key!r} cannot be the key of a project: use letters, digits, '_' and '-'"
        )
    if key.lower() in TAKEN_KEYS:
        raise ConfigInvalid(f"{key!r} cannot be the key of a project: the server uses that path")
    return key


def database_url(config: ProjectConfig, data: Path) -> str:
    """The database's URL with a relative SQLite path resolved against the data folder."""
    scheme, separator, rest = config.database.url.partition(":///")
    if not separator or not scheme.startswith("sqlite") or rest.startswith(("/", ":memory:")):
        return config.database.url
    return f"{scheme}:///{data / rest}"


def new_project_config(url: str) -> ProjectConfig:
    """Settings of a new project with secrets of its own."""
    return ProjectConfig(
        database=DatabaseConfig(url=url),
        auth=AuthConfig(secret_key=secrets.token_urlsafe(48), public_key=secrets.token_hex(16)),
    )


def save_new_project(data: Path, key: str, config: ProjectConfig) -> Path:
    """Writes the file of a new project: whole or not at all, readable by its owner alone."""
    path = project_path(data, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(
        path,
        _toml(
            {
                "database": {"url": config.database.url},
                "auth": {
                    "secret_key": config.auth.secret_key,
                    "public_key": config.auth.public_key,
                },
            }
        ),
    )
    return path


def write_private(path: Path, text: str) -> None:
    """Replaces a file atomically; mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def sso_preset(name: str, config: SsoConfig) -> SsoPreset:
    """The preset of a provider."""
    if config.preset is not None:
        return config.preset
    return next((preset for preset in get_args(SsoPreset) if preset == name), "generic")


def is_safe_url(url: str) -> bool:
    """Whether what is sent there cannot be read on the way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "http":
        return parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" and bool(parts.hostname)


def _sso_problem(name: str, config: SsoConfig) -> str | None:
    """What is wrong with a provider."""
    preset = sso_preset(name, config)
    urls = (config.authorize_url, config.token_url, config.userinfo_url)
    if PROVIDER_PATTERN.fullmatch(name) is None or name == "access_token":
        return "the name takes small letters, digits, '_' and '-'"
    if preset in ("generic", "okta", "keycloak") and not (config.issuer or all(urls)):
        return "an `issuer` is needed, or all of the other addresses"
    if preset == "microsoft" and not (config.tenant or config.issuer):
        return "a `tenant` is needed"
    if not all(is_safe_url(url) for url in (config.issuer, *urls) if url):
        return "addresses must begin with https://"
    if config.default_role in (ADMINISTRATOR_ROLE, PUBLIC_ROLE):
        return "`default_role` cannot be that of administrators, nor of the public"
    if preset == "google" and config.default_role is not None and config.hosted_domain == "*":
        return "`default_role` needs a `hosted_domain`, or anybody would come in"
    return None


# -- reading ------------------------------------------------------------------------


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: {error}") from error
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Nested settings out of `CONDUCTUS_…`; the projects' are apart."""
    found: dict[str, Any] = {}
    for name, value in environment.items():
        rest = name.removeprefix(PREFIX)
        if rest == name or rest in APART or rest.startswith((*FOREIGN, "PROJECTS__")):
            continue
        if rest == "PORT" and "://" in value:
            continue  # Kubernetes, see FOREIGN.
        _put(found, rest.lower().split("__"), value, name)
    return found


def _environment_projects(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Settings of projects out of `CONDUCTUS_PROJECTS__<KEY>__…`, by key in lower case."""
    found: dict[str, Any] = {}
    for name, value in environment.items():
        rest = name.removeprefix(f"{PREFIX}PROJECTS__")
        if rest != name:
            _put(found, rest.lower().split("__"), value, name)
    for key, group in found.items():
        if not isinstance(group, dict):
            raise ConfigInvalid(f"{PREFIX}PROJECTS__{key.upper()} names no setting of the project")
    return found


def _put(into: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
        if not isinstance(into, dict):
            raise ConfigInvalid(f"{name} contradicts another variable")
    # Lists come as words with commas between them: the types say where one is wanted.
    into[path[-1]] = value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            merged[name] = _merged(under, value)
        else:
            merged[name] = value
    return merged


def _convert(stated: Mapping[str, Any], kind: type[C], where: str) -> C:
    try:
        return msgspec.convert(_lists(stated, kind), kind, strict=False)
    except msgspec.ValidationError as error:
        message = str(error).replace("Object contains unknown field", "unknown setting")
        raise ConfigInvalid(f"{where}: {message}") from error


def _lists(stated: Mapping[str, Any], kind: type[Struct]) -> dict[str, Any]:
    """Splits text at commas wherever the type asks for a list."""
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    ready: dict[str, Any] = {}
    for name, value in stated.items():
        wanted = types.get(name)
        if isinstance(value, Mapping) and isinstance(wanted, type) and issubclass(wanted, Struct):
            ready[name] = _lists(value, wanted)
        elif isinstance(value, Mapping) and (member := _member(wanted)) is not None:
            ready[name] = {
                key: _lists(each, member) if isinstance(each, Mapping) else each
                for key, each in value.items()
            }
        elif isinstance(value, str) and getattr(wanted, "__origin__", None) is tuple:
            ready[name] = [word.strip() for word in value.split(",") if word.strip()]
        else:
            ready[name] = value
    return ready


def _member(wanted: Any) -> type[Struct] | None:
    """What the values of a dict of groups are; None for any other type."""
    if get_origin(wanted) is not dict:
        return None
    kind = get_args(wanted)[1]
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


def _check_secret(secret: str, where: str) -> None:
    weak = len(secret) < SHORTEST_SECRET or len(set(secret)) < 10
    if weak or secret.lower().startswith(PLACEHOLDERS):
        raise ConfigInvalid(
            f"{where}: auth.secret_key is weak or a placeholder; "
            f"use {SHORTEST_SECRET} or more random characters"
        )


def _same(name: str, key: str) -> bool:
    # Shells take no dash in the name of a variable.
    return name == key.lower().replace("-", "_")


def _match(name: str, keys: Iterable[str]) -> bool:
    return any(_same(name, key) for key in keys)


# -- writing ------------------------------------------------------------------------


def _toml(groups: Mapping[str, Mapping[str, str]]) -> str:
    """One table for each group."""
    tables = (
        "\n".join([f"[{name}]", *(f"{key} = {_toml_text(text)}" for key, text in group.items())])
        for name, group in groups.items()
    )
    return "\n\n".join(tables) + "\n"


def _toml_text(text: str) -> str:
    # A JSON text is a TOML one, but for the DEL character.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
