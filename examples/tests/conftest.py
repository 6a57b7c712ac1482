"""How the tests of these plugins run: by AnyIO's plugin of pytest, in asyncio."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Conductus knows no other."""
    return "asyncio"
