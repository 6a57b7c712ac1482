"""The real thing answers as a naive reading of the permissions page does.

Random rules, rows and requests go through HTTP on each database, and are answered by the
model (`tests/permissions/model.py`) too: never a row or a field too many, never one too
few. After each write every row of every collection is compared. How many worlds are tried
is said by CONDUCTUS_TEST_WORLDS; a night's worth is `make nightly`. A run tells how many
requests were judged, and fails when they were too few to mean much.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import JUDGED
from tests.databases import DRIVERS
from tests.permissions.model import Access, Permission, State, World
from tests.permissions.model_reading import Found, Read, Reading
from tests.permissions.model_writing import Touched, Write, Writing, made_keys, renamed
from tests.permissions.strategies import ASKERS, SHAPES, reads, rules, states
from tests.permissions.strategies_writing import WRITERS, writes
from tests.permissions.universe import Universe, universe

Recorder = Callable[[str, object], None]
WORLDS = int(os.environ.get("CONDUCTUS_TEST_WORLDS", "90"))
"""Of each kind and on each database; each is asked several times."""
LEAST_JUDGED = 4 * WORLDS
"""Requests of each kind on each database: 2160 in all, unless other worlds are asked for."""
TRIED = settings(
    max_examples=WORLDS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)


@pytest.fixture(scope="module", params=DRIVERS)
async def real(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Universe]:
    """The ring of collections on each database."""
    async with universe(request.param, tmp_path_factory.mktemp("universe")) as found:
        yield found


@pytest.mark.timeout(0)  # as many worlds as are asked for
async def test_writes_leave_behind_what_the_model_does(
    real: Universe, record_property: Recorder
) -> None:
    loop = asyncio.get_running_loop()
    judged: Counter[str] = Counter()
    asked = st.lists(st.tuples(WRITERS, writes(real.people)), min_size=5, max_size=8)

    @TRIED
    @given(rules(real.people.role), states(real.people), asked)
    def example(
        permissions: tuple[Permission, ...], state: State, asked: list[tuple[str, Write]]
    ) -> None:
        work = _write_all(real, permissions, state, asked)
        judged.update(asyncio.run_coroutine_threadsafe(work, loop).result(60))

    await asyncio.to_thread(example)
    record_property(JUDGED, judged.total())
    assert judged.total() >= LEAST_JUDGED, judged


@pytest.mark.timeout(0)  # as many worlds as are asked for
async def test_reads_answer_what_the_model_does(real: Universe, record_property: Recorder) -> None:
    loop = asyncio.get_running_loop()
    judged: Counter[str] = Counter()
    asked = st.lists(st.tuples(ASKERS, reads()), min_size=5, max_size=15)

    @TRIED
    @given(rules(real.people.role), states(real.people), asked)
    def example(
        permissions: tuple[Permission, ...], state: State, asked: list[tuple[str, Read]]
    ) -> None:
        work = _read_all(real, permissions, state, asked)
        judged.update(asyncio.run_coroutine_threadsafe(work, loop).result(60))

    await asyncio.to_thread(example)
    record_property(JUDGED, judged.total())
    assert judged.total() >= LEAST_JUDGED, judged


async def _read_all(
    real: Universe,
    permissions: tuple[Permission, ...],
    state: State,
    asked: list[tuple[str, Read]],
) -> list[str]:
    await real.rule(permissions)
    await real.fill(state)
    world = World(SHAPES, permissions, real.people.roles)
    told = []
    for name, read in asked:
        expected = Reading(Access(world, real.people.asker(name)), state).answer(read)
        answer = await real.read(name, read)
        why = (name, read, answer.status_code, answer.text, expected)
        if isinstance(expected, tuple):
            assert answer.status_code >= 400, why
            assert (answer.json()["error"]["code"], answer.status_code) == expected, why
            told.append(f"refused {expected[0]}")
            continue
        assert answer.status_code == 200, why
        _check_read(read, expected, answer.json(), why)
        told.append("items" if expected.data else "nothing")
    return told


def _check_read(read: Read, expected: Found, body: dict[str, Any], why: Any) -> None:
    warned = [name for message in body.get("messages", []) for name in message["fields"]]
    assert frozenset(warned) == expected.warned, why
    if read.groups is not None:
        counts = {group[read.groups]: group["count"] for group in body["data"]}
        assert counts == expected.data, why
        return
    assert body["data"] == expected.data, why
    if read.ids is None:
        meta = body["meta"]
        assert (meta["total_count"], meta["filter_count"]) == (expected.total, expected.matching), (
            why
        )
        assert meta.get("status_count", {}) == expected.by_status, why


async def _write_all(
    real: Universe,
    permissions: tuple[Permission, ...],
    state: State,
    asked: list[tuple[str, Write]],
) -> list[str]:
    await real.rule(permissions)
    await real.fill(state)
    world = World(SHAPES, permissions, real.people.roles)
    told = []
    for name, write in asked:
        try:
            expected = Writing(Access(world, real.people.asker(name)), state).answer(write)
        except Touched:
            continue
        answer = await real.write(name, write)
        after = await real.state()
        why = (name, write, answer.status_code, answer.text)
        if isinstance(expected, set):
            assert answer.status_code >= 400, why
            code = answer.json()["error"]["code"]
            assert (code, answer.status_code) in expected, (*why, expected)
            assert after == state, why
            told.append(f"{write.action} {code}")
            continue
        assert answer.status_code in (200, 204), why
        made = made_keys(expected.state, after, state)
        assert after == renamed(expected.state, made), why
        shown = None if expected.shown is None else expected.shown.data
        found = answer.json().get("data") if answer.content else None
        assert found == _renamed(shown, made), (*why, shown)
        told.append(f"{write.action} {answer.status_code}")
        state = after
    return told


def _renamed(shown: Any, made: dict[int, int]) -> Any:
    if isinstance(shown, list):
        return [_renamed(each, made) for each in shown]
    if isinstance(shown, dict):
        return {name: _renamed(value, made) for name, value in shown.items()}
    return made.get(shown, shown) if isinstance(shown, int) else shown
