"""A conformance suite of others, against a server in strict mode. Reference: SCIM page."""

from __future__ import annotations

from pathlib import Path

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from tests.scenarios.wire import KEY, install, served

STRICT = {f"CONDUCTUS_PROJECTS__{KEY.upper()}__SCIM__MODE": "strict"}
CHECKS = 81
"""As many as there are for what we declare: the suite leaves out what it does not find."""


async def test_scim2_tester_has_nothing_to_say(database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path)
    with served(tmp_path, **STRICT) as (server, wire):
        found = checked(f"{server.url}/{KEY}/scim/v2", wire.token)
    wrong = [
        (each.title, each.status.name, each.reason)
        for each in found
        if each.status is not Status.SUCCESS
    ]
    assert wrong == []
    assert len(found) >= CHECKS


def checked(base: str, token: str) -> list[CheckResult]:
    """What the suite says of the endpoints."""
    headers = {"authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as client:
        return check_server(SyncSCIMClient(client))
