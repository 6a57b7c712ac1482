"""How users come in who cannot sign in yet: links for new passwords, invitations.

Source: authentication page §7 and §10.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.envelope import answer
from conductus.openapi.operations import Operation, object_body, told
from conductus.openapi.parameters import path_parameter
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
    yield from _invitations()


def _invitations() -> Iterable[Operation]:
    user = {"type": "object", "properties": {"id": {"type": "integer"}, "status": _TEXT}}
    token = path_parameter("token", "What the mailed link ends with.")
    names = {"first_name": _TEXT, "last_name": _TEXT}
    path = "/users/invite/{token}"
    yield Operation(
        method="post",
        path="/users/invite",
        id="users.invite",
        tag="users",
        summary="Invite users by mail",
        description="Those who are there already are answered, and not mailed.",
        body=object_body(
            {
                "email": {"oneOf": [_EMAIL, {"type": "array", "items": _EMAIL}]},
                "role": {"type": ["integer", "null"], "description": "None: no permissions."},
                "invite_url": {**_TEXT, "description": "Where the link leads, if allowed."},
            },
            "email",
        ),
        answers=told("The users of these addresses", {"type": "array", "items": user}),
        errors=(400, 401, 403, 409, 422, 500),
    )
    accepted = told("The user, active now", user)
    accepted["200"]["content"]["text/html"] = {"schema": _TEXT}
    yield _public(
        "get",
        path,
        "users.invite.open",
        "A form for accepting; without one where no password is needed",
        accepted,
        parameters=(token,),
        errors=(401, 404, 422),
    )
    yield _public(
        "post",
        path,
        "users.invite.accept",
        "Accept an invitation",
        accepted,
        body={**object_body({"password": _PASSWORD, **names}), "required": False},
        parameters=(token,),
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
        tag=path.split("/")[1],
        summary=summary,
        parameters=parameters,
        body=body,
        answers=answers,
        errors=errors,
        public=True,
    )
