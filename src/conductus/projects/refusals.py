"""What a project may be refused for, besides the errors of every room."""

from __future__ import annotations

from conductus.errors import ApiError


class UnderMaintenance(ApiError):
    """The project serves administrators alone for a while."""

    code, status = 21, 503

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(
            message or "This project is being worked on: try again later",
            headers={"Retry-After": str(retry_after)},
        )


class ProjectKeyInvalid(ApiError):
    """No project may have the key that is asked for."""

    code, status = 22, 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
