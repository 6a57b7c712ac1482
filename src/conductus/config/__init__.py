"""Settings of the server and of each project: file, environment, defaults → frozen values.

The data folder holds `conductus.toml` (optional) and `projects/<key>.toml`. Environment
variables win over both: `CONDUCTUS_PORT` for the server, `CONDUCTUS_WATCH__TICK_SECONDS`
for a group of it, `CONDUCTUS_PROJECTS__<KEY>__DATABASE__URL` for a project. A project may
stand in the environment alone. An unknown key is an error that names its path; secrets are
made at creation and a weak one is refused.
"""

from __future__ import annotations

from conductus.config.creation import CreationConfig
from conductus.config.environment import APART, PREFIX
from conductus.config.graphql import GraphQLConfig
from conductus.config.images import AssetsConfig, ImagesConfig
from conductus.config.invalid import ConfigInvalid
from conductus.config.mail import MailConfig, MailSecurity, MailTransport
from conductus.config.maintenance import MaintenanceConfig
from conductus.config.metrics import MetricsConfig
from conductus.config.outgoing import OutgoingConfig
from conductus.config.passwords import LIGHTEST_PASSWORDS, PasswordsConfig
from conductus.config.plugins import PluginsConfig
from conductus.config.project import (
    AuthConfig,
    CookieConfig,
    CorsConfig,
    DatabaseConfig,
    LimitsConfig,
    ProjectConfig,
    RateLimitConfig,
    RealtimeConfig,
    TokenSource,
    WebhooksConfig,
    database_url,
    new_project_config,
)
from conductus.config.project_files import (
    PROJECT_FOLDER,
    check_key,
    found_keys,
    maintenance_config,
    project_config,
    project_keys,
    project_path,
    same_key,
    save_new_project,
)
from conductus.config.retention import RetentionConfig
from conductus.config.saml import SamlConfig
from conductus.config.server import (
    SHORTEST_TOKEN,
    Jobs,
    LogFormat,
    ServerConfig,
    Watch,
    data_folder,
    server_config,
)
from conductus.config.sso import SsoConfig, SsoPreset, is_safe_url, sso_preset
from conductus.config.storage import StorageConfig, StorageDriver
from conductus.config.toml import write_private
from conductus.config.tracing import TracingConfig

__all__ = [
    "APART",
    "LIGHTEST_PASSWORDS",
    "PREFIX",
    "PROJECT_FOLDER",
    "SHORTEST_TOKEN",
    "AssetsConfig",
    "AuthConfig",
    "ConfigInvalid",
    "CookieConfig",
    "CorsConfig",
    "CreationConfig",
    "DatabaseConfig",
    "GraphQLConfig",
    "ImagesConfig",
    "Jobs",
    "LimitsConfig",
    "LogFormat",
    "MailConfig",
    "MailSecurity",
    "MailTransport",
    "MaintenanceConfig",
    "MetricsConfig",
    "OutgoingConfig",
    "PasswordsConfig",
    "PluginsConfig",
    "ProjectConfig",
    "RateLimitConfig",
    "RealtimeConfig",
    "RetentionConfig",
    "SamlConfig",
    "ServerConfig",
    "SsoConfig",
    "SsoPreset",
    "StorageConfig",
    "StorageDriver",
    "TokenSource",
    "TracingConfig",
    "Watch",
    "WebhooksConfig",
    "check_key",
    "data_folder",
    "database_url",
    "found_keys",
    "is_safe_url",
    "maintenance_config",
    "new_project_config",
    "project_config",
    "project_keys",
    "project_path",
    "same_key",
    "save_new_project",
    "server_config",
    "sso_preset",
    "write_private",
]
