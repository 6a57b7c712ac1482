"""Hooks: a loaf gets its slug and its price, and no burnt one is kept."""

from __future__ import annotations

from conductus.errors import Unprocessable
from conductus.extensions import AfterEvent, BeforeWrite, Registry


def register(registry: Registry) -> None:
    """Called once, when the server starts."""
    limit = registry.settings.get("grams", 5000)

    @registry.on("item.create.loaves:before", "item.update.loaves:before")
    def complete(event: BeforeWrite) -> None:
        if event.payload.get("state") == "burnt":
            raise Unprocessable("state: burnt loaves are not kept")
        if event.payload.get("grams", 0) > limit:
            raise Unprocessable(f"grams: {limit} at most")
        if "title" in event.payload:
            event.payload["slug"] = event.payload["title"].lower().replace(" ", "-")

    @registry.on("item.delete.loaves:before")
    async def keep_sold(event: BeforeWrite) -> None:
        loaf = await event.system.item("loaves", event.key)
        if loaf["state"] == "sold":
            raise Unprocessable("Sold loaves stay in the books")

    @registry.on("item.create.loaves")
    async def note(event: AfterEvent) -> None:
        # Told at least once: the id of the event says whether this is again.
        known = await event.system.items("news", f"filter[message]={event.id}")
        if not known:
            await event.system.create("news", {"message": event.id, "loaf": str(event.item)})
