"""Where the contents of files are kept."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

StorageDriver = Literal["local", "s3", "gcs", "azure", "plugin"]


class StorageConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the contents of files are kept, and where clients find them."""

    driver: StorageDriver = "local"
    plugin: str = ""
    """Of `plugin`: the storage that a plugin offers by this name."""
    root: str = ""
    """Folder of what is uploaded; a relative one of `local` is in the data folder."""
    thumb_root: str = ""
    """Folder of what is made of it."""
    root_url: str = ""
    """Where clients find `root`: an address, as of a CDN, or a path of this server."""
    bucket: str = ""
    """Of `azure`: the container."""
    endpoint: str = ""
    """Of what speaks like S3, Google Cloud Storage or Azure."""
    region: str = ""
    access_key: str = ""
    """Of `s3`: the id of the key; of `azure`: the account."""
    secret_key: str = ""
    service_account: str = ""
    """Of `gcs`: the path of a JSON file with a key."""
    public: bool = True
    """Whoever knows the name of an original gets it; else those who may read the file."""
    timeout_seconds: float = 30.0
    max_upload_size: int = 100 * 1024 * 1024
    """Bytes of one file."""

    def __post_init__(self) -> None:
        if (self.driver == "plugin") != bool(self.plugin):
            raise ValueError("the driver `plugin` needs the name of a `plugin`, others take none")
        if self.driver not in ("local", "plugin") and not self.bucket:
            raise ValueError(f"the driver `{self.driver}` needs a `bucket`")
        if self.timeout_seconds <= 0 or self.max_upload_size < 1:
            raise ValueError("`timeout_seconds` and `max_upload_size` must be more than 0")

    @property
    def name(self) -> str:
        """What files are said to be kept in."""
        return self.plugin or self.driver

    def __repr__(self) -> str:
        return f"StorageConfig({self.driver!r})"
