"""The rules of every storage, held against the one that `cellar` offers.

`pytest examples/tests`. A package of one's own imports its plugin by its name.
"""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest

from conductus.config import StorageConfig
from conductus.extensions import Registry
from conductus.testing.storages import RULES, Rule, Tried

register = run_path(str(Path(__file__).parents[1] / "plugins" / "cellar.py"))["register"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_the_cellar(rule: Rule, tmp_path: Path) -> None:
    """Each rule wants storages of its own."""
    registry = Registry("cellar", {"folder": str(tmp_path)})
    register(registry)
    opened = registry.registered().storages["cellar"]
    config = StorageConfig(driver="plugin", plugin="cellar")
    await rule(Tried(opened(config, "originals"), opened(config, "generated")))
