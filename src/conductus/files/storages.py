"""Opens the storages of projects, once each, as their configuration says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, assert_never

from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store

from conductus.config import StorageConfig
from conductus.errors import StorageUnreachable
from conductus.files.object_storage import ObjectStorage
from conductus.files.storage import ProjectStorage, Storage
from conductus.projects.project import Project
from conductus.telemetry import Observer, StorageFailed

if TYPE_CHECKING:
    # No more than a name: obstore has it for type checkers alone.
    from obstore.store import ClientConfig

FOLDER = "files"
ORIGINALS = "originals"
GENERATED = "generated"
# A whole answer may take as long as its reader; what counts is that it goes on.
_WHOLE_SECONDS = 24 * 60 * 60
_RETRIES = 3


Opener = Callable[[StorageConfig, str], Storage]
"""Opens the storage of one folder: `root`, which the configuration may say."""
FindOpener = Callable[[str, str], Opener | None]
"""By the keys of a project and of a storage."""


def _no_opener(_project: str, _name: str) -> None:
    """Where there are no plugins."""


class _Kept(Struct, frozen=True):
    config: StorageConfig
    storage: ProjectStorage


class Storages:
    """The storages of every project of a data folder."""

    def __init__(
        self, data: Path, observer: Observer, find_opener: FindOpener = _no_opener
    ) -> None:
        """`find_opener` finds what plugins offer."""
        self._data = data
        self._observer = observer
        self._find_opener = find_opener
        self._kept: dict[str, _Kept] = {}

    def of(self, project: Project) -> ProjectStorage:
        """The storages of a project, as it is configured now."""
        config = project.config.storage
        kept = self._kept.get(project.key)
        if kept is None or kept.config is not config:
            kept = _Kept(config, self.opened(project.key, config))
            self._kept[project.key] = kept
        return kept.storage

    def opened(self, key: str, config: StorageConfig) -> ProjectStorage:
        """New storages, as a configuration says. Raises `StorageUnreachable`."""
        own = f"{FOLDER}/{key}" if config.driver == "local" else key
        return ProjectStorage(
            originals=self._storage(key, config, config.root or f"{own}/{ORIGINALS}"),
            generated=self._storage(key, config, config.thumb_root or f"{own}/{GENERATED}"),
        )

    def _storage(self, key: str, config: StorageConfig, root: str) -> Storage:
        if config.driver == "plugin":
            return self._of_plugin(key, config, root)
        try:
            store = self._store(config, root)
        except (BaseError, OSError, ValueError) as error:
            self._observer(StorageFailed(key, root, str(error).partition("\n")[0]))
            raise StorageUnreachable from error
        return ObjectStorage(
            store,
            project=key,
            folder=self._data / root if config.driver == "local" else None,
            seconds=config.timeout_seconds,
            observer=self._observer,
        )

    def _of_plugin(self, key: str, config: StorageConfig, root: str) -> Storage:
        opener = self._find_opener(key, config.plugin)
        if opener is None:
            problem = f"no plugin offers the storage {config.plugin!r}"
            self._observer(StorageFailed(key, root, problem))
            raise StorageUnreachable
        return opener(config, root)

    def _store(self, config: StorageConfig, root: str) -> ObjectStore:
        match config.driver:
            case "local":
                return LocalStore(self._data / root, mkdir=True)
            case "s3":
                return S3Store(
                    config.bucket,
                    prefix=_prefix(root),
                    virtual_hosted_style_request=not config.endpoint,
                    **_given(
                        endpoint=config.endpoint,
                        region=config.region or ("us-east-1" if config.endpoint else ""),
                        access_key_id=config.access_key,
                        secret_access_key=config.secret_key,
                    ),
                    **_waiting(config),
                )
            case "gcs":
                return GCSStore(
                    config.bucket,
                    prefix=_prefix(root),
                    **_given(base_url=config.endpoint, service_account=config.service_account),
                    **_waiting(config),
                )
            case "azure":
                return AzureStore(
                    config.bucket,
                    prefix=_prefix(root),
                    **_given(
                        endpoint=config.endpoint,
                        account_name=config.access_key,
                        account_key=config.secret_key,
                    ),
                    **_waiting(config),
                )
            case "plugin":
                raise ValueError("a plugin's storage is opened by the plugin")
            case _:
                assert_never(config.driver)


def _prefix(root: str) -> str:
    return str(PurePosixPath(root.strip("/")))


def _given(**settings: str) -> dict[str, Any]:
    """What is set; the rest comes from where such a store usually finds it."""
    return {name: value for name, value in settings.items() if value}


def _waiting(config: StorageConfig) -> dict[str, Any]:
    """How long is waited, and how often tried."""
    seconds = timedelta(seconds=config.timeout_seconds)
    client: ClientConfig = {
        "allow_http": config.endpoint.startswith("http://"),
        "timeout": timedelta(seconds=_WHOLE_SECONDS),
        "read_timeout": seconds,
        "connect_timeout": min(seconds, timedelta(seconds=5)),
    }
    return {
        "client_options": client,
        "retry_config": {
            "max_retries": _RETRIES,
            "retry_timeout": seconds,
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        },
    }
