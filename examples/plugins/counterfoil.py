"""Every kind of hook besides those of writes: what is shown, told, refused and counted."""

from __future__ import annotations

from typing import Any

from conductus.errors import Forbidden
from conductus.extensions import (
    AfterEvent,
    BeforeFile,
    BeforeSchemaChange,
    Boot,
    Fault,
    ItemsRead,
    Registry,
    Response,
    SignIn,
)

MALWARE = b"X5O!P%@AP"


def register(registry: Registry) -> None:
    """Called once, when the server starts."""
    seen: dict[str, int] = {"starts": 0, "faults": 0}

    @registry.on("item.read.loaves")
    def price(event: ItemsRead) -> None:
        """By weight, for whoever asks for it."""
        for loaf in event.items:
            if loaf.get("grams") is not None:
                loaf["price"] = loaf["grams"] / 100

    @registry.on("response.GET")
    def thanks(event: Response) -> None:
        if isinstance(event.payload, dict):
            event.payload["baker"] = "Thank you"

    @registry.on("collection.delete:before", "field.delete.loaves:before")
    def keep(event: BeforeSchemaChange) -> None:
        if event.collection == "loaves":
            raise Forbidden("Loaves stay as they are")

    @registry.on("collection.create", "field.create", "file.save", "file.delete")
    async def note(event: AfterEvent) -> None:
        if event.collection not in ("news", "loaves"):
            await event.system.create("news", {"message": f"{event.event} {event.item}"})

    @registry.on("file.save:before")
    async def scan(event: BeforeFile) -> None:
        if event.content is None:
            return
        before = b""
        async for chunk in event.content():
            if MALWARE in before + chunk:
                raise Forbidden("This file is not healthy")
            before = chunk[-len(MALWARE) :]

    @registry.on("auth.success", "auth.fail")
    async def door(event: SignIn) -> None:
        who = event.user or event.email
        await event.system.create("news", {"message": f"{event.event} {who} {event.code}"})

    @registry.on("application.boot")
    def boot(_: Boot) -> None:
        seen["starts"] += 1

    @registry.on("application.error")
    def fault(_: Fault) -> None:
        seen["faults"] += 1

    @registry.get("seen")
    def count(_: Any) -> dict[str, int]:
        return seen
