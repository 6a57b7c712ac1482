"""Signing in and out. Source: authentication page §3 to §6."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.envelope import answer
from conductus.openapi.operations import Operation, object_body, told
from conductus.openapi.values import JSONSchema

_TOKEN: Final[JSONSchema] = {"type": "string"}


def authentication_operations() -> Iterable[Operation]:
    """Every operation of the section; all of them are public."""
    signed_in = {"type": "object", "properties": {"token": _TOKEN, "user": {"type": "object"}}}
    login = object_body(
        {
            "email": {"type": "string", "format": "email"},
            "password": {"type": "string", "format": "password"},
            "mode": {"type": "string", "enum": ["jwt"], "default": "jwt"},
            "otp": {"type": ["string", "integer"], "description": "Of users who use one."},
        },
        *("email", "password"),
    )
    yield _operation(
        "post",
        "authenticate",
        "Get a token for e-mail address and password",
        told("A token, which goes into the header `Authorization: Bearer …`", signed_in),
        body=login,
        errors=(400, 401, 404, 422, 429),
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
    yield _operation("post", "logout", "End the session", {"200": answer("It is ended", {})})


def _operation(
    method: str,
    name: str,
    summary: str,
    answers: dict[str, Any],
    *,
    body: dict[str, Any] | None = None,
    errors: tuple[int, ...] = (),
) -> Operation:
    return Operation(
        method=method,
        path=f"/auth/{name}",
        id=f"auth.{name}",
        tag="auth",
        summary=summary,
        body=body,
        answers=answers,
        errors=errors,
        public=True,
    )


def _boolean() -> JSONSchema:
    return {"type": "boolean"}
