"""What is said to those who subscribed."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from conductus.errors import ApiError
from conductus.items.changes import Item

Event = Literal["create", "update", "delete", "leave"]
"""`leave`: the item was changed and is no longer among what the subscription shows."""


class Opened(Struct, frozen=True):
    """From here on nothing is missed."""

    place: int
    missed: bool
    """Whether something may have been missed since the place that the client named."""


class Told(Struct):
    """One change of one item, as everybody of a group sees it."""

    place: int
    event: Event
    collection: str
    key: int | str
    """As items have it; the text of a composite one."""
    item: Item | None
    """None where it is no longer to be seen."""
    sent: bytes | None = None
    """As the first who was told it was sent it; the others are sent the same."""


class Beat(Struct, frozen=True):
    """Still there; there was nothing to be told up to the place."""

    place: int


class Ended(Struct, frozen=True):
    """The last one. Whoever comes again with the last place misses nothing."""

    reason: ApiError | None = None
    """None where the server only stops."""


Signal = Opened | Told | Beat | Ended
