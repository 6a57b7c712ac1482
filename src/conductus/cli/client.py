"""`conductus client generate`"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import httpx2
from cyclopts import Parameter

from conductus.cli.application import CommandFailed
from conductus.client import Client, ClientError, collections, relations
from conductus.client.generating import module


def generate(
    url: Annotated[str, Parameter(help="The project: http://localhost:8055/main")],
    /,
    *,
    token: Annotated[
        str | None, Parameter(help="A static token; by default CONDUCTUS_TOKEN.")
    ] = None,
) -> None:
    """Write a Python module with the types of a project's collections to standard output."""
    try:
        with Client(url, token=token or os.environ.get("CONDUCTUS_TOKEN")) as client:
            text = module(client.do(collections.list()), client.do(relations.list(limit=-1)))
    except (ClientError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CommandFailed(f"{url}: {error}") from error
    sys.stdout.write(text)
