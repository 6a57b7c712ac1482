"""Errors of any request: routes, bodies, limits, projects and their databases (0 to 24).

UnexpectedFault 0/500, PluginTooSlow 0/503
RouteNotFound 1/404, ThingNotFound 1/404 ── ContentMissing 1/404
BadRequest 2/400 ── RequestTooSlow 2/408, SignInNotBegun 2/400, SignInFailed 2/400
Unauthorized 3/401
ValidationFailed 4/422
MethodNotAllowed 6/405
TooManyRequests 7/429
QueryFailed 9/500
Forbidden 10/403 ── OriginNotAllowed 10/403
DatabaseUnreachable 11/503
Unprocessable 12/422, PayloadTooLarge 12/413, QueryTooSlow 12/422
BodyInvalid 13/400
NotInstalled 14/503
BatchUpload 15/400
ProjectExists 18/409
DatabaseUnusable 19/400, AddressNotAllowed 19/401
StorageUnreachable 20/503
UnderMaintenance 21/503
ProjectKeyInvalid 22/400
ProjectNotFound 24/404
"""

from __future__ import annotations

from collections.abc import Mapping

from conductus.errors.api_error import ApiError


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


class QueryFailed(ApiError):
    """A statement could not be run; the cause is in the log, not in the answer."""

    code, status = 9, 500

    def __init__(self) -> None:
        super().__init__("The query could not be run")


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


class QueryTooSlow(ApiError):
    """A statement ran into the time limit of the server."""

    code, status = 12, 422

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The query took longer than {seconds:g} seconds and was stopped")


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


class ProjectNotFound(ApiError):
    code, status = 24, 404

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no project {key!r}")
