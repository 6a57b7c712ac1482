"""Pictures made of pictures: what drawing them may take, and which of them clients get."""

from __future__ import annotations

from msgspec import Struct

LEAST_MEMORY_MIB = 256


class ImagesConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What drawing may take on this server."""

    processes: int = 1
    """Of one worker, at most; they are started when they are needed."""
    memory_mib: int = 1024
    """Of each process."""
    seconds: float = 20.0
    """For one picture."""
    pixels: int = 64_000_000
    """Most pixels of a source, all frames of an animation together."""
    source_bytes: int = 64 * 1024 * 1024
    """Largest file that is read for it."""

    def __post_init__(self) -> None:
        if min(self.processes, self.pixels, self.source_bytes) < 1 or self.seconds <= 0:
            raise ValueError("every number must be more than 0")
        if self.memory_mib < LEAST_MEMORY_MIB:
            raise ValueError(f"`memory_mib` must be {LEAST_MEMORY_MIB} or more")


class AssetsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which pictures a project's clients get."""

    side: int = 4096
    """Most pixels of width and of height."""
    variants: int = 100
    """Most variants of one file that stand in no list."""
    cache_seconds: int = 86_400
    """How long clients may keep what they got; the setting `thumbnail_cache_ttl` wins."""

    def __post_init__(self) -> None:
        if self.side < 1 or self.variants < 0 or self.cache_seconds < 0:
            raise ValueError("no number may be negative, and `side` must be 1 or more")
