"""What every error of the API has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ApiError(Exception):
    """A failure that the client is told about.

    `details` are structured facts for programs: `field`, `index`, `limit`.
    `headers` go out with the response (`Allow`, `Retry-After`).
    """

    code: ClassVar[int] = 0
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self.headers: dict[str, str] = dict(headers or {})

    def at(self, index: int) -> ApiError:
        """The same error, telling which item of a batch failed (0-based)."""
        self.details.setdefault("index", index)
        return self
