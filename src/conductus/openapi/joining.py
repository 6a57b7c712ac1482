"""Other ways in than a password: links for new ones, invitations, single sign-on.

Source: authentication page §7, §9 and §10.2.
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
    yield from _single_sign_on()


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


def _single_sign_on() -> Iterable[Operation]:
    offered = {
        "type": "object",
        "properties": {"name": _TEXT, "icon": {"type": ["string", "null"]}},
    }
    begun = {"type": "object", "properties": {"authorization_url": _TEXT, "state": _TEXT}}
    token = told("A token", {"type": "object", "properties": {"token": _TEXT}})
    name = path_parameter("name", "Of the provider.")
    path = "/auth/sso/{name}"
    yield _public(
        "get",
        "/auth/sso",
        "auth.sso",
        "List the providers of single sign-on",
        told("Providers", {"type": "array", "items": offered}),
    )
    yield _public(
        "post",
        "/auth/sso/access_token",
        "auth.sso.access_token",
        "Get a token for the request token of a single sign-on",
        token,
        body=object_body({"request_token": _TEXT}, "request_token"),
        errors=(401, 404),
    )
    yield _public(
        "get",
        path,
        "auth.sso.begin",
        "Go to a provider",
        {**told("Where to go", begun), "302": {"description": "To the provider"}},
        parameters=(
            name,
            _query("mode", "`cookie` for a cookie."),
            _query("redirect_url", "Back."),
        ),
        errors=(400, 404, 422),
    )
    yield _public(
        "post",
        path,
        "auth.sso.code",
        "Get a token for a code of the provider",
        token,
        body=object_body(
            {"code": _TEXT, "state": _TEXT, "oauth_verifier": _TEXT, "oauth_token": _TEXT}
        ),
        parameters=(name,),
        errors=(400, 401, 404, 422),
    )
    yield _public(
        "get",
        f"{path}/callback",
        "auth.sso.callback",
        "Come back from a provider",
        {
            **told("Without a place to go: what has come of it", {"type": "object"}),
            "302": {"description": "To `redirect_url`, with `request_token` or `error` and `code`"},
        },
        parameters=(
            name,
            _query("code", "Of the provider."),
            _query("state", "Of the question."),
            _query("oauth_verifier", "Of a provider of OAuth 1."),
            _query("oauth_token", "Of the question to it."),
        ),
        errors=(400, 401, 404, 405),
    )
    yield _public(
        "post",
        f"{path}/callback",
        "auth.sso.posted",
        "Come back from a provider of SAML",
        {
            **told("Without a place to go: what has come of it", {"type": "object"}),
            "303": {"description": "To `redirect_url`, with `request_token` or `error` and `code`"},
        },
        body=object_body(
            {"SAMLResponse": _TEXT, "RelayState": _TEXT}, "SAMLResponse", "RelayState"
        ),
        parameters=(name,),
        errors=(400, 401, 404, 405),
    )
    yield _public(
        "get",
        f"{path}/metadata",
        "auth.sso.metadata",
        "What an identity provider of SAML has to know of the project",
        {
            "200": {
                "description": "Metadata of SAML 2.0",
                "content": {"application/samlmetadata+xml": {"schema": _TEXT}},
            }
        },
        parameters=(name,),
        errors=(404,),
    )


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": _TEXT}


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
