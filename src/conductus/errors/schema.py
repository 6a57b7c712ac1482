"""Errors of changes of the schema (307 to 404).

CollectionExists 307/422, FieldExists 308/422
FieldTypeUnknown 401/422, LengthNeeded 402/422, LengthRefused 403/422
RequiredImpossible 404/422
"""

from __future__ import annotations

from conductus.errors.api_error import ApiError


class CollectionExists(ApiError):
    code, status = 307, 422

    def __init__(self, collection: str) -> None:
        super().__init__(f"The collection {collection!r} exists already")


class FieldExists(ApiError):
    code, status = 308, 422

    def __init__(self, field: str, collection: str) -> None:
        super().__init__(f"The field {field!r} exists already in {collection!r}")


class FieldTypeUnknown(ApiError):
    code, status = 401, 422

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no field type {name!r}")


class LengthNeeded(ApiError):
    code, status = 402, 422

    def __init__(self, datatype: str) -> None:
        super().__init__(f"The datatype {datatype!r} needs a length")


class LengthRefused(ApiError):
    code, status = 403, 422

    def __init__(self, datatype: str) -> None:
        super().__init__(f"The datatype {datatype!r} takes no length")


class RequiredImpossible(ApiError):
    code, status = 404, 422

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field}: cannot be made required while items without a value exist",
            details={"field": field},
        )
