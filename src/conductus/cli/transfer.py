"""`conductus export` and `import`: items as files, with every right, past no server."""

from __future__ import annotations

import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from conductus.cli.application import CommandFailed
from conductus.cli.console import complain, say
from conductus.cli.opened import ProjectKey, opened
from conductus.cli.places import DataFolder
from conductus.errors import ValidationFailed
from conductus.items.context import Context
from conductus.items.writer import WriteOptions
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.query import brackets, rest
from conductus.transfer.exporting import Sheet, exported
from conductus.transfer.formats import Format, guessed_format, stated_format
from conductus.transfer.importing import Import, Mode, Outcome, Wanted

FormatName = Annotated[str, Parameter(name="--format", help="json, csv or parquet.")]
Flag = Parameter(negative=())


def export_items(
    collection: str,
    path: Path | None = None,
    /,
    *,
    format: FormatName = "",
    query: str = "",
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Write the items of a collection to a file, or to standard output.

    Parameters
    ----------
    path
        How it ends says which format, unless --format does.
    query
        As in the API: "fields=id,title&filter[status]=published".
    """
    kind = _format(format, path)

    async def work(found: Project) -> None:
        snapshot = await found.current()
        params = {"limit": -1, **brackets.parse(query, snapshot.limits)}
        asked = rest.parse(collection, params, snapshot.schema, snapshot.limits)
        chunks = await exported(found.reader, asked, _context(snapshot), Sheet(format=kind))
        async with aclosing(chunks):
            async for chunk in chunks:
                file.write(chunk)

    if path is None:
        file: BinaryIO = sys.stdout.buffer
        opened(project, data, work)
        file.flush()
        return
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            opened(project, data, work)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def import_items(
    collection: str,
    path: Path,
    /,
    *,
    format: FormatName = "",
    mode: str = "create",
    key: str | None = None,
    dry_run: Annotated[bool, Flag] = False,
    project: ProjectKey = None,
    data: DataFolder = None,
) -> None:
    """Create and change items as a file says; all of it or nothing.

    Parameters
    ----------
    mode
        create, update or upsert.
    key
        The field by which update and upsert find items, if not by their key.
    dry_run
        Look for problems, write nothing.
    """
    found = next((each for each in Mode if each.value == mode), None)
    if found is None or (key is not None and found is Mode.CREATE):
        raise CommandFailed("--mode takes create, update or upsert; --key the last two of them")
    kind = _format(format, path)
    if collection.startswith("directus_"):
        raise CommandFailed(f"{collection} is a system collection: it has commands of its own")

    async def work(opened_project: Project) -> Outcome:
        context = _context(await opened_project.current())
        rows = opened_project.config.limits.import_rows
        wanted = Wanted(collection=collection, format=kind, mode=found, key=key, most_rows=rows)
        reader, writer = opened_project.reader, opened_project.writer
        importing = Import(reader, writer, context, WriteOptions(), wanted, file)
        return await (importing.check() if dry_run else importing.run())

    with path.open("rb") as file:
        try:
            outcome = opened(project, data, work)
        except ValidationFailed as error:
            raise CommandFailed(_told(error)) from error
    say(f"{outcome.created} created, {outcome.updated} updated")


def _told(error: ValidationFailed) -> str:
    """Shows the problems of the lines; answers what is left to be said."""
    entries = error.details.get("errors")
    if not isinstance(entries, list):
        return error.message
    for entry in entries:
        field = f"{entry['field']}: " if "field" in entry else ""
        complain(f"line {entry['line']}: {field}{entry['message']}")
    return "Nothing was written" + ("" if error.details["complete"] else "; there may be more")


def _format(stated: str, path: Path | None) -> Format:
    if stated:
        return stated_format(stated)
    return Format.JSON if path is None else guessed_format(path.name, "")


def _context(snapshot: Snapshot) -> Context:
    return Context(
        schema=snapshot.schema,
        actor=SYSTEM,
        policy=ADMINISTRATOR,
        now=datetime.now(UTC),
        nulls_last=snapshot.settings.sort_null_last,
        split_words=snapshot.settings.q_words,
        password_policy=snapshot.settings.password_policy,
    )
