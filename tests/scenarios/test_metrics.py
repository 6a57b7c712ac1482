"""What the server counts. Source: projects and server page, §1."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from conductus.config import MetricsConfig, ServerConfig
from tests.postbox import eventually
from tests.scenarios.forked import conductus, serving
from tests.scenarios.shop import Live, live

TOKEN = "a token of its own"
SHOWN = {"authorization": f"Bearer {TOKEN}"}
Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(text: str) -> dict[Sample, float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


@pytest.fixture
async def watched(project_url: str, tmp_path: Path) -> AsyncIterator[Live]:
    config = ServerConfig(metrics=MetricsConfig(token=TOKEN))
    async with live(project_url, tmp_path / "data", config=config) as world:
        yield world


async def counted(world: Live) -> dict[Sample, float]:
    answer = await world.client.get("/server/metrics", headers=SHOWN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return samples(answer.text)


async def test_what_happens_is_counted_by_route_and_never_by_path(watched: Live) -> None:
    for path in ("/items/secrets?access_token=hidden", "/users/1", "/users/me", "/nowhere/secrets"):
        await watched.ask("GET", path)
    await watched.client.request("BREW", "/main/users/1")
    found = await counted(watched)
    requests = "conductus_requests_total"
    facts = {"project": "main", "method": "GET"}
    assert found[sample(requests, **facts, route="users/{id}", status="200")] == 2
    assert found[sample(requests, **facts, route="items/{collection}", status="404")] == 1
    assert found[sample(requests, **facts, route="none", status="404")] == 1
    assert found[sample("conductus_request_seconds_count", method="GET", route="users/{id}")] == 2
    assert found[sample("conductus_snapshot_loads_total", project="main")] >= 1
    assert found[sample("conductus_outbox_errands", project="main", state="waiting")] == 0
    labels = {value for _, pairs in found for _, value in pairs}
    assert not {value for value in labels if "secrets" in value or "hidden" in value}
    assert "BREW" not in labels


async def test_connections_are_counted_where_there_are_any(watched: Live, driver: str) -> None:
    def pools(found: dict[Sample, float]) -> set[str]:
        return {
            state
            for name, pairs in found
            if name == "conductus_pool_connections"
            for label, state in pairs
            if label == "state"
        }

    states = pools(await counted(watched))
    assert states == (set() if driver == "sqlite" else {"busy", "idle", "waiting"})


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": "Bearer "}],
)
async def test_who_does_not_show_the_token_is_told_nothing(
    headers: dict[str, str], tmp_path: Path
) -> None:
    config = ServerConfig(metrics=MetricsConfig(token=TOKEN))
    async with live(f"sqlite:///{tmp_path}/main.db", tmp_path / "data", config=config) as world:
        answer = await world.client.get("/server/metrics", headers=headers)
        assert (answer.json()["error"]["code"], answer.status_code) == (3, 401)
        assert b"conductus_" not in answer.content


async def test_without_a_token_there_is_nothing(tmp_path: Path) -> None:
    async with live(f"sqlite:///{tmp_path}/main.db", tmp_path / "data") as world:
        for headers in ({}, {"authorization": "Bearer "}):
            answer = await world.client.get("/server/metrics", headers=headers)
            assert (answer.json()["error"]["code"], answer.status_code) == (1, 404)


def test_a_weak_token_is_refused(tmp_path: Path) -> None:
    done = conductus("start", "--data", tmp_path, CONDUCTUS_METRICS__TOKEN="short")
    assert (done.code, "16 characters" in done.complaint) == (1, True)


async def test_workers_add_up_also_when_one_dies(tmp_path: Path) -> None:
    with serving("--data", tmp_path, "--workers", "2", CONDUCTUS_METRICS__TOKEN=TOKEN) as server:

        def pings() -> float:
            with httpx2.Client(base_url=server.url) as client:
                text = client.get("/server/metrics", headers=SHOWN).text
            labels = {"project": "", "method": "GET", "route": "server/ping", "status": "200"}
            return samples(text)[sample("conductus_requests_total", **labels)]

        before = pings()
        for _ in range(40):
            # A connection each, so that both workers get some.
            assert httpx2.get(f"{server.url}/server/ping").text == "pong"
        assert pings() == before + 40
        files = list((tmp_path / "run" / "metrics").glob("counter_*.db"))
        pids = {int(re.findall(r"\d+", file.stem)[0]) for file in files}
        assert len(pids) == 2
        os.kill(min(pids), signal.SIGKILL)
        await eventually(lambda: pings() >= before + 40)
        assert pings() == before + 40
