"""The closed set of API errors: code, HTTP status, one sentence for the client.

ApiError
├── UnexpectedFault 0/500, PluginTooSlow 0/503
├── RouteNotFound 1/404 ── ThingNotFound 1/404 ── ContentMissing 1/404
├── BadRequest 2/400 ── RequestTooSlow 2/408, SignInNotBegun 2/400, SignInFailed 2/400
├── Unauthorized 3/401
├── ValidationFailed 4/422
├── MethodNotAllowed 6/405
├── TooManyRequests 7/429
├── Forbidden 10/403 ── OriginNotAllowed 10/403
├── DatabaseUnreachable 11/503
├── Unprocessable 12/422 ── PayloadTooLarge 12/413
├── BodyInvalid 13/400
├── BatchUpload 15/400
├── NotInstalled 14/503
├── ProjectExists 18/409
├── DatabaseUnusable 19/400, AddressNotAllowed 19/401
├── StorageUnreachable 20/503
├── ProjectNotFound 24/404
├── InvalidCredentials 100/404
├── InvalidToken 101/401, ExpiredToken 102/401, UserInactive 103/401, UserSuspended 103/404
├── ResetTokenInvalid 104/401, ResetTokenExpired 105/401
├── UserNotFound 106/404, EmailNotFound 107/404
├── SignInNeeded 108/401
├── RequestTokenInvalid 109/401, RequestTokenExpired 110/401
├── OtpMissing 111/404, OtpWrong 112/404, SecondFactorNeeded 113/401
├── CredentialsMalformed 114/422
├── SecondFactorOverSso 115/401
├── CollectionNotFound 200/404
├── SystemCollection 201/401
├── FieldNotFound 202/422 ── FieldPathNotFound 202/404
├── ItemNotFound 203/404
├── DuplicateValue 204/409
├── CollectionNotManaged 205/404, FieldNotManaged 206/404
├── RevisionNotFound 207/404, RevisionUnusable 208/422
├── CommentCreateForbidden 210, CommentUpdateForbidden 211, CommentDeleteForbidden 212 (403)
├── ScalarExpected 213/422
├── OperatorUnknown 214/422
├── FieldUnreadable 215/403
├── LastAdministrator 216/403
├── ReadForbidden 300, CreateForbidden 301, UpdateForbidden 302, DeleteForbidden 303 (403)
├── FieldReadForbidden 304, FieldWriteForbidden 305, AlterForbidden 306 (403)
├── CollectionExists 307/422, FieldExists 308/422
├── FieldTypeUnknown 401/422, LengthNeeded 402/422, LengthRefused 403/422
├── RequiredImpossible 404/422
├── MailNotConfigured 500/500
├── UploadTooLarge 601/413, StorageFull 607/500
└── HasherUnknown 1000/422

Source: the errors page of the API reference. The number is the contract, the message is not.
"""

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


class UnexpectedFault(ApiError):
    code, status = 0, 500

    def __init__(self) -> None:
        super().__init__("Something went wrong on the server. The log has the details.")


class PluginTooSlow(ApiError):
    code, status = 0, 503

    def __init__(self, plugin: str, seconds: float) -> None:
        super().__init__(f"The plugin {plugin} took longer than {seconds:g} seconds: try again")


class RouteNotFound(ApiError):
    code, status = 1, 404

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no route {path!r}")


class ThingNotFound(ApiError):
    """Something other than an item, a collection or a route was not found."""

    code, status = 1, 404


class ContentMissing(ThingNotFound):
    def __init__(self) -> None:
        super().__init__("The content of this file is not there")


class BadRequest(ApiError):
    code, status = 2, 400


class RequestTooSlow(BadRequest):
    status = 408

    def __init__(self) -> None:
        super().__init__("The body came too slowly, send it again")


class SignInNotBegun(BadRequest):
    def __init__(self) -> None:
        super().__init__("This sign-in was not begun in this browser, or too long ago: begin again")


class SignInFailed(BadRequest):
    def __init__(self) -> None:
        super().__init__("The provider did not sign you in: try again")


class Unauthorized(ApiError):
    code, status = 3, 401

    def __init__(self, message: str = "Sign in as someone who may do this") -> None:
        super().__init__(message)


class ValidationFailed(ApiError):
    """Values that do not pass, a sentence per field, joined by blanks."""

    code, status = 4, 422

    def __init__(self, problems: Mapping[str, str] | str) -> None:
        if isinstance(problems, str):
            super().__init__(problems)
            return
        super().__init__(
            " ".join(f"{field}: {problem}" for field, problem in problems.items()),
            details={"fields": dict(problems)},
        )


class MethodNotAllowed(ApiError):
    code, status = 6, 405

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method} is not allowed here", headers={"Allow": allowed})


class TooManyRequests(ApiError):
    code, status = 7, 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many requests, try again later",
            headers={"Retry-After": str(retry_after_seconds)},
        )


class Forbidden(ApiError):
    code, status = 10, 403


class OriginNotAllowed(Forbidden):
    """A cookie does not speak for whoever makes a browser send it."""

    def __init__(self) -> None:
        super().__init__("The cookie was not heard: this page's origin is not allowed to use it")


class DatabaseUnreachable(ApiError):
    code, status = 11, 503

    def __init__(self, message: str = "The database of this project cannot be reached") -> None:
        super().__init__(message, headers={"Retry-After": "5"})


class Unprocessable(ApiError):
    """Well-formed, but it cannot be done."""

    code, status = 12, 422


class PayloadTooLarge(ApiError):
    code, status = 12, 413


class BodyInvalid(ApiError):
    code, status = 13, 400

    def __init__(
        self, message: str = "The body must be a JSON object or a non-empty array of objects"
    ) -> None:
        super().__init__(message)


class NotInstalled(ApiError):
    code, status = 14, 503


class BatchUpload(ApiError):
    code, status = 15, 400

    def __init__(self) -> None:
        super().__init__("Files are uploaded one at a time")


class ProjectExists(ApiError):
    code, status = 18, 409

    def __init__(self, key: str) -> None:
        super().__init__(f"A project {key!r} exists already")


class DatabaseUnusable(ApiError):
    code, status = 19, 400


class AddressNotAllowed(ApiError):
    code, status = 19, 401

    def __init__(self) -> None:
        super().__init__("Your role may not be used from your address")


class StorageUnreachable(ApiError):
    code, status = 20, 503

    def __init__(self) -> None:
        super().__init__(
            "The storage of this project cannot be reached", headers={"Retry-After": "5"}
        )


class ProjectNotFound(ApiError):
    code, status = 24, 404

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no project {key!r}")


class InvalidCredentials(ApiError):
    code, status = 100, 404

    def __init__(self) -> None:
        super().__init__("Wrong e-mail address or password")


class InvalidToken(ApiError):
    code, status = 101, 401

    def __init__(self) -> None:
        super().__init__("The token is not valid")


class ExpiredToken(ApiError):
    code, status = 102, 401

    def __init__(self) -> None:
        super().__init__("The token has expired")


class UserInactive(ApiError):
    code, status = 103, 401

    def __init__(self) -> None:
        super().__init__("This user is not active")


class UserSuspended(ApiError):
    code, status = 103, 404

    def __init__(self) -> None:
        super().__init__("This user is suspended")


class ResetTokenInvalid(ApiError):
    code, status = 104, 401

    def __init__(self) -> None:
        super().__init__("This link for a new password is not valid: ask for another one")


class ResetTokenExpired(ApiError):
    code, status = 105, 401

    def __init__(self) -> None:
        super().__init__("This link for a new password has expired or was used: ask for another")


class UserNotFound(ApiError):
    code, status = 106, 404

    def __init__(self) -> None:
        super().__init__("There is no such user")


class EmailNotFound(ApiError):
    code, status = 107, 404

    def __init__(self) -> None:
        super().__init__("No user has an e-mail address that the provider has verified")


class SignInNeeded(ApiError):
    code, status = 108, 401

    def __init__(self) -> None:
        super().__init__("Sign in first")


class RequestTokenInvalid(ApiError):
    code, status = 109, 401

    def __init__(self) -> None:
        super().__init__("The request token is not valid or was used: sign in again")


class RequestTokenExpired(ApiError):
    code, status = 110, 401

    def __init__(self) -> None:
        super().__init__("The request token has expired: sign in again")


class OtpMissing(ApiError):
    code, status = 111, 404

    def __init__(self) -> None:
        super().__init__("A one-time password is needed: send it as `otp`")


class OtpWrong(ApiError):
    code, status = 112, 404

    def __init__(self) -> None:
        super().__init__("The one-time password is wrong or was used already")


class SecondFactorNeeded(ApiError):
    code, status = 113, 401

    def __init__(self) -> None:
        super().__init__("Your role asks for a second factor: set it up first")


class CredentialsMalformed(ApiError):
    code, status = 114, 422


class SecondFactorOverSso(ApiError):
    code, status = 115, 401

    def __init__(self) -> None:
        super().__init__("Who has a second factor signs in with a password")


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
        super().__init__(f"There is no field {field!r} in {collection!r}", details={"field": field})
        self.field = field
        self.collection = collection


class FieldPathNotFound(FieldNotFound):
    """A field endpoint, or a relational path, that leads nowhere."""

    code, status = 202, 404


class ItemNotFound(ApiError):
    code, status = 203, 404

    def __init__(self, collection: str, key: str) -> None:
        super().__init__(f"There is no item {key!r} in {collection!r}")
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


class FieldNotManaged(ApiError):
    code, status = 206, 404

    def __init__(self, field: str, collection: str) -> None:
        super().__init__(f"The field {field!r} of {collection!r} is not managed")


class RevisionNotFound(ApiError):
    code, status = 207, 404

    def __init__(self, revision: str) -> None:
        super().__init__(f"There is no revision {revision!r} of this item")


class RevisionUnusable(ApiError):
    code, status = 208, 422


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
        super().__init__(f"There is no filter operator {operator!r}")


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


class FieldReadForbidden(ApiError):
    code, status = 304, 403

    def __init__(self, field: str, collection: str) -> None:
        super().__init__(f"You may not read {field!r} of {collection!r}", details={"field": field})


class FieldWriteForbidden(ApiError):
    code, status = 305, 403

    def __init__(self, field: str, collection: str) -> None:
        super().__init__(f"You may not write {field!r} of {collection!r}", details={"field": field})


class AlterForbidden(ApiError):
    code, status = 306, 403

    def __init__(self, collection: str) -> None:
        super().__init__(f"{collection!r} may not be altered")


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
