"""Errors of who may not do what to a collection (300 to 305).

ReadForbidden 300/403, CreateForbidden 301/403, UpdateForbidden 302/403, DeleteForbidden 303/403
FieldWriteForbidden 305/403
"""

from __future__ import annotations

from conductus.errors.api_error import ApiError


class ReadForbidden(ApiError):
    code, status = 300, 403

    def __init__(self, collection: str) -> None:
        super().__init__(f"You may not read {collection!r}")


class CreateForbidden(ApiError):
    code, status = 301, 403

    def __init__(self, collection: str) -> None:
        super().__init__(f"You may not create items in {collection!r}")


class UpdateForbidden(ApiError):
    code, status = 302, 403

    def __init__(self, collection: str) -> None:
        super().__init__(f"You may not update this item of {collection!r}")


class DeleteForbidden(ApiError):
    code, status = 303, 403

    def __init__(self, collection: str) -> None:
        super().__init__(f"You may not delete this item of {collection!r}")


class FieldWriteForbidden(ApiError):
    code, status = 305, 403

    def __init__(self, field: str, collection: str) -> None:
        super().__init__(f"You may not write {field!r} of {collection!r}", details={"field": field})
