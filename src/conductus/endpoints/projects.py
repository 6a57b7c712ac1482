"""The project's own page, `GET /P/`, always public. Source: projects page §1, auth page §12."""

from __future__ import annotations

from typing import Any

from conductus import __version__
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.http.routing import Route

_TOLD = (
    "project_color",
    "project_public_note",
    "default_locale",
)
_FILES = ("project_logo", "project_foreground", "project_background")


async def home(call: Call) -> Reply:
    """What a client needs to know before and after signing in."""
    settings = call.snapshot.settings
    api: dict[str, Any] = {
        "requires2FA": call.actor.enforces_2fa,
        "project_name": settings.project_name,
    }
    api |= {name: settings.raw.get(name) for name in _TOLD}
    # Files are not served yet, so none can be shown.
    api |= dict.fromkeys(_FILES)
    api["telemetry"] = settings.telemetry
    data: dict[str, Any] = {"api": api}
    if not call.public:
        api["version"] = __version__
        api["database"] = call.project.database.dialect.name
        data["server"] = {"max_upload_size": call.project.config.limits.body_bytes}
    if call.actor.administrator:
        data["server"]["general"] = {"php_version": None, "php_api": None}
    return envelope(data, public=call.public)


ROUTES: tuple[Route[Any], ...] = (Route("GET", "", home),)
