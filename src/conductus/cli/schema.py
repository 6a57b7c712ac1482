"""`conductus schema …`: the schema as a text beside code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from conductus.cli.application import FAILED, FINE, CommandFailed
from conductus.cli.console import say, say_json
from conductus.cli.opened import ProjectKey, opened
from conductus.cli.places import DataFolder
from conductus.projects.project import Project
from conductus.projects.schema_as_code import applying, texts
from conductus.projects.schema_as_code.documents import EXTRAS, Document, Extra
from conductus.projects.schema_as_code.steps import Detail, Difference, Plan, dropping

_SIGNS = {"create": "+", "change": "~", "drop": "-", "refuse": "!"}
_LONGEST = 60
Flag = Parameter(negative=())
With = Annotated[
    str, Parameter(name="--with", help="More than the schema: roles,permissions,presets.")
]


def take_snapshot(
    path: Path | None = None,
    /,
    *,
    with_: With = "",
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Write the schema as YAML: to standard output, a file, or a folder.

    Parameters
    ----------
    path
        Ends in .yaml or .yml: a file; else a folder with a file for each collection. What
        is there already keeps its words for columns that have not changed.
    """
    extras = _extras(with_)
    known = texts.read(path) if path is not None and _is_there(path) else None

    async def work(found: Project) -> Document:
        return await applying.snapshot(found, extras, known)

    document = opened(project, data, work)
    if path is None:
        sys.stdout.write(texts.to_text(document))
        return
    texts.write(path, document)
    fields = sum(len(one.fields) for one in document.collections.values())
    say(
        f"{path}: {len(document.collections)} collections, {fields} fields, "
        f"{len(document.relations)} relations"
    )


def show_difference(
    path: Path,
    /,
    *,
    json: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> int:
    """Show what would make the database what the text says. Exits with 1 if anything would.

    Parameters
    ----------
    json
        For programs.
    """
    document = texts.read(path)
    plan = opened(project, data, lambda found: applying.compare(found, document))
    if json:
        say_json([_told(one) for one in plan.differences])
    else:
        _show(plan, allowed=())
    return FAILED if plan.differences else FINE


def apply(
    path: Path,
    /,
    *,
    yes: Annotated[bool, Flag] = False,
    allow_drop: Annotated[Sequence[str], Parameter(negative=())] = (),
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Make the database what the text says; show the plan and ask before.

    Parameters
    ----------
    yes
        Do not ask.
    allow_drop
        What may be dropped, in the words of the plan; may be given several times.
    """
    document = texts.read(path)

    async def work(found: Project) -> Plan:
        plan = await applying.compare(found, document)
        _refuse_strangers(plan, allow_drop)
        _show(plan, allow_drop)
        if _acts(plan, allow_drop):
            if not yes and not await asyncio.to_thread(_agreed):
                raise CommandFailed("Nothing was changed")
            await applying.apply(found, document, allow_drop, plan.differences)
        return plan

    plan = opened(project, data, work)
    if _acts(plan, allow_drop):
        say("Applied.")


def _extras(stated: str) -> tuple[Extra, ...]:
    words = {word.strip() for word in stated.split(",")} - {""}
    strangers = words - set(EXTRAS)
    if strangers:
        raise CommandFailed(f"--with takes {', '.join(EXTRAS)}, not {sorted(strangers)[0]!r}")
    return tuple(extra for extra in EXTRAS if extra in words)


def _is_there(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _acts(plan: Plan, allowed: Iterable[str]) -> bool:
    """Whether anything would be done."""
    words = set(allowed)
    return any(one.action != "drop" or one.word in words for one in plan.differences)


def _refuse_strangers(plan: Plan, allowed: Iterable[str]) -> None:
    words = {one.word for one in dropping(plan.differences)}
    for word in allowed:
        if word not in words:
            raise CommandFailed(f"--allow-drop {word}: nothing of that name is to be dropped")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise CommandFailed("Nobody is here to ask: use --yes")
    say("Apply this? Type yes:")
    return sys.stdin.readline().strip() == "yes"


def _show(plan: Plan, allowed: Iterable[str]) -> None:
    words = set(allowed)
    for one in plan.differences:
        say(f"{_SIGNS[one.action]} {one.what} {one.name}{_notes(one, words)}")
        for detail in one.details:
            say(f"    {detail.key}: {_brief(detail.before)} → {_brief(detail.after)}")
    if not plan.differences:
        say("Nothing differs.")


def _notes(difference: Difference, allowed: set[str]) -> str:
    if difference.reason is not None:
        return f": {difference.reason}"
    if difference.action != "drop" or difference.word in allowed:
        return ""
    return f"   (stays, unless --allow-drop '{difference.word}')"


def _brief(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _told(difference: Difference) -> dict[str, Any]:
    told: dict[str, Any] = {
        "action": difference.action,
        "what": difference.what,
        "name": difference.name,
        "details": [_pair(detail) for detail in difference.details],
    }
    if difference.action == "drop":
        told["allow_drop"] = difference.word
    if difference.reason is not None:
        told["reason"] = difference.reason
    return told


def _pair(detail: Detail) -> dict[str, Any]:
    return {"key": detail.key, "before": detail.before, "after": detail.after}
