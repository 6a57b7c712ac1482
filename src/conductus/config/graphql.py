"""What one GraphQL request may ask for."""

from __future__ import annotations

from msgspec import Struct


class GraphQLConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds on documents, and whether the schema describes itself."""

    introspection: bool = True
    """Without it nobody is told what the schema holds, and the console has no help."""
    depth: int = 12
    """Levels of fields."""
    aliases: int = 50
    """Fields under other names, and those that are asked for again."""
    cost: int = 250_000
    """Items that one request may ask for, related ones included."""
    document_bytes: int = 32 * 1024

    def __post_init__(self) -> None:
        if min(self.depth, self.aliases, self.cost, self.document_bytes) < 1:
            raise ValueError("`depth`, `aliases`, `cost` and `document_bytes` must be 1 or more")
