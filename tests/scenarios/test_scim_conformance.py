"""Two conformance suites of others, against a server in strict mode. Reference: SCIM page."""

from __future__ import annotations

from pathlib import Path

import httpx2
from scim_sanity.probe.runner import run_probe_api

from tests.scenarios.wire import KEY, install, served

STRICT = {f"CONDUCTUS_PROJECTS__{KEY.upper()}__SCIM__MODE": "strict"}
CHECKS = 81
"""Of scim2-tester, for what we declare: it leaves out what it does not find."""
PROBES = 28
"""Of scim-sanity, without those for resources that nobody has."""
REFUSED = {
    # It is made of the two names, and so declared as what is only read.
    "GET /Users/{id} after PUT": "Expected displayName=",
    # A member that does not exist: membership is the role of a user, so there is none to have.
    "PATCH /Groups/{id} add member": "Expected 200, got 400",
}
"""What scim-sanity asks for and the RFC does not."""


async def test_two_suites_have_nothing_to_say(database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path)
    with served(tmp_path, **STRICT) as (server, wire):
        base = f"{server.url}/{KEY}/scim/v2"
        assert_checked(base, wire.token)
        assert_probed(base, wire.token)


def assert_checked(base: str, token: str) -> None:
    # It takes seconds to import, which not everybody who collects tests should spend.
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server

    headers = {"authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as client:
        found = check_server(SyncSCIMClient(client))
    wrong = [
        (each.title, each.status.name, each.reason)
        for each in found
        if each.status is not Status.SUCCESS
    ]
    assert wrong == []
    assert len(found) >= CHECKS


def assert_probed(base: str, token: str) -> None:
    found = run_probe_api(base, token=token, user_domain="example.org")["results"]
    ran = [each for each in found if each["status"] != "skip"]
    wrong = {each["name"]: each["message"] for each in ran if each["status"] != "pass"}
    assert wrong.keys() == REFUSED.keys(), wrong
    for test, message in wrong.items():
        assert message.startswith(REFUSED[test])
    assert len(ran) >= PROBES
