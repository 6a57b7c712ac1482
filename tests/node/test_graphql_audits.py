"""The audits of GraphQL over HTTP, of the package `graphql-http`, against a real server.

Reference: https://graphql.github.io/graphql-over-http. They are about HTTP alone, whatever
database lies beneath: so one start, on SQLite.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node.packages import lines
from tests.scenarios.wire import KEY, install, served

AUDITS = 61


@pytest.mark.timeout(300)
def test_every_audit_passes(packages: None, tmp_path: Path) -> None:
    install(f"sqlite:///{tmp_path / 'audited.db'}", tmp_path)
    with served(tmp_path) as (server, _):
        audits = lines("audits.cjs", f"{server.url}/{KEY}/gql")
    assert [each for each in audits if each["status"] != "ok"] == []
    assert len(audits) >= AUDITS
