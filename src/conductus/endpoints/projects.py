"""The project's own page, `GET /P/`, always public. Source: projects page §1, auth page §12."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus import __version__
from conductus.errors import Unauthorized
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.changes import Item
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR

FILES: Final = "directus_files"
_TOLD: Final = (
    "project_color",
    "project_public_note",
    "default_locale",
)
_SHOWN: Final = ("project_logo", "project_foreground", "project_background")
_ADDRESSES: Final = ("full_url", "url", "asset_url")
_LONGEST_KEY: Final = 18


async def home(call: Call) -> Reply:
    """What a client needs to know before and after signing in."""
    settings = call.snapshot.settings
    api: dict[str, Any] = {
        "requires2FA": call.actor.enforces_2fa,
        "project_name": settings.project_name,
    }
    api |= {name: settings.raw.get(name) for name in _TOLD}
    api |= await _pictures(call)
    api["telemetry"] = settings.telemetry
    data: dict[str, Any] = {"api": api}
    if not call.public:
        api["version"] = __version__
        api["database"] = call.project.database.dialect.name
        data["server"] = {"max_upload_size": call.project.config.storage.max_upload_size}
    if call.actor.administrator:
        data["server"]["general"] = {"php_version": None, "php_api": None}
    return envelope(data, public=call.public)


async def update(call: Call) -> Reply:
    """Makes what this version needs in the database; answers the tables that were missing."""
    if not call.actor.administrator:
        raise Unauthorized("Administrators only")
    return envelope(list(await call.project.upgrade()), public=False)


async def _pictures(call: Call) -> dict[str, Item | None]:
    """The files that show the project, to everybody: whoever set them said so."""
    stated = {name: _key(call.snapshot.settings.raw.get(name)) for name in _SHOWN}
    keys = {key for key in stated.values() if key is not None}
    found = await _addresses(call, keys) if keys else {}
    return {name: None if key is None else found.get(key) for name, key in stated.items()}


async def _addresses(call: Call, keys: Iterable[str]) -> dict[str, Item]:
    """Where the files of these keys are."""
    query = f"fields=id,data&filter[id][in]={','.join(sorted(keys))}"
    asked = call.project.queries.listing(FILES, query, call.snapshot)
    page = await call.project.reader.read(asked, call.by(SYSTEM, ADMINISTRATOR).context)
    rows: Any = page.items
    return {str(row["id"]): {name: row["data"][name] for name in _ADDRESSES} for row in rows}


def _key(stated: str | None) -> str | None:
    """The key of a file, where a setting states one: others are of no file."""
    text = (stated or "").strip()
    plain = text.isascii() and text.isdigit() and len(text) <= _LONGEST_KEY
    return str(int(text)) if plain else None


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "", home),
    Route("POST", "update", update),
)
