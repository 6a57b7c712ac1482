"""A project that serves administrators alone for a while."""

from __future__ import annotations

from msgspec import Struct


class MaintenanceConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What others are told meanwhile."""

    enabled: bool = False
    message: str = ""
    retry_after: int = 120
    """Seconds."""

    def __post_init__(self) -> None:
        if self.retry_after < 1:
            raise ValueError("`retry_after` must be 1 or more")
