"""What SCIM refuses, and how any error is told here. Source: SCIM page §7; RFC 7644 §3.12."""

from __future__ import annotations

from typing import Any, Final, Literal

from conductus.errors import (
    ApiError,
    BadRequest,
    BodyInvalid,
    DuplicateValue,
    PayloadTooLarge,
    ScalarExpected,
    ThingNotFound,
    Unprocessable,
    UserInactive,
    ValidationFailed,
)
from conductus.scim import names

ScimType = Literal[
    "invalidSyntax",
    "invalidFilter",
    "invalidPath",
    "invalidValue",
    "invalidCursor",
    "mutability",
    "noTarget",
    "tooMany",
    "uniqueness",
]
_UNPROCESSABLE: Final = 422


class Refused(BadRequest):
    """A request that makes no sense, with the RFC's word for why."""

    def __init__(self, scim_type: ScimType, message: str) -> None:
        super().__init__(message)
        self.scim_type = scim_type


class ResourceNotFound(ThingNotFound):
    """No resource has that id, or none that the asker may see."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"There is no {kind} {id!r}")


class VersionDiffers(BadRequest):
    """`If-Match` names another version than there is."""

    status = 412

    def __init__(self) -> None:
        super().__init__("The resource has changed meanwhile: read it again")


class NotOffered(BadRequest):
    """Something of the RFC that is not done here."""

    status = 501


class TooLarge(PayloadTooLarge):
    """More at once than is done."""

    scim_type: ScimType = "tooMany"


class Taken(DuplicateValue):
    """Another resource has that value."""

    def __init__(self, attribute: str) -> None:
        super().__init__((attribute,))


def status_of(error: ApiError) -> int:
    """The status of an error in this protocol."""
    if error.code == UserInactive.code:
        # Also of who is suspended: not who was looked for is missing, but who asks.
        return 401
    return 400 if error.status == _UNPROCESSABLE else error.status


def told(error: ApiError) -> dict[str, Any]:
    """The body of an error."""
    body: dict[str, Any] = {"schemas": [names.ERROR], "status": str(status_of(error))}
    scim_type = _scim_type(error)
    if scim_type is not None:
        body["scimType"] = scim_type
    return {**body, "detail": error.message}


def _scim_type(error: ApiError) -> ScimType | None:
    match error:
        case Refused() | TooLarge():
            return error.scim_type
        case DuplicateValue():
            return "uniqueness"
        case BodyInvalid():
            return "invalidSyntax"
        case PayloadTooLarge():
            return "tooMany"
        case ValidationFailed() | ScalarExpected() | Unprocessable():
            return "invalidValue"
        case _:
            return None
