"""What `projects/<key>.toml` and the environment say about a project."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Literal

from msgspec import Struct

from conductus.config.graphql import GraphQLConfig
from conductus.config.images import AssetsConfig
from conductus.config.mail import MailConfig
from conductus.config.maintenance import MaintenanceConfig
from conductus.config.retention import RetentionConfig
from conductus.config.scim import ScimConfig
from conductus.config.sso import SsoConfig, sso_problem
from conductus.config.storage import StorageConfig

TokenSource = Literal["body", "query", "basic", "bearer", "cookie"]


class DatabaseConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a project's database is."""

    url: str
    """A relative SQLite path starts at the data folder."""
    pool: int = 10
    """Most connections of one worker."""


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
            problem = sso_problem(name, config)
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
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "SEARCH")
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
    import_rows: int = 500_000
    """Most items that one import may create or change."""
    statement_seconds: float = 30.0


class WebhooksConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What receivers of webhooks are sent."""

    format: Literal["conductus", "directus8"] = "conductus"
    """`directus8`: what was written, and nothing around it."""


class RealtimeConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What clients may have told of changes as they happen."""

    enabled: bool = True
    connections: int = 2500
    """Most streams of one worker …"""
    per_client: int = 50
    """… and of one user, or one address of those who are not signed in."""
    subscriptions: int = 50
    """Most subscriptions of one WebSocket."""
    queue: int = 256
    """Messages that wait for a slow reader before it is cut off."""
    heartbeat_seconds: float = 20.0
    retention_seconds: int = 3600
    """How long a client may be away without missing anything, …"""
    retention_events: int = 100_000
    """… and how many changes at most."""

    def __post_init__(self) -> None:
        if self.heartbeat_seconds <= 0 or self.retention_seconds < 1 or self.queue < 1:
            raise ValueError("heartbeat, retention and queue must be greater than 0")


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
    storage: StorageConfig = StorageConfig()
    assets: AssetsConfig = AssetsConfig()
    mail: MailConfig = MailConfig()
    """Instead of the server's, unless its transport is `none`."""
    webhooks: WebhooksConfig = WebhooksConfig()
    graphql: GraphQLConfig = GraphQLConfig()
    realtime: RealtimeConfig = RealtimeConfig()
    maintenance: MaintenanceConfig = MaintenanceConfig()
    retention: RetentionConfig = RetentionConfig()
    scim: ScimConfig = ScimConfig()


def database_url(config: ProjectConfig, data: Path) -> str:
    """The database's URL with a relative SQLite path resolved against the data folder."""
    scheme, separator, rest = config.database.url.partition(":///")
    if not separator or not scheme.startswith("sqlite") or rest.startswith(("/", ":memory:")):
        return config.database.url
    return f"{scheme}:///{data / rest}"


def new_project_config(url: str, *, private: bool = False) -> ProjectConfig:
    """Settings of a new project with secrets of its own."""
    return ProjectConfig(
        private=private,
        database=DatabaseConfig(url=url),
        auth=AuthConfig(secret_key=secrets.token_urlsafe(48), public_key=secrets.token_hex(16)),
    )
