"""Who may read what the server counts."""

from __future__ import annotations

from msgspec import Struct

SHORTEST_TOKEN = 16


class MetricsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counts for Prometheus at `/server/metrics`."""

    token: str = ""
    """What a reader must show as `Authorization: Bearer …`; empty: nothing is counted."""

    def __post_init__(self) -> None:
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise ValueError(f"`token` needs {SHORTEST_TOKEN} characters or more")

    def __repr__(self) -> str:
        return f"MetricsConfig({'on' if self.token else 'off'})"
