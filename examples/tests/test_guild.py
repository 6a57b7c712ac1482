"""The rules of every provider of single sign-on, held against the one that `guild` offers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from conductus.testing.providers import RULES, Rule, Tried, tried

register = run_path(str(Path(__file__).parents[1] / "plugins" / "guild.py"))["register"]


def told(address: str, verified: bool) -> dict[str, Any]:
    """What the guild tells of a baker."""
    return {"baker": {"mail": address, "sworn_in": verified, "first": "Ada", "last": "Quill"}}


@pytest.fixture(scope="module")
async def guild() -> AsyncIterator[Tried]:
    """One project for all the rules, which leave nothing that another one would trip over."""
    async with tried(register, "guild", lambda url: {"url": url}, told) as one:
        yield one


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_the_guild(rule: Rule, guild: Tried) -> None:
    """Each rule signs people in."""
    await rule(guild)
