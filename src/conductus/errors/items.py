"""Errors of items, and of what a request says of collections and fields (200 to 216).

CollectionNotFound 200/404
SystemCollection 201/401
FieldNotFound 202/422 ── FieldPathNotFound 202/404
ItemNotFound 203/404
DuplicateValue 204/409
CollectionNotManaged 205/404
RevisionNotFound 207/404
CommentCreateForbidden 210/403, CommentUpdateForbidden 211/403, CommentDeleteForbidden 212/403
ScalarExpected 213/422
OperatorUnknown 214/422
FieldUnreadable 215/403
LastAdministrator 216/403
"""

from __future__ import annotations

from typing import Final

from conductus.errors.api_error import ApiError

_LONGEST: Final = 1000
"""Characters of a made-up name that are told back: all that a path of fields may have."""


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


class CollectionNotFound(ApiError):
    code, status = 200, 404

    def __init__(self, collection: str) -> None:
        super().__init__(f"There is no collection {collection!r}")
        self.collection = collection


class SystemCollection(ApiError):
    code, status = 201, 401

    def __init__(self, collection: str) -> None:
        super().__init__(f"{collection!r} is a system collection: use its own endpoints")


class FieldNotFound(ApiError):
    code, status = 202, 422

    def __init__(self, field: str, collection: str) -> None:
        told = _shortened(field)
        super().__init__(f"There is no field {told!r} in {collection!r}", details={"field": told})
        self.field = field
        self.collection = collection


class FieldPathNotFound(FieldNotFound):
    """A field endpoint, or a relational path, that leads nowhere."""

    code, status = 202, 404


class ItemNotFound(ApiError):
    code, status = 203, 404

    def __init__(self, collection: str, key: str | None = None) -> None:
        """Without a key: none matches that was asked for by conditions."""
        named = "such item" if key is None else f"item {key!r}"
        super().__init__(f"There is no {named} in {collection!r}")
        self.collection = collection
        self.key = key


class DuplicateValue(ApiError):
    code, status = 204, 409

    def __init__(self, fields: tuple[str, ...] = ()) -> None:
        named = ", ".join(fields)
        super().__init__(
            f"{named}: this value exists already" if named else "This value exists already",
            details={"fields": list(fields)} if fields else None,
        )


class CollectionNotManaged(ApiError):
    code, status = 205, 404

    def __init__(self, collection: str) -> None:
        super().__init__(f"The collection {collection!r} is not managed")


class RevisionNotFound(ApiError):
    code, status = 207, 404

    def __init__(self, revision: str) -> None:
        super().__init__(f"There is no revision {revision!r} of this item")


class CommentCreateForbidden(ApiError):
    code, status = 210, 403

    def __init__(self) -> None:
        super().__init__("You may not comment on this item")


class CommentUpdateForbidden(ApiError):
    code, status = 211, 403

    def __init__(self) -> None:
        super().__init__("You may not change this comment")


class CommentDeleteForbidden(ApiError):
    code, status = 212, 403

    def __init__(self) -> None:
        super().__init__("You may not delete this comment")


class ScalarExpected(ApiError):
    code, status = 213, 422

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: takes a single value", details={"field": field})


class OperatorUnknown(ApiError):
    code, status = 214, 422

    def __init__(self, operator: str) -> None:
        super().__init__(f"There is no filter operator {_shortened(operator)!r}")


class FieldUnreadable(ApiError):
    code, status = 215, 403

    def __init__(self, field: str, collection: str) -> None:
        super().__init__(
            f"The field {field!r} of {collection!r} may not be read", details={"field": field}
        )


class LastAdministrator(ApiError):
    code, status = 216, 403

    def __init__(self) -> None:
        super().__init__("The last active administrator must stay")
