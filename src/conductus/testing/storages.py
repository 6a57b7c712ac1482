"""What every storage of files does, as rules: those of Conductus pass them, a plugin's must.

```python
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_the_cellar(rule, tmp_path):
    await rule(Tried(Cellar(tmp_path / "one.db"), Cellar(tmp_path / "other.db")))
```

Each rule wants storages that are empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from conductus.errors import ContentMissing
from conductus.files.storage import Content, Storage
from conductus.testing.rules import expect, refused

__all__ = ["RULES", "Rule", "Tried"]
KEYS: Final = (
    "9d7c.png",
    "w64,h64,fcrop,q80/9d7c.png",
    "with blanks and (brackets).png",
    "größe-日本.png",
    "per%20cent.png",
    "a+b&c=d;e'f.png",
    "x" * 200,
)
NO_KEYS: Final = (
    *("../up", "a/../../up", "/abs", "a//b", "a/", "nul\0.png", ".", "..", "", "unfinished#1"),
)
PART: Final = 5 * 1024 * 1024
_NOTHING_LATER_THAN: Final = timedelta(minutes=5)


class Tried(Struct, frozen=True):
    """What is tried: two empty storages, as a plugin opens them for one project."""

    storage: Storage
    other: Storage
    left_behind: Callable[[], Awaitable[Sequence[str]]] | None = None
    """All that is there behind the storage's back; None where nobody can look."""

    async def left(self) -> list[str]:
        """What there is, whole or not."""
        there = [stored.key async for stored in self.storage.listed()]
        there += [stored.key async for stored in self.storage.unfinished()]
        return [*there, *(await self.left_behind() if self.left_behind else ())]


Rule = Callable[[Tried], Awaitable[None]]


# -- what is there ----------------------------------------------------------------------


async def what_was_put_is_there_by_its_key(tried: Tried) -> None:
    """A key is any text of segments; what is known of an object is the same however it is asked."""
    storage = tried.storage
    for key in KEYS:
        await _put(storage, key, b"one ", b"two")
        found = await storage.get(key)
        expect(await _whole(found) == b"one two", key)
        expect((found.stored.key, found.stored.size) == (key, 7), found.stored)
        expect(await storage.head(key) == found.stored, found.stored)
        expect(datetime.now(UTC) - found.stored.modified < _NOTHING_LATER_THAN, found.stored)
        expect(found.stored.etag.startswith('"') and found.stored.etag.endswith('"'), found.stored)


async def an_empty_object_is_one(tried: Tried) -> None:
    """Nothing is content as well."""
    await _put(tried.storage, "empty")
    found = await tried.storage.get("empty")
    expect((found.stored.size, await _whole(found)) == (0, b""), found.stored)


async def a_large_object_comes_in_chunks(tried: Tried) -> None:
    """So that no memory must hold it."""
    parts = [bytes([number]) * (PART // 2) for number in range(5)]
    await _put(tried.storage, "large", *parts)
    found = await tried.storage.get("large")
    chunks = [chunk async for chunk in found.chunks]
    expect(b"".join(chunks) == b"".join(parts), "other content")
    expect(max(map(len, chunks)) <= PART, max(map(len, chunks)))


async def a_span_is_read_alone(tried: Tried) -> None:
    """From its first byte to the one before its end."""
    await _put(tried.storage, "digits", b"0123456789")
    for first, end in ((0, 1), (3, 7), (8, 10), (0, 10)):
        found = await tried.storage.get("digits", (first, end))
        expect(await _whole(found) == b"0123456789"[first:end], (first, end))
        expect(found.stored.size == 10, found.stored)


async def a_reader_may_stop(tried: Tried) -> None:
    """Whoever closes the chunks early holds nothing any more."""
    await _put(tried.storage, "large", bytes(PART), bytes(PART))
    found = await tried.storage.get("large")
    await anext(found.chunks)
    await found.chunks.aclose()
    await tried.storage.delete("large")
    expect(await tried.left() == [], await tried.left())


async def what_is_put_again_is_replaced_and_has_another_tag(tried: Tried) -> None:
    """Clients ask by the tag whether they have the content already."""
    await _put(tried.storage, "same", b"before")
    before = await tried.storage.head("same")
    await _put(tried.storage, "same", b"after this")
    expect(await _content(tried.storage, "same") == b"after this", "what was there before")
    expect((await tried.storage.head("same")).etag != before.etag, before)


async def a_renamed_object_is_there_under_the_other_key_alone(tried: Tried) -> None:
    """In the place of what was there."""
    await _put(tried.storage, "old", b"x")
    await _put(tried.storage, "new", b"before")
    await tried.storage.rename("old", "new")
    expect(await _content(tried.storage, "new") == b"x", "what was there before")
    with refused(ContentMissing, "old"):
        await tried.storage.head("old")


async def a_copied_object_is_there_under_both_keys(tried: Tried) -> None:
    """And each of the two changes alone."""
    await _put(tried.storage, "one", b"x")
    await _put(tried.storage, "other", b"before")
    await tried.storage.copy("one", "other")
    for key in ("one", "other"):
        expect(await _content(tried.storage, key) == b"x", key)
    await _put(tried.storage, "one", b"changed")
    expect(await _content(tried.storage, "other") == b"x", "changed as well")
    await tried.storage.delete("one")
    expect(await _content(tried.storage, "other") == b"x", "deleted as well")


async def a_key_is_reserved_by_one(tried: Tried) -> None:
    """Of several who ask at once; what is there is nobody's to reserve."""
    got = await asyncio.gather(*(tried.storage.reserve("name") for _ in range(5)))
    expect(sorted(got) == [False] * 4 + [True], got)
    await _put(tried.storage, "name", b"content")
    expect(not await tried.storage.reserve("name"), "reserved again")
    expect(await _content(tried.storage, "name") == b"content", "emptied")


async def what_is_deleted_is_gone_and_may_be_deleted_again(tried: Tried) -> None:
    """Nothing happens where nothing is."""
    await _put(tried.storage, "going", b"x")
    await tried.storage.delete("going")
    await tried.storage.delete("going")
    expect(await tried.left() == [], await tried.left())


async def a_list_has_what_is_below_and_nothing_else(tried: Tried) -> None:
    """A prefix is whole segments; the two storages of a project know nothing of each other."""
    for key in ("a/1", "a/2", "ab/3", "4"):
        await _put(tried.storage, key, b"x")
    await _put(tried.other, "a/5", b"x")
    for prefix, keys in (("", {"a/1", "a/2", "ab/3", "4"}), ("a", {"a/1", "a/2"}), ("none", set())):
        found = {stored.key async for stored in tried.storage.listed(prefix)}
        expect(found == keys, (prefix, found))


# -- what is not ------------------------------------------------------------------------


async def there_is_nothing_under_a_key_that_was_not_put(tried: Tried) -> None:
    """`ContentMissing`, whatever is asked and however odd the key."""
    for key in ("nothing", *NO_KEYS):
        for asked in (tried.storage.head, tried.storage.get):
            with refused(ContentMissing, key):
                await asked(key)
        with refused(ContentMissing, key):
            await tried.storage.rename(key, "new")


async def nothing_is_put_outside_or_under_no_name(tried: Tried) -> None:
    """`conductus.files.storage.check_key` refuses what is no key."""
    for key in NO_KEYS:
        with refused(ContentMissing, key):
            await _put(tried.storage, key, b"x")
    expect(await tried.left() == [], await tried.left())


# -- what is cut off --------------------------------------------------------------------


async def chunks_that_end_in_an_error_leave_nothing(tried: Tried) -> None:
    """The error is the sender's, and is raised as it is."""
    with refused(LookupError, "cut"):
        await tried.storage.put("cut", _cut(), "text/plain")
    expect(await tried.left() == [], await tried.left())


async def chunks_that_end_in_an_error_leave_what_was_there(tried: Tried) -> None:
    """What is put takes its place at the very end."""
    await _put(tried.storage, "kept", b"before")
    with refused(LookupError, "kept"):
        await tried.storage.put("kept", _cut(), "text/plain")
    expect(await _content(tried.storage, "kept") == b"before", "half of something else")


async def a_sending_that_is_cancelled_leaves_nothing(tried: Tried) -> None:
    """As requests are whose clients go away."""
    half = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(PART)
        half.set()
        for _ in range(200):
            await asyncio.sleep(0.01)
            yield bytes(1000)

    task = asyncio.ensure_future(tried.storage.put("slow", slow(), "text/plain"))
    await half.wait()
    task.cancel()
    with refused(asyncio.CancelledError, "slow"):
        await task
    expect(await tried.left() == [], await tried.left())


async def what_was_never_finished_is_no_object(tried: Tried) -> None:
    """Where it shows at all, it can be discarded, and no other object suffers."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"one"
        begun.set()
        await over.wait()
        yield b"two"

    await _put(tried.storage, "whole", b"x")
    task = asyncio.ensure_future(tried.storage.put("slow", slow(), "text/plain"))
    await begun.wait()
    for left in [stored async for stored in tried.storage.unfinished()]:
        with refused(ContentMissing, left):
            await tried.storage.head(left.key)
        await tried.storage.discard(left)
    found = [stored async for stored in tried.storage.unfinished()]
    expect(found == [], found)
    task.cancel()
    over.set()
    with refused(asyncio.CancelledError, "slow"):
        await task
    keys = {stored.key async for stored in tried.storage.listed()}
    expect(keys == {"whole"}, keys)


RULES: Final[tuple[Rule, ...]] = (
    what_was_put_is_there_by_its_key,
    an_empty_object_is_one,
    a_large_object_comes_in_chunks,
    a_span_is_read_alone,
    a_reader_may_stop,
    what_is_put_again_is_replaced_and_has_another_tag,
    a_renamed_object_is_there_under_the_other_key_alone,
    a_copied_object_is_there_under_both_keys,
    a_key_is_reserved_by_one,
    what_is_deleted_is_gone_and_may_be_deleted_again,
    a_list_has_what_is_below_and_nothing_else,
    there_is_nothing_under_a_key_that_was_not_put,
    nothing_is_put_outside_or_under_no_name,
    chunks_that_end_in_an_error_leave_nothing,
    chunks_that_end_in_an_error_leave_what_was_there,
    a_sending_that_is_cancelled_leaves_nothing,
    what_was_never_finished_is_no_object,
)


async def _chunks(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def _cut() -> AsyncIterator[bytes]:
    yield bytes(PART)
    yield bytes(PART)
    raise LookupError("the client is gone")


async def _put(storage: Storage, key: str, *parts: bytes) -> None:
    await storage.put(key, _chunks(parts), "text/plain")


async def _content(storage: Storage, key: str) -> bytes:
    return await _whole(await storage.get(key))


async def _whole(content: Content) -> bytes:
    return b"".join([chunk async for chunk in content.chunks])
