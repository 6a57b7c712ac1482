"""How users come in who cannot sign in yet: links for new passwords.

Source: authentication page §7.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.envelope import answer
from conductus.openapi.operations import Operation, object_body
from conductus.openapi.values import JSONSchema

_EMAIL: Final[JSONSchema] = {"type": "string", "format": "email"}
_PASSWORD: Final[JSONSchema] = {"type": "string", "format": "password"}
_TEXT: Final[JSONSchema] = {"type": "string"}


def joining_operations() -> Iterable[Operation]:
    """Every operation of these; all of them are public."""
    yield _public(
        "post",
        "/auth/password/request",
        "auth.password.request",
        "Mail a link for a new password",
        {"200": answer("Done, whether or not there is such a user", {})},
        body=object_body(
            {
                "email": _EMAIL,
                "reset_url": {**_TEXT, "description": "Where the link leads, if allowed."},
            },
            "email",
        ),
        errors=(400, 422, 429),
    )
    yield _public(
        "post",
        "/auth/password/reset",
        "auth.password.reset",
        "Set a new password with the token of a mailed link",
        {"200": answer("It is set, and every session is ended", {})},
        body=object_body({"token": _TEXT, "password": _PASSWORD}, "token", "password"),
        errors=(401, 404, 422, 429),
    )


def _public(
    method: str,
    path: str,
    id: str,
    summary: str,
    answers: dict[str, Any],
    *,
    body: dict[str, Any] | None = None,
    parameters: tuple[dict[str, Any], ...] = (),
    errors: tuple[int, ...] = (),
) -> Operation:
    return Operation(
        method=method,
        path=path,
        id=id,
        tag="auth",
        summary=summary,
        parameters=parameters,
        body=body,
        answers=answers,
        errors=errors,
        public=True,
    )
