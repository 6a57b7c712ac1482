"""Where spans are sent."""

from __future__ import annotations

from msgspec import Struct


class TracingConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Spans for a collector that speaks OTLP over HTTP."""

    endpoint: str = ""
    """Its address, `http://collector:4318`; empty: no span is made."""

    def __post_init__(self) -> None:
        if self.endpoint and not self.endpoint.startswith(("https://", "http://")):
            raise ValueError("`endpoint` must begin with https:// or http://")
