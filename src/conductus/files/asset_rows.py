"""What is known of a file when its address is called, and which variants of it are kept.

The address is the secret, so nobody's permissions are asked here. A variant that is kept
says what it was made of: when the content of its file changes, it counts as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from conductus.database.dialect import Statement
from conductus.database.executor import Database, Transaction
from conductus.database.insisting import insist
from conductus.errors import DuplicateValue
from conductus.projects import rows
from conductus.schema.model import Kind

_FILES: Final = "directus_files"
_FILE_KINDS: Final = {
    "id": Kind.INTEGER,
    "private_hash": Kind.TEXT,
    "filename_disk": Kind.TEXT,
    "filename_download": Kind.TEXT,
    "type": Kind.TEXT,
    "filesize": Kind.INTEGER,
    "checksum": Kind.TEXT,
    "metadata": Kind.TEXT,
}
_THUMBNAILS: Final = "conductus_thumbnails"
_THUMBNAIL_KINDS: Final = {
    "file": Kind.INTEGER,
    "variant": Kind.TEXT,
    "object": Kind.TEXT,
    "source": Kind.TEXT,
}
_LONGEST_ADDRESS: Final = 255
_SAME: Final = 20
"""Rows that are looked through for the very address."""


class AssetFile(Struct, frozen=True, kw_only=True):
    """A row of a file, as far as its address needs it."""

    id: int
    filename_disk: str
    filename_download: str
    type: str | None
    metadata: str | None
    source: str
    """Changes with the content."""


class Kept(Struct, frozen=True):
    """A variant that was made."""

    object: str
    """Its key in the storage."""
    source: str
    """What it was made of; empty while it is being made."""


class AssetRows:
    """Files and their variants in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._files = rows.clause(self._dialect, _FILES, _FILE_KINDS)
        self._thumbnails = rows.clause(self._dialect, _THUMBNAILS, _THUMBNAIL_KINDS)

    async def find_by_hash(self, private_hash: str) -> AssetFile | None:
        """The file of a hash."""
        return await self._find(self._by_hash, "private_hash", private_hash)

    async def find_by_name(self, filename_download: str) -> AssetFile | None:
        """The file of a name; of several the one that came last."""
        return await self._find(self._by_name, "filename_download", filename_download)

    async def find_kept(self, file: int, variant: str) -> Kept | None:
        """A variant of a file."""
        bound = {"file": file, "variant": variant}
        found = await self._database.fetch(self._kept.sql, self._kept.values(bound))
        return Kept(str(found[0][0]), str(found[0][1])) if found else None

    async def objects(self, file: int) -> list[str]:
        """The keys of all variants of a file."""
        found = await self._database.fetch(self._objects.sql, self._objects.values({"file": file}))
        return [str(row[0]) for row in found]

    async def objects_of(self, files: Sequence[int]) -> set[str]:
        """The keys of all variants of these files."""
        bound = {"files": self._dialect.list_binder(Kind.INTEGER)(files)}
        found = await self._database.fetch(self._objects_of.sql, self._objects_of.values(bound))
        return {str(row[0]) for row in found}

    async def claim(self, file: int, variant: str, object: str, most: int | None) -> bool:
        """Keeps a place for a variant of which there may be `most`; whether there is one."""

        async def attempt() -> bool:
            async with self._database.transaction() as transaction:
                return await self._claimed(transaction, file, variant, object, most)

        try:
            return await insist(attempt, "thumbnails")
        except DuplicateValue:
            # Somebody else was faster, with the same variant.
            return True

    async def keep(self, file: int, variant: str, kept: Kept) -> None:
        """Says what a variant that was claimed was made of."""
        key = {"file": file, "variant": variant}
        values = {"object": kept.object, "source": kept.source}

        async def attempt() -> None:
            async with self._database.transaction() as transaction:
                await rows.change(
                    transaction, self._dialect, _THUMBNAILS, _THUMBNAIL_KINDS, key, values
                )

        await insist(attempt, "thumbnails")

    async def forget(self, file: int) -> None:
        """No variant of a file is kept any more."""

        async def attempt() -> None:
            async with self._database.transaction() as transaction:
                statement = self._forgotten
                await transaction.execute(statement.sql, statement.values({"file": file}))

        await insist(attempt, "thumbnails")

    async def forget_gone(self) -> None:
        """No variant of a file that is gone is kept any more."""

        async def attempt() -> None:
            async with self._database.transaction() as transaction:
                await transaction.execute(self._gone.sql, self._gone.values({}))

        await insist(attempt, "thumbnails")

    async def _claimed(
        self, transaction: Transaction, file: int, variant: str, object: str, most: int | None
    ) -> bool:
        found = await transaction.fetch(self._names.sql, self._names.values({"file": file}))
        if variant in {str(row[0]) for row in found}:
            return True
        if most is not None and len(found) >= most:
            return False
        added = {"file": file, "variant": variant, "object": object, "source": ""}
        await rows.add(transaction, self._dialect, _THUMBNAILS, _THUMBNAIL_KINDS, [added])
        return True

    async def _find(self, statement: Statement, column: str, address: str) -> AssetFile | None:
        if len(address) > _LONGEST_ADDRESS:
            return None
        found = await self._database.fetch(statement.sql, statement.values({"address": address}))
        for row in found:
            values = dict(zip(_FILE_KINDS, row, strict=True))
            # Not every database tells letters of different case apart.
            if values[column] == address:
                return _file(values)
        return None

    # -- statements -----------------------------------------------------------------

    @cached_property
    def _by_hash(self) -> Statement:
        files = self._files
        return self._of_files(lambda address: files.c.private_hash == address, files.c.id)

    @cached_property
    def _by_name(self) -> Statement:
        files = self._files
        return self._of_files(
            lambda address: files.c.filename_download == address, files.c.id.desc()
        )

    def _of_files(
        self,
        condition: Callable[[sa.BindParameter[Any]], sa.ColumnElement[bool]],
        order: sa.ColumnElement[Any],
    ) -> Statement:
        address = sa.bindparam("address", type_=self._dialect.type(Kind.TEXT))
        files = self._files
        return self._dialect.compile(
            sa.select(*(files.c[name] for name in _FILE_KINDS))
            .where(condition(address))
            .order_by(order)
            .limit(_SAME)
        )

    @cached_property
    def _kept(self) -> Statement:
        kept = self._thumbnails
        variant = sa.bindparam("variant", type_=self._dialect.type(Kind.TEXT))
        return self._dialect.compile(
            sa.select(kept.c.object, kept.c.source).where(
                kept.c.file == self._file, kept.c.variant == variant
            )
        )

    @cached_property
    def _names(self) -> Statement:
        kept = self._thumbnails
        return self._dialect.compile(sa.select(kept.c.variant).where(kept.c.file == self._file))

    @cached_property
    def _objects(self) -> Statement:
        kept = self._thumbnails
        return self._dialect.compile(sa.select(kept.c.object).where(kept.c.file == self._file))

    @cached_property
    def _objects_of(self) -> Statement:
        kept = self._thumbnails
        among = self._dialect.among(kept.c.file, "files", Kind.INTEGER)
        return self._dialect.compile(sa.select(kept.c.object).where(among))

    @cached_property
    def _gone(self) -> Statement:
        kept, files = self._thumbnails, self._files
        there = sa.exists(sa.select(files.c.id).where(files.c.id == kept.c.file))
        return self._dialect.compile(sa.delete(kept).where(~there))

    @cached_property
    def _forgotten(self) -> Statement:
        kept = self._thumbnails
        return self._dialect.compile(sa.delete(kept).where(kept.c.file == self._file))

    @cached_property
    def _file(self) -> sa.BindParameter[Any]:
        return sa.bindparam("file", type_=self._dialect.type(Kind.INTEGER))


def _file(values: dict[str, Any]) -> AssetFile:
    disk = str(values["filename_disk"])
    content = f"{values['checksum']}\0{values['filesize']}\0{disk}"
    return AssetFile(
        id=int(values["id"]),
        filename_disk=disk,
        filename_download=str(values["filename_download"]),
        type=values["type"],
        metadata=values["metadata"],
        source=blake2b(content.encode(), digest_size=16).hexdigest(),
    )
