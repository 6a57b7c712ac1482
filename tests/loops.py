"""The event loops that Conductus runs on: servers on uvloop where it is, the rest on asyncio."""

from __future__ import annotations

import pytest

LOOPS = (
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
)
