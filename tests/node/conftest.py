"""What the tests that run node lean on."""

from __future__ import annotations

import pytest

from tests.node.packages import fetch


@pytest.fixture(scope="session")
def packages() -> None:
    """The packages are there."""
    fetch()
