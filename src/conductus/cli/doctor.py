"""`conductus doctor`: what is amiss, and what to do about it."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

from cyclopts import Parameter

from conductus.cli.application import FAILED, FINE
from conductus.cli.console import say, say_json
from conductus.cli.findings import Finding, examine
from conductus.cli.places import DataFolder
from conductus.config import data_folder

_SIGNS = {"ok": "fine", "warning": "mind", "failed": "FAIL"}


def doctor(
    *, json: Annotated[bool, Parameter(negative=())] = False, data: DataFolder = None
) -> int:
    """Look at settings, databases, storage, mail and clocks. Exits with 1 if one fails.

    Parameters
    ----------
    json
        For programs.
    """
    found = asyncio.run(examine(data_folder(data, os.environ), os.environ))
    if json:
        say_json(found)
    else:
        for finding in found:
            _show(finding)
    return FAILED if any(finding.level == "failed" for finding in found) else FINE


def _show(finding: Finding) -> None:
    where = f"{finding.project}: " if finding.project else ""
    say(f"{_SIGNS[finding.level]}  {where}{finding.check}: {finding.message}")
    if finding.advice:
        say(f"      → {finding.advice}")
