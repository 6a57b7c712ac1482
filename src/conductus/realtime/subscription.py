"""One client that waits for changes of one collection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from msgspec import Struct

from conductus.errors import ApiError
from conductus.permissions.actor import Actor
from conductus.realtime.asking import Asked
from conductus.realtime.signals import Beat, Ended, Signal, Told


class Standing(Struct, frozen=True):
    """Who somebody was found to be, and for how long that may be believed."""

    actor: Actor
    seconds: float


Generation = tuple[int, bool]
"""That of access, and whether there is maintenance: see `Hub.generation`."""
Verify = Callable[[], Awaitable[Standing]]
"""Looks again who asks; raises what now stands in the way."""


class Subscription:
    """What waits to be sent to one client, and who that is."""

    __slots__ = (
        "_most",
        "_queue",
        "_some",
        "_verify",
        "actor",
        "asked",
        "believed_until",
        "ended",
        "generation",
        "place",
    )

    def __init__(
        self, asked: Asked, standing: Standing, generation: Generation, verify: Verify, most: int
    ) -> None:
        """`generation` was that of access before `standing` was looked up."""
        self.asked = asked
        self.actor = standing.actor
        self.generation = generation
        self.believed_until = monotonic() + standing.seconds
        self.place = 0
        """What was up to there has been told."""
        self.ended = False
        self._verify = verify
        self._most = most
        self._queue: deque[Signal] = deque()
        self._some: asyncio.Future[None] | None = None

    def push(self, signal: Told | Beat) -> bool:
        """Leaves something to be sent; False when too much waits already: then it is cut off."""
        if self.ended or signal.place < self.place:
            return True
        if isinstance(signal, Told) and signal.place == self.place:
            return True
        if len(self._queue) >= self._most:
            # What waits is told when the client comes again.
            self._queue.clear()
            self.end(None)
            return False
        self.place = signal.place
        self._put(signal)
        return True

    def end(self, reason: ApiError | None) -> None:
        """Nothing follows what waits."""
        if not self.ended:
            self.ended = True
            self._put(Ended(reason))

    async def next(self) -> Signal:
        """What is to be sent next, waited for."""
        while not self._queue:
            self._some = asyncio.get_running_loop().create_future()
            await self._some
        return self._queue.popleft()

    def is_believed(self, generation: Generation) -> bool:
        """Whether nothing has happened that asks for another look at who this is."""
        return self.generation == generation and monotonic() < self.believed_until

    async def verify(self, generation: Generation) -> bool:
        """Looks again; ends when it is somebody else now, or nobody. Answers whether it goes on."""
        if self.ended:
            return False
        try:
            found = await self._verify()
        except ApiError as error:
            self._shut(error)
            return False
        if (found.actor.user, found.actor.role) != (self.actor.user, self.actor.role):
            self._shut(None)
            return False
        self.actor, self.generation = found.actor, generation
        self.believed_until = monotonic() + found.seconds
        return True

    def _shut(self, reason: ApiError | None) -> None:
        # What waits was read for somebody who has no claim to it any more.
        self._queue.clear()
        self.end(reason)

    def _put(self, signal: Signal) -> None:
        self._queue.append(signal)
        if self._some is not None and not self._some.done():
            self._some.set_result(None)
