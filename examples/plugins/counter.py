"""Endpoints: what is in stock, for who is signed in, and opening hours for everybody."""

from __future__ import annotations

from typing import Any

from conductus.errors import Forbidden, ThingNotFound
from conductus.extensions import Answer, CustomRequest, Registry


def register(registry: Registry) -> None:
    """`GET /P/custom/counter/stock/rye` and so on."""

    @registry.get("stock/{state}")
    async def stock(request: CustomRequest) -> dict[str, Any]:
        # With the rights of who asks: others' loaves are not counted.
        found = await request.services.items(
            "loaves", f"filter[state]={request.path['state']}&fields=grams&limit=-1"
        )
        if not found:
            raise ThingNotFound("There is none")
        return {"loaves": len(found), "grams": sum(one["grams"] or 0 for one in found)}

    @registry.post("sell/{id}")
    async def sell(request: CustomRequest) -> None:
        if not request.actor.administrator:
            raise Forbidden("Only the baker sells")
        await request.system.update("loaves", request.path["id"], {"state": "sold"})

    @registry.get("hours", public=True)
    def hours(_: CustomRequest) -> Answer:
        return Answer(body=b"7-12", headers={"content-type": "text/plain"})
