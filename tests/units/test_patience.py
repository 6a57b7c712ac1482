"""How long is waited for clients."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from conductus.http.patience import Patience

pytestmark = pytest.mark.anyio
SHORT, LONG = 0.02, 30.0


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


def after(turns: int) -> Callable[[], Awaitable[str]]:
    """Something that comes after some turns of the loop."""

    async def receive() -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return "received"

    return receive


@pytest.mark.parametrize("turns", [0, 1, 50])
async def test_what_comes_in_time_is_received(turns: int) -> None:
    assert await Patience(LONG).within(LONG, after(turns)) == "received"


async def test_what_does_not_come_is_given_up_and_the_task_goes_on() -> None:
    patience = Patience(SHORT)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await patience.within(SHORT, never)
        assert await patience.within(LONG, after(3)) == "received"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_only_those_are_given_up_whose_time_is_over() -> None:
    patience = Patience(SHORT)
    comes = asyncio.Event()

    async def receive() -> str:
        await comes.wait()
        return "received"

    patient = asyncio.create_task(patience.within(LONG, receive))
    with pytest.raises(TimeoutError):
        await patience.within(SHORT, never)
    comes.set()
    assert await patient == "received"


async def test_an_error_of_what_is_waited_for_is_its_own() -> None:
    async def fail() -> str:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await Patience(LONG).within(LONG, fail)


async def test_who_is_cancelled_by_others_stays_cancelled() -> None:
    waiting = asyncio.create_task(Patience(LONG).within(LONG, never))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_is_late_and_cancelled_by_others_stays_cancelled() -> None:
    async def receive() -> str:
        try:
            return await never()
        except asyncio.CancelledError:
            # In the same moment.
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            raise

    waiting = asyncio.create_task(Patience(SHORT).within(SHORT, receive))
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_nobody_is_looked_at_when_nobody_waits() -> None:
    patience = Patience(SHORT)
    loop = asyncio.get_running_loop()
    looks = 0

    def count(delay: float, callback: Callable[..., object], *given: object) -> object:
        nonlocal looks
        looks += 1
        return type(loop).call_later(loop, delay, callback, *given)

    loop.call_later = count  # type: ignore[assignment, method-assign]
    try:
        for _ in range(100):
            await patience.within(LONG, after(1))
    finally:
        del loop.call_later
    # One timer for all of them; it begins no other when nobody waits.
    assert looks <= 2
