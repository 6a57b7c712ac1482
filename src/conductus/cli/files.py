"""`conductus files …`"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from conductus.cli.application import FAILED, FINE, CommandFailed
from conductus.cli.console import say, say_json
from conductus.cli.opened import ProjectKey, loaded_plugins, opened
from conductus.cli.places import DataFolder, own_folder
from conductus.files.checking import FileCheck, Finding, Mending
from conductus.files.storages import Storages
from conductus.projects.project import Project
from conductus.telemetry import Log

_SENTENCES: Final = {
    "content": "content that no row speaks of",
    "picture": "a picture of no file",
    "unfinished": "a part of what was never finished",
    "row": "a row without its content",
}


def check(
    *,
    fix: Annotated[bool, Parameter(negative=())] = False,
    remove_row: Annotated[tuple[int, ...], Parameter(negative=())] = (),
    grace_hours: Annotated[float, Parameter(validator=Number(gte=0))] = 24.0,
    json: Annotated[bool, Parameter(negative=())] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> int:
    """Hold the storage and the rows of files against each other. Exits with 1 if they differ.

    Parameters
    ----------
    fix
        Remove what no row speaks of: never a row, nor what is younger than the grace time.
    remove_row
        Remove the row of this id, if its content is not there. May be given several times.
    grace_hours
        How old something must be to count: an upload stores content before it writes the row.
    json
        For programs: a line for each finding.
    """
    now = datetime.now(UTC)
    mending = Mending(
        before=now - timedelta(hours=grace_hours), objects=fix, rows=frozenset(remove_row)
    )
    folder = own_folder(data, os.environ)

    async def work(found: Project) -> Counter[str]:
        with loaded_plugins(folder, [found.key]) as plugins:
            storages = Storages(folder, Log("console"), plugins.find_storage)
            looked = FileCheck(found, await found.current(), storages.of(found), mending, now)
            return await _told(looked, mending.rows, json=json)

    states = opened(project, data, work)
    if not json:
        say(_summary(states))
    return FAILED if states["found"] else FINE


async def _told(looked: FileCheck, rows: frozenset[int], *, json: bool) -> Counter[str]:
    """Tells each finding as it comes; how many there were of each state."""
    states: Counter[str] = Counter()
    whole = set(rows)
    async with aclosing(looked.findings()) as findings:
        async for finding in findings:
            states[finding.state] += 1
            if finding.row is not None:
                whole.discard(finding.row)
            say_json(finding) if json else say(_line(finding))
    if whole:
        named = ", ".join(map(str, sorted(whole)))
        raise CommandFailed(f"Not removed, since no row without content has this id: {named}")
    return states


def _line(finding: Finding) -> str:
    row = "" if finding.row is None else f"{finding.row}  "
    state = {"found": "", "young": "  (young: left alone)", "removed": "  (removed)"}[finding.state]
    return f"{_SENTENCES[finding.kind]}: {row}{finding.name}  {finding.size} bytes{state}"


def _summary(states: Counter[str]) -> str:
    if not states:
        return "Every file has its row and its content."
    told = (f"{states[state]} {state}" for state in ("found", "removed", "young") if states[state])
    return ", ".join(told)
