"""What the server itself asks of the rows of files, whoever makes it ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from conductus.errors import ItemNotFound
from conductus.items.context import Context
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.guarded_files import FILES, OF_CONTENT
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.query.item_query import ALL_STATUSES, Compare, ItemQuery, Operator, Selection


class FileRow(Struct, frozen=True):
    """Where a file's content is, and what is known of it."""

    id: int
    filename_disk: str
    filename_download: str
    type: str | None = None
    charset: str | None = None
    filesize: int = 0
    checksum: str | None = None
    width: int | None = None
    height: int | None = None
    duration: int | None = None
    embed: str | None = None
    private_hash: str | None = None

    def columns(self) -> dict[str, Any]:
        """What the row says of the content."""
        return {name: value for name, value in structs.asdict(self).items() if name in OF_CONTENT}


_NAMES: Final = tuple(field.name for field in structs.fields(FileRow))


class FileRows:
    """Reads rows of files with everything allowed."""

    async def row(
        self, project: Project, snapshot: Snapshot, context: Context, key: str
    ) -> FileRow:
        """The row of a key. Raises `ItemNotFound`."""
        found = await self.rows(project, snapshot, context, [key])
        if not found:
            raise ItemNotFound(FILES, key)
        return found[0]

    async def rows(
        self, project: Project, snapshot: Snapshot, context: Context, keys: Sequence[str]
    ) -> list[FileRow]:
        """The rows of those keys that there are."""
        text = f"fields={','.join(_known(snapshot))}"
        query = project.queries.shape(FILES, text, snapshot)
        found = await project.reader.in_order(query, keys, _allowed(context))
        return [msgspec.convert(item, FileRow) for item in found]

    async def named(
        self, project: Project, snapshot: Snapshot, context: Context, names: Iterable[str]
    ) -> list[FileRow]:
        """The rows whose content is kept under one of these names."""
        wanted = frozenset(names)
        query = ItemQuery(
            collection=FILES,
            selection=Selection(_known(snapshot)),
            filter=Compare(("filename_disk",), Operator.IN, tuple(sorted(wanted))),
            statuses=ALL_STATUSES,
            limit=None,
        )
        page = await project.reader.read(query, _allowed(context))
        items = page.items if isinstance(page.items, list) else [page.items]
        rows = (msgspec.convert(item, FileRow) for item in items)
        # Some databases compare without regard to case, and storages do not.
        return [row for row in rows if row.filename_disk in wanted]


def _known(snapshot: Snapshot) -> tuple[str, ...]:
    """The columns that this database has: old ones lack some."""
    fields = snapshot.schema.collection(FILES).fields
    return tuple(name for name in _NAMES if name in fields)


def _allowed(context: Context) -> Context:
    return structs.replace(context, actor=SYSTEM, policy=ADMINISTRATOR, answering=False)
