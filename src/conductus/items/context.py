"""What a request brings along into the items room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from conductus.items.computing import NOTHING_COMPUTED, Computing
from conductus.permissions.actor import Actor
from conductus.permissions.policy import NOTHING, Policy
from conductus.schema.model import Schema


class Context(Struct, frozen=True, kw_only=True):
    """One request's view of the world: taken once at its start, never changed."""

    schema: Schema
    actor: Actor
    policy: Policy = NOTHING
    """What the actor may."""
    now: datetime
    """UTC, with zone."""
    nulls_last: bool = True
    """Setting `sort_null_last`."""
    split_words: bool = False
    """Setting `q_words`: a search is for each of its words."""
    password_policy: str | None = None
    """Setting `password_policy`."""
    content: Mapping[str, Any] | None = None
    """What the server knows of a file's content, by column; None where there is no content.

    Only with it are files made and removed, and what follows from content written.
    """
    chunks: Callable[[], AsyncIterator[bytes]] | None = None
    """Reads the content that comes along, from its beginning."""
    computing: Computing = NOTHING_COMPUTED
    """Fields without a way to compute them are left out."""
    answering: bool = False
    """What is read is on its way to a client: hooks of `item.read` meet it then."""

    def for_own_use(self) -> Context:
        """The same, of what is read to decide by and not to answer with."""
        return structs.replace(self, answering=False)
