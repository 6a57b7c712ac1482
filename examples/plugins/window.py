"""An application of Starlette's, with routes and answers of its own."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from conductus.extensions import CustomRequest, Registry


async def shown(request: Request) -> JSONResponse:
    """The loaves that whoever asks may see."""
    asked: CustomRequest = request.state.conductus
    loaves = await asked.services.items("loaves", "fields=title&sort=title")
    return JSONResponse({"kind": request.path_params["kind"], "loaves": loaves}, 201)


def register(registry: Registry) -> None:
    """`GET /P/custom/window/shown/all`."""
    registry.mount(Starlette(routes=[Route("/shown/{kind}", shown)]))
