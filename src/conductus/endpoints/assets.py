"""Contents of files and pictures made of them, by an address that is hard to guess.

Source: files page §3.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from conductus.auth.identity import Identity
from conductus.errors import ApiError, ContentMissing, ItemNotFound, ReadForbidden, Unauthorized
from conductus.files.asset_rows import AssetFile
from conductus.files.storages import Storages
from conductus.files.thumbnails import Thumbnails
from conductus.files.variants import MIME, Variant, VariantLimits, find_variant, lists
from conductus.http.call import Call
from conductus.http.contents import Shown, content_reply
from conductus.http.reply import Reply, StreamReply
from conductus.http.routing import Route

FILES: Final = "directus_files"
_BY_NAME: Final = "filename_download"
_EMBED: Final = "embed/"


class Assets:
    """The endpoint, and what it needs."""

    def __init__(self, storages: Storages, thumbnails: Thumbnails, identity: Identity) -> None:
        self._storages = storages
        self._thumbnails = thumbnails
        self._identity = identity

    def routes(self) -> tuple[Route[Any], ...]:
        """Where it answers. The address is the secret, so nobody needs to be known."""
        return (Route("GET", "assets/{hash}", self.read, identified=False),)

    async def read(self, call: Call) -> Reply | StreamReply:
        """The content of a file, or a variant of it. Raises `ItemNotFound`."""
        file = await self._find_file(call)
        if file is None or not call.snapshot.settings.assets_public:
            file = await self._readable(call, file)
        variant = find_variant(
            call.params,
            lists(call.snapshot.settings.raw),
            VariantLimits(call.project.config.assets.side),
            file.type,
            file.metadata,
        )
        if variant is None:
            return await self._original(call, file)
        return await self._variant(call, file, variant)

    async def _find_file(self, call: Call) -> AssetFile | None:
        address = call.text("hash")
        rows = self._thumbnails.rows(call.project)
        file = await rows.find_by_hash(address)
        if file is None and call.snapshot.settings.asset_url_naming == _BY_NAME:
            file = await rows.find_by_name(address)
        return file

    async def _readable(self, call: Call, file: AssetFile | None) -> AssetFile:
        """The file, for who may read it. To others it looks as if it were not there."""
        missing = ItemNotFound(FILES, call.text("hash"))
        if call.snapshot.settings.assets_public:
            raise missing
        actor = call.actor
        found = await self._identity.identified(
            call.project, call.request.credentials, actor.ip, actor.user_agent, datetime.now(UTC)
        )
        asker = call.by(found.actor, await call.project.policies.of(found.actor))
        query = call.project.queries.shape(FILES, "fields=id", call.snapshot)
        refusal: ApiError = found.refusal or missing
        if file is None:
            raise refusal
        try:
            await call.project.reader.by_keys(query, [str(file.id)], asker.context.for_own_use())
        except (ItemNotFound, ReadForbidden, Unauthorized):
            raise refusal from None
        return file

    async def _original(self, call: Call, file: AssetFile) -> Reply | StreamReply:
        embed = (file.type or "").startswith(_EMBED)
        type = MIME["jpg"] if embed else file.type
        originals = self._storages.of(call.project).originals
        return await content_reply(
            call.request, originals, file.filename_disk, _shown(call, file, type)
        )

    async def _variant(self, call: Call, file: AssetFile, variant: Variant) -> Reply | StreamReply:
        shown = _shown(call, file, variant.type)
        generated = self._storages.of(call.project).generated
        key = await self._thumbnails.key(call.project, file, variant)
        try:
            return await content_reply(call.request, generated, key, shown)
        except ContentMissing:
            # Somebody emptied the storage: what is kept there can be made again.
            key = await self._thumbnails.made(call.project, file, variant)
            return await content_reply(call.request, generated, key, shown)


def _shown(call: Call, file: AssetFile, type: str | None) -> Shown:
    settings = call.snapshot.settings
    seconds = settings.thumbnail_cache_ttl
    if seconds is None:
        seconds = call.project.config.assets.cache_seconds
    # What not everybody may see is looked at anew each time: rights change.
    cache = f"public, max-age={seconds}" if settings.assets_public else "private, no-cache"
    return Shown(type=type, name=file.filename_download, cache=cache)
