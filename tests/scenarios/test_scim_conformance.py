"""A conformance suite of others, against a project in strict mode. Reference: SCIM page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.scenarios.shop import HOST, KEY, Live, live

STRICT = {f"CONDUCTUS_PROJECTS__{KEY.upper()}__SCIM__MODE": "strict"}


class InLoop(httpx2.BaseTransport):
    """Lets a client that waits in a thread call the application, which lives in the loop."""

    def __init__(self, world: Live, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        call = self._world.client.request(
            request.method,
            str(request.url),
            headers={**dict(request.headers), "authorization": f"Bearer {self._world.token}"},
            content=request.read(),
        )
        answer = asyncio.run_coroutine_threadsafe(call, self._loop).result(60)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, content=answer.content, request=request
        )


async def test_scim2_tester_has_nothing_to_say(database_url: str, tmp_path: Path) -> None:
    async with live(database_url, tmp_path / "data", environment=STRICT) as world:
        transport = InLoop(world, asyncio.get_running_loop())

        def check() -> list[tuple[str | None, str, str | None]]:
            base = f"{HOST}/{KEY}/scim/v2"
            with httpx2.Client(transport=transport, base_url=base) as client:
                results = check_server(SyncSCIMClient(client))
            assert len(results) > 60
            return [
                (each.title, each.status.name, each.reason)
                for each in results
                if each.status not in (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE)
            ]

        assert await asyncio.to_thread(check) == []
