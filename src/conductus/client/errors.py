"""What goes wrong when a server is asked.

    ClientError
    ├── Refused            the server says no; carries its code, status and sentence
    └── Unintelligible     what answered is no Conductus, or not this project

Errors of the connection are httpx2's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """A request did not do what it was for."""


class Refused(ClientError):
    """The server refused. The codes are those of the reference's page on errors."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        request_id: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{message} ({code}/{status})")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        """By which the server's log knows the request."""
        self.details = dict(details or {})
        """What programs can use: `index` of the item of a batch, `fields`, `limit`."""


class Unintelligible(ClientError):
    """The answer is none of this API's."""

    def __init__(self, status: int, url: str) -> None:
        super().__init__(f"{url} answered {status} with nothing that this API says")
        self.status = status
