"""Errors of mail, of the contents of files and of hashes (500 to 1000).

MailNotConfigured 500/500
UploadTooLarge 601/413, StorageFull 607/500
HasherUnknown 1000/422
"""

from __future__ import annotations

from conductus.errors.api_error import ApiError


class MailNotConfigured(ApiError):
    code, status = 500, 500

    def __init__(self) -> None:
        super().__init__("Mail is not configured: an operator sets `mail.transport`")


class UploadTooLarge(ApiError):
    code, status = 601, 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit} bytes", details={"limit": limit})


class StorageFull(ApiError):
    code, status = 607, 500

    def __init__(self) -> None:
        super().__init__("The storage of this project is full")


class HasherUnknown(ApiError):
    code, status = 1000, 422

    def __init__(self, hasher: str) -> None:
        super().__init__(f"There is no hasher {hasher[:64]!r}")
