"""What `conductus.toml` and `CONDUCTUS_…` say about the server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from conductus.config.conversion import convert
from conductus.config.creation import CreationConfig
from conductus.config.environment import merged, server_variables
from conductus.config.images import ImagesConfig
from conductus.config.mail import MailConfig
from conductus.config.metrics import MetricsConfig
from conductus.config.outgoing import OutgoingConfig
from conductus.config.passwords import PasswordsConfig
from conductus.config.plugins import PluginsConfig
from conductus.config.toml import read
from conductus.config.tracing import TracingConfig

SERVER_FILE = "conductus.toml"
DEFAULT_DATA = "conductus-data"
SHORTEST_TOKEN = 16
LogFormat = Literal["console", "json"]


class Watch(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often changes made elsewhere are looked for."""

    tick_seconds: float = 1.0
    """Changes of metadata made by another server on the same database."""
    catalog_seconds: float = 5.0
    """Tables changed by somebody with plain DDL."""
    listen: bool = True
    """Hear of them at once, on a connection of its own, where the database passes it on."""
    each_request: bool = False
    """Ask the database before each request: a change of another server is never missed."""


class Jobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Work that is done after the answer: mail, hooks, webhooks."""

    deliver: bool = True
    """Whether `conductus start` does it; else `conductus worker` must."""
    poll_seconds: float = 5.0
    """How often work that another server left, or that failed, is looked for."""
    redis_url: str = ""
    """Where Redis is, by which servers tell those on other machines at once."""


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
    images: ImagesConfig = ImagesConfig()
    mail: MailConfig = MailConfig()
    metrics: MetricsConfig = MetricsConfig()
    tracing: TracingConfig = TracingConfig()
    outgoing: OutgoingConfig = OutgoingConfig()
    passwords: PasswordsConfig = PasswordsConfig()
    plugins: PluginsConfig = PluginsConfig()
    creation: CreationConfig = CreationConfig()
    super_admin_token: str = ""
    """Opens `/server/projects` for writing; empty: the first creation states it."""
    open_projects: int = 20
    """How many projects a worker keeps open though nobody asks for them."""
    idle_seconds: float = 300.0
    """How long others stay open that nobody asks for."""
    first_project: str = "main"
    """The key of the project that a start makes where there is none; empty: none is made."""
    public_url: str = ""
    """Where clients find the server, `https://cms.example.com`; it stands in links of mail."""

    def __post_init__(self) -> None:
        if self.super_admin_token and len(self.super_admin_token) < SHORTEST_TOKEN:
            raise ValueError(f"`super_admin_token` needs {SHORTEST_TOKEN} characters or more")
        if self.open_projects < 0 or self.idle_seconds <= 0:
            raise ValueError("`idle_seconds` must be more than 0, `open_projects` not less")
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise ValueError("`public_url` must begin with https:// or http://")

    def __repr__(self) -> str:
        return f"ServerConfig({self.host!r}, {self.port})"

    @property
    def base_url(self) -> str:
        """Where clients find the server, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        # What a request says of its host is the client's to choose, so it is not believed.
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def data_folder(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The data folder: as given, else `CONDUCTUS_DATA`, else `./conductus-data`."""
    return (given or Path(environment.get("CONDUCTUS_DATA") or DEFAULT_DATA)).absolute()


def server_config(data: Path, environment: Mapping[str, str]) -> ServerConfig:
    """The server's settings. Raises `ConfigInvalid`."""
    path = data / SERVER_FILE
    stated = read(path) if path.exists() else {}
    return convert(merged(stated, server_variables(environment)), ServerConfig, str(path))
