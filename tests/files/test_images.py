"""Drawing in processes of their own: what is given back, bounded, killed and refused."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from conductus.config import ImagesConfig
from conductus.errors import TooManyRequests, Unprocessable
from conductus.files.images import MOST_WAITING, ImageProcesses, Source
from conductus.files.orders import Order
from conductus.files.variants import Shape
from tests.files.pictures import RED, corners, encoded, near, opened, png_of_size, quarters
from tests.loops import LOOPS


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """On either loop."""
    return request.param


MANY = 64_000_000
PNG = encoded(quarters(), "PNG")


def order(width: int = 40, height: int = 30, pixels: int = MANY) -> Order:
    return Order(shape=Shape(width, height, "crop"), format="png", pixels=pixels)


def source(content: bytes, size: int | None = None) -> Source:
    return Source(len(content) if size is None else size, in_parts(content))


async def in_parts(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 10_000):
        await asyncio.sleep(0)
        yield content[start : start + 10_000]


async def never() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.sleep(60)


async def broken() -> AsyncIterator[bytes]:
    yield b"x"
    raise ConnectionError("the storage went away")


def children() -> set[int]:
    """The drawing processes of this test: worlds that live longer have some at rest."""
    return drawing() - OTHERS


def drawing() -> set[int]:
    """The drawing processes of this one."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            command = path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"drawing_process" in command:
            found.add(int(path.parent.name))
    return found


OTHERS: set[int] = set()


@pytest.fixture(autouse=True)
def note_others() -> None:
    OTHERS.clear()
    OTHERS.update(drawing())


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_one_process_draws_one_picture_after_the_other_and_ends_with_the_pool() -> None:
    async with ImageProcesses(ImagesConfig()) as images:
        assert children() == set()
        first = await images.draw(source(PNG), order())
        seen = children()
        assert len(seen) == 1
        assert opened(first).size == (40, 30)
        assert near(corners(opened(first))[0], RED)
        many = [images.draw(source(PNG), order(10 + n, 10)) for n in range(5)]
        drawn = await asyncio.gather(*many)
        assert [opened(each).size for each in drawn] == [(10 + n, 10) for n in range(5)]
        assert children() == seen
    assert children() == set()


async def test_as_many_processes_as_are_allowed() -> None:
    async with ImageProcesses(ImagesConfig(processes=2)) as images:
        await asyncio.gather(*(images.draw(source(PNG), order()) for _ in range(6)))
        assert len(children()) == 2


async def test_the_process_gives_way_and_knows_nothing_of_the_servers_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONDUCTUS_PROJECTS__SHOP__AUTH__SECRET_KEY", "very secret")
    async with ImageProcesses(ImagesConfig(memory_mib=300)) as images:
        await images.draw(source(PNG), order())
        (process,) = children()
        proc = Path(f"/proc/{process}")
        assert b"secret" not in proc.joinpath("environ").read_bytes().lower()
        assert os.getpriority(os.PRIO_PROCESS, process) >= 10
        limits = proc.joinpath("limits").read_text()
        assert f"{300 * 1024 * 1024}" in limits.partition("Max address space")[2][:60]
        assert proc.joinpath("oom_score_adj").read_text().strip() == "1000"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"hello", "no picture"), (PNG[:300], "damaged"), (png_of_size(65_000, 65_000), "large")],
)
async def test_a_refusal_is_told_and_the_process_lives_on(content: bytes, said: str) -> None:
    async with ImageProcesses(ImagesConfig()) as images:
        await images.draw(source(PNG), order())
        before = children()
        with pytest.raises(Unprocessable, match=said) as refused:
            await images.draw(source(content), order())
        assert (refused.value.code, refused.value.status) == (12, 422)
        assert await images.draw(source(PNG), order())
        assert children() == before


async def test_what_takes_too_much_memory_is_refused() -> None:
    bomb = encoded(Image.new("RGB", (10_000, 10_000)), "PNG")
    async with ImageProcesses(ImagesConfig(memory_mib=256)) as images:
        with pytest.raises(Unprocessable, match="too much memory"):
            await images.draw(source(bomb), order(pixels=10**9))
        assert await images.draw(source(PNG), order())


async def test_the_largest_picture_that_is_allowed_fits_into_the_memory() -> None:
    config = ImagesConfig()
    large = encoded(Image.new("RGBA", (8_000, 8_000), (1, 2, 3, 4)), "PNG")
    async with ImageProcesses(config) as images:
        assert await images.draw(source(large), order(pixels=config.pixels))


async def test_what_takes_too_long_is_killed() -> None:
    large = encoded(Image.new("RGB", (8_000, 8_000)), "PNG")
    async with ImageProcesses(ImagesConfig(seconds=0.4)) as images:
        with pytest.raises(Unprocessable, match="too long"):
            await images.draw(source(large), order())
        assert children() == set()


async def test_a_source_that_does_not_come_does_not_hold_the_process() -> None:
    async with ImageProcesses(ImagesConfig(seconds=0.5)) as images:
        with pytest.raises(Unprocessable, match="too long"):
            await images.draw(Source(100, never()), order())
        with pytest.raises(ConnectionError):
            await images.draw(Source(100, broken()), order())
        assert children() == set()


async def test_a_process_that_dies_takes_one_picture_with_it() -> None:
    large = encoded(Image.new("RGB", (8_000, 8_000)), "PNG")
    async with ImageProcesses(ImagesConfig()) as images:
        waiting = asyncio.ensure_future(images.draw(source(large), order()))
        await until(lambda: len(children()) == 1)
        (process,) = children()
        os.kill(process, signal.SIGKILL)
        with pytest.raises(Unprocessable, match="too much"):
            await waiting
        assert await images.draw(source(PNG), order())


async def test_a_process_that_died_at_rest_takes_none_with_it() -> None:
    async with ImageProcesses(ImagesConfig()) as images:
        await images.draw(source(PNG), order())
        (process,) = children()
        os.kill(process, signal.SIGKILL)
        # Its name goes before its ends of the pipes do.
        await until(lambda: not Path(f"/proc/{process}").exists())
        assert await images.draw(source(PNG), order())


async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    async with ImageProcesses(ImagesConfig()) as images:
        waiting = asyncio.ensure_future(images.draw(Source(100, never()), order()))
        await until(lambda: len(children()) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert children() == set()
        assert await images.draw(source(PNG), order())


async def test_a_file_that_is_too_large_is_not_even_read() -> None:
    async with ImageProcesses(ImagesConfig(source_bytes=1000)) as images:
        with pytest.raises(Unprocessable, match="too large") as refused:
            await images.draw(Source(1001, broken()), order())
        assert refused.value.details == {"limit": 1000}
        assert children() == set()


async def test_not_everybody_can_wait() -> None:
    async with ImageProcesses(ImagesConfig()) as images:
        waiting = [
            asyncio.ensure_future(images.draw(source(PNG), order())) for _ in range(MOST_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await images.draw(source(PNG), order())
        assert all(await asyncio.gather(*waiting))
        assert await images.draw(source(PNG), order())


@pytest.mark.parametrize(
    "wrong",
    [{"processes": 0}, {"seconds": 0}, {"pixels": 0}, {"source_bytes": 0}, {"memory_mib": 100}],
)
def test_settings_that_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ImagesConfig(**wrong)
