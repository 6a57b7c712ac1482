"""The subscriptions of one project in one worker, and the reading of its journal to them.

Lines are read once for all, and items once for those who ask the same and may see the same.
Whoever comes with a place is told from there by a look of its own, and joins the others once
it has caught up.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from conductus.config import RealtimeConfig, Watch
from conductus.database.insisting import insist
from conductus.errors import ApiError, Forbidden, TooManyRequests
from conductus.items.computing import Computing
from conductus.projects.coherence import Change
from conductus.projects.journal import Line
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.realtime.asking import Asked, hangs_on_the_user
from conductus.realtime.seats import AGAIN_SECONDS, Seats
from conductus.realtime.signals import Beat, Ended, Opened, Signal, Told
from conductus.realtime.subscription import Generation, Standing, Subscription, Verify
from conductus.realtime.telling import View, changes_of, view_of
from conductus.telemetry import Observer, TaskFailed

_PURGE_SECONDS: Final = 60.0
_LONGEST_PAUSE: Final = 60.0
_MOST_SETTLING: Final = 5.0
ComputingOf = Callable[[Project, Snapshot], Computing]


class Hub:
    """Tells of one project's changes."""

    def __init__(
        self, project: Project, watch: Watch, observer: Observer, computing: ComputingOf
    ) -> None:
        self._project = project
        self._config: RealtimeConfig = project.config.realtime
        self._tick_seconds = watch.tick_seconds
        self._observer = observer
        self._computing = computing
        room = self._config.connections, self._config.per_client
        self._streams = Seats(*room)
        """Those that are still catching up included."""
        self.sockets = Seats(*room)
        """WebSockets, whatever is asked for on them."""
        self.closed = asyncio.Event()
        """Nobody is told anything any more."""
        self._live: set[Subscription] = set()
        self._place: int | None = None
        """Up to which the live ones were told; None where there is none."""
        self._watched: dict[str, float] = {}
        """Until when, by `monotonic`, it need not be said again that a collection is watched."""
        self._beat_at = self._purge_at = 0.0
        self._to_purge = True

    # -- one client -----------------------------------------------------------------

    def check_open(self) -> None:
        """Raises `Forbidden` where it is switched off, `TooManyRequests` where it ends."""
        if not self._config.enabled:
            raise Forbidden("Changes are not told as they happen in this project")
        if self.closed.is_set():
            raise TooManyRequests(AGAIN_SECONDS)

    def check_room(self, client: str) -> None:
        """Raises as `check_open`, and `TooManyRequests` where there is no room for a stream."""
        self.check_open()
        self._streams.check(client)

    @property
    def generation(self) -> Generation:
        """Differs as soon as somebody may be let in or kept out who was not before."""
        return self._project.generation(Change.ACCESS), self._project.under_maintenance

    async def check(self, asked: Asked, standing: Standing) -> None:
        """Raises what stands in the way of a subscription."""
        await self._view(asked, standing)

    def subscription(
        self, asked: Asked, standing: Standing, generation: Generation, verify: Verify
    ) -> Subscription:
        """A subscription that hears nothing yet."""
        return Subscription(asked, standing, generation, verify, self._config.queue)

    async def signals(
        self, subscription: Subscription, client: str, since: int | None
    ) -> AsyncGenerator[Signal, None]:
        """What is to be told, until it ends. `since` is the place that the client names.

        Raises `TooManyRequests`.
        """
        with self._streams.taken(client):
            try:
                async with aclosing(self._signals(subscription, since)) as signals:
                    async for signal in signals:
                        yield signal
            except ApiError as error:
                yield Ended(error)
            finally:
                self._live.discard(subscription)

    async def _signals(
        self, subscription: Subscription, since: int | None
    ) -> AsyncGenerator[Signal, None]:
        await self._watch(subscription.asked.collection)
        await self._project.journal.number()
        bounds = await self._project.journal.bounds()
        known = since is not None and bounds.keep(since)
        subscription.place = since if since is not None and known else bounds.newest
        yield Opened(subscription.place, missed=since is not None and not known)
        async for told in self._catching_up(subscription):
            yield told
        while True:
            signal = await subscription.next()
            yield signal
            if isinstance(signal, Ended):
                return

    async def _catching_up(self, subscription: Subscription) -> AsyncGenerator[Told, None]:
        """What was missed; in the end the subscription is a live one."""
        while not subscription.ended:
            target = self._place
            if target is not None and subscription.place >= target:
                break
            lines = await self._project.journal.after(subscription.place)
            if not lines and self._place is None:
                self._place = subscription.place
                break
            if not lines:
                subscription.place = max(subscription.place, target or 0)
                continue
            for told in await self._told(subscription, lines):
                yield told
            subscription.place = lines[-1].place
        if self.closed.is_set():
            subscription.end(None)
        # Nothing was awaited since the places were compared.
        self._live.add(subscription)
        self._project.journal.bell.set()

    async def _told(self, subscription: Subscription, lines: Sequence[Line]) -> list[Told]:
        generation = self.generation
        if not subscription.is_believed(generation) and not await subscription.verify(generation):
            return []
        mine = [line for line in lines if line.collection == subscription.asked.collection]
        if not mine:
            return []
        view = await self._view(subscription.asked, Standing(subscription.actor, 0))
        return await changes_of(self._project, view, mine)

    async def _view(self, asked: Asked, standing: Standing) -> View:
        snapshot = await self._project.current()
        computing = self._computing(self._project, snapshot)
        return await view_of(self._project, asked, standing.actor, snapshot, computing)

    async def _watch(self, collection: str) -> None:
        """Has the journal written of a collection, and waits until every server knows."""
        if self._watched.get(collection, 0.0) > monotonic():
            return
        project, seconds = self._project, self._config.retention_seconds
        known = collection in (await project.current()).watched
        now = datetime.now(UTC)
        # Longer than the last subscription, so that whoever is away misses nothing.
        until = now + timedelta(seconds=2 * seconds)

        async def attempt() -> int | None:
            async with project.database.transaction() as transaction:
                if await project.journal.watch(transaction, collection, now, until) and known:
                    return None
                return await project.count(transaction, Change.SCHEMA)

        count = await insist(attempt)
        if count is not None:
            project.announce(Change.SCHEMA, count)
            # Writes that are under way, here and on servers that are still to be told.
            await asyncio.sleep(min(self._tick_seconds, _MOST_SETTLING))
        self._watched[collection] = monotonic() + seconds / 2

    # -- all of them ----------------------------------------------------------------

    def end(self) -> None:
        """Ends every subscription, and lets no other one begin."""
        self.closed.set()
        for subscription in self._live:
            subscription.end(None)

    async def run(self) -> None:
        """Tells whatever there is to be told, until it is cancelled."""
        bell = self._project.journal.bell
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await bell.wait()
                bell.clear()
                await self._round()
        finally:
            self.end()

    def _pause(self) -> float:
        if not self._live:
            return _LONGEST_PAUSE
        return min(self._tick_seconds, self._config.heartbeat_seconds)

    async def _round(self) -> None:
        try:
            await self._verify_all()
            await self._read_on()
            await self._look_after()
        except ApiError as error:
            # They were not told all: they come again, and are told from where they were.
            self._cut(error)
        except Exception as error:
            self._observer(TaskFailed(f"tell of changes in {self._project.key}", error))
            self._cut(None)

    def _cut(self, reason: ApiError | None) -> None:
        for subscription in self._live:
            subscription.end(reason)
        self._live.clear()
        self._place = None

    async def _read_on(self) -> None:
        """Tells the live ones of every line that they have not been told of."""
        journal = self._project.journal
        self._to_purge |= await journal.number()
        while self._live:
            if self._place is None:
                return
            lines = await journal.after(self._place)
            if not lines:
                return
            members = [each for each in self._live if not each.ended]
            # Whoever joins from here on has been told of these lines by itself.
            self._place = lines[-1].place
            await self._tell(lines, members)
        self._place = None

    async def _tell(self, lines: Sequence[Line], members: Sequence[Subscription]) -> None:
        by_collection: defaultdict[str, list[Line]] = defaultdict(list)
        for line in lines:
            by_collection[line.collection].append(line)
        alike: defaultdict[tuple[Asked, int | None], list[Subscription]] = defaultdict(list)
        for member in members:
            if member.asked.collection in by_collection:
                alike[member.asked, member.actor.role].append(member)
        for (asked, _), some in alike.items():
            for group in await self._groups(some):
                await self._tell_group(group, by_collection[asked.collection])

    async def _groups(self, members: Sequence[Subscription]) -> list[list[Subscription]]:
        """Of those who ask the same in the same role: who may see the same."""
        asked, actor = members[0].asked, members[0].actor
        try:
            snapshot = await self._project.current()
            policy = await self._project.policies.of(actor)
            query = await asked.query(self._project, snapshot, policy)
            if not hangs_on_the_user(query, policy, snapshot.schema, self._project.hooks):
                return [list(members)]
        except ApiError:
            # What was asked for is no longer there, and each is told so.
            pass
        by_user: defaultdict[int, list[Subscription]] = defaultdict(list)
        for member in members:
            by_user[member.actor.user].append(member)
        return list(by_user.values())

    async def _tell_group(self, group: Sequence[Subscription], lines: Sequence[Line]) -> None:
        try:
            view = await self._view(group[0].asked, Standing(group[0].actor, 0))
            changes = await changes_of(self._project, view, lines)
        except ApiError as error:
            # The others go on: a hook may have said so, of what these ask for.
            for member in group:
                member.end(error)
            return
        for member in group:
            # Asked after the reading: nobody is told who was shut out meanwhile.
            if await self._is_let_in(member):
                for told in changes:
                    if not member.push(told):
                        break

    async def _is_let_in(self, member: Subscription) -> bool:
        generation = self.generation
        return member.is_believed(generation) or await member.verify(generation)

    async def _verify_all(self) -> None:
        """Ends the streams of those who are shut out."""
        generation = self.generation
        for member in [each for each in self._live if not each.is_believed(generation)]:
            if await member.verify(generation):
                await self._still_sees(member)

    async def _still_sees(self, member: Subscription) -> None:
        try:
            await self._view(member.asked, Standing(member.actor, 0))
        except ApiError as error:
            member.end(error)

    async def _look_after(self) -> None:
        now = monotonic()
        if self._live and self._place is not None and now >= self._beat_at:
            self._beat_at = now + self._config.heartbeat_seconds
            beat = Beat(self._place)
            for member in self._live:
                member.push(beat)
            for collection in {member.asked.collection for member in self._live}:
                await self._watch(collection)
        if self._to_purge and now >= self._purge_at:
            self._purge_at, self._to_purge = now + _PURGE_SECONDS, False
            age = timedelta(seconds=self._config.retention_seconds)
            most = self._config.retention_events
            await self._project.journal.purge(datetime.now(UTC), age, most)
