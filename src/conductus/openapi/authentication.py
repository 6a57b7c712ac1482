"""Signing in and out. Source: authentication page §3 to §6."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.envelope import answer
from conductus.openapi.operations import Operation, object_body, told
from conductus.openapi.values import JSONSchema

_TOKEN: Final[JSONSchema] = {"type": "string"}
_ID: Final = {
    "logout/{user}": "auth.logoutEverywhere",
    "logout/{user}/{session}": "auth.logoutOne",
}


def authentication_operations() -> Iterable[Operation]:
    """Every operation of the section; all of them are public."""
    signed_in = {"type": "object", "properties": {"token": _TOKEN, "user": {"type": "object"}}}
    login = object_body(
        {
            "email": {"type": "string", "format": "email"},
            "password": {"type": "string", "format": "password"},
            "mode": {"type": "string", "enum": ["jwt", "cookie"], "default": "jwt"},
            "otp": {"type": ["string", "integer"], "description": "Of users who use one."},
        },
        *("email", "password"),
    )
    yield _operation(
        "post",
        "authenticate",
        "Get a session for e-mail address and password",
        told("A token, which goes into the header `Authorization: Bearer …`", signed_in),
        body=login,
        errors=(400, 401, 403, 404, 422, 429),
        description=(
            "In the mode `cookie` there is no token: the answer sets a cookie. Beside "
            "`data` stands an `error` of code 113 when the user's role asks for a second "
            "factor that is still to be set up; until then the session is the public's."
        ),
    )
    yield _operation(
        "post",
        "refresh",
        "Get a token that expires later",
        told("The new token", {"type": "object", "properties": {"token": _TOKEN}}),
        body=object_body({"token": _TOKEN}, "token"),
        errors=(401, 404, 422),
    )
    yield _operation(
        "get",
        "check",
        "Is the token valid?",
        told("Whether it is", {"type": "object", "properties": {"authenticated": _boolean()}}),
    )
    yield _operation(
        "get",
        "sessions",
        "List one's own sessions",
        told("Those that have not expired", {"type": "array", "items": _session()}),
        parameters=(
            {
                "name": "user",
                "in": "query",
                "description": "Whose sessions, for administrators",
                "schema": {"type": "integer"},
            },
        ),
        errors=(403, 422),
    )
    ended = {"200": answer("Ended, if there was one", {})}
    yield _operation("post", "logout", "End the session of the token that is sent", ended)
    yield _operation(
        "post",
        "logout/{user}",
        "End every session of a user",
        ended,
        parameters=(_number("user"),),
        errors=(401, 403, 422),
        description="One's own, or anybody's for administrators.",
    )
    yield _operation(
        "post",
        "logout/{user}/{session}",
        "End one session of a user",
        ended,
        parameters=(_number("user"), _number("session")),
        errors=(401, 403, 422),
        description="One's own, or anybody's for administrators.",
    )


def _operation(
    method: str,
    name: str,
    summary: str,
    answers: dict[str, Any],
    *,
    body: dict[str, Any] | None = None,
    errors: tuple[int, ...] = (),
    parameters: tuple[dict[str, Any], ...] = (),
    description: str = "",
) -> Operation:
    return Operation(
        method=method,
        path=f"/auth/{name}",
        id=_ID.get(name, f"auth.{name}"),
        tag="auth",
        summary=summary,
        description=description,
        parameters=parameters,
        body=body,
        answers=answers,
        errors=errors,
        public=True,
    )


def _session() -> JSONSchema:
    text, moment = {"type": ["string", "null"]}, {"type": "string", "format": "date-time"}
    return {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "user": {"type": "integer"},
            "token_type": {"type": "string", "enum": ["jwt", "cookie"]},
            "token": {"type": "null", "description": "Never told"},
            "ip_address": text,
            "user_agent": text,
            "created_on": moment,
            "token_expired_at": moment,
        },
    }


def _number(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "integer"}}


def _boolean() -> JSONSchema:
    return {"type": "boolean"}
