"""What users, settings and the utilities offer besides reading and writing items.

Source: authentication page §10 and §11, system collections page, projects page §2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.components import one_or_many
from conductus.openapi.envelope import answer, json_content
from conductus.openapi.operations import (
    READING,
    WRITING,
    Operation,
    done,
    object_body,
    reference,
    told,
)
from conductus.openapi.parameters import LIST, SHAPE, WRITE, path_parameter, references
from conductus.openapi.transfer import transfer_operations
from conductus.openapi.values import JSONSchema, World

_TEXT: Final[JSONSchema] = {"type": "string"}
_SETTING: Final[JSONSchema] = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "key": _TEXT, "value": {}},
}


def people_operations(world: World) -> Iterable[Operation]:
    """Every operation of these sections that no collection has."""
    if "directus_users" in world.names:
        yield from _users({"200": reference("responses", world.names["directus_users"])})
    if "directus_permissions" in world.names:
        found = reference("responses", world.names["directus_permissions"])
        yield from _permissions({"200": found})
        yield from _explaining()
    yield from _settings(world)
    yield from _utilities()
    yield from transfer_operations()


def _users(answers: dict[str, Any]) -> Iterable[Operation]:
    one = path_parameter("id", "Id of a user, or `me`.")
    yield Operation(
        method="patch",
        path="/users/{id}/tracking/page",
        id="users.tracking",
        tag="users",
        summary="Keep which page somebody looks at",
        parameters=(one, *references(SHAPE)),
        body=object_body({"last_page": {"type": ["string", "null"]}}),
        answers=answers,
        errors=WRITING,
    )
    yield Operation(
        method="post",
        path="/users/{id}/activate_2fa",
        id="users.activate_2fa",
        tag="users",
        summary="Set up one's own second factor",
        parameters=(one, *references(SHAPE)),
        body=object_body({"2fa_secret": _TEXT, "otp": _TEXT}, "2fa_secret", "otp"),
        answers=answers,
        errors=WRITING,
    )
    codes = {"recovery_codes": {"type": "array", "items": _TEXT}}
    yield Operation(
        method="post",
        path="/users/{id}/recovery_codes",
        id="users.recovery_codes",
        tag="users",
        summary="Make recovery codes for one's own second factor",
        description="Ten, in the place of those before; each is taken once instead of `otp`.",
        parameters=(one,),
        answers=told("The codes, told this one time", {"type": "object", "properties": codes}),
        errors=WRITING,
    )


def _permissions(answers: dict[str, Any]) -> Iterable[Operation]:
    yield Operation(
        method="get",
        path="/permissions/me",
        id="permissions.me",
        tag="permissions",
        summary="List the rows in effect for whoever asks; none for administrators",
        answers=answers,
        errors=(),
    )
    yield Operation(
        method="get",
        path="/permissions/me/{collection}",
        id="permissions.me.collection",
        tag="permissions",
        summary="Read what is in effect for one collection",
        description="One row, or a list with a row for each status.",
        parameters=(path_parameter("collection", "Name of the collection."),),
        answers=answers,
        errors=(),
    )


def _explaining() -> Iterable[Operation]:
    told = {"because": {"type": "array", "items": _TEXT}, "action": _TEXT, "collection": _TEXT}
    asked = (
        ("user", "Id of a user, or `public`."),
        ("method", "`GET`, `POST`, `PATCH` or `DELETE`."),
        ("path", "Below the project: `/items/articles/4`."),
    )
    yield Operation(
        method="get",
        path="/permissions/explain",
        id="permissions.explain",
        tag="permissions",
        summary="Say in words what decides about a request; for administrators",
        parameters=tuple(
            {"name": name, "in": "query", "required": True, "description": text, "schema": _TEXT}
            for name, text in asked
        ),
        answers={"200": answer("What decides", {"type": "object", "properties": told})},
        errors=READING,
    )


def _settings(world: World) -> Iterable[Operation]:
    found = {"200": answer("A setting, or a list of settings", one_or_many(_SETTING))}
    keyed = (*references(("id", *WRITE)),)
    yield _setting("get", "/settings", "list", "List settings", references(LIST), found)
    fields = told("Keys with their types", {"type": "array", "items": {"type": "object"}})
    catalogue = "List the keys that settings may have"
    shape = references(("fields", "limit", "sort", "meta"))
    yield _setting("get", "/settings/fields", "fields", catalogue, shape, fields)
    body = _body(one_or_many(_SETTING, least=1))
    yield _setting(
        "post", "/settings", "create", "Add a setting, or several", references(WRITE), found, body
    )
    several = _body({"type": "array", "items": _SETTING, "minItems": 1})
    many = "Change several settings, each in its own way"
    yield _setting("patch", "/settings", "update.many", many, references(WRITE), found, several)
    path = "/settings/{id}"
    reading = references(("id", *SHAPE))
    yield _setting("get", path, "read", "Read one setting, or several", reading, found)
    changing = "Change one setting, or several in the same way"
    yield _setting("patch", path, "update", changing, list(keyed), found, _body(_SETTING))
    removing = references(("id", "comment", "activity_skip"))
    yield _setting("delete", path, "delete", "Remove one setting, or several", removing, done())
    if "directus_revisions" not in world.names:
        return
    history = {"200": reference("responses", world.names["directus_revisions"])}
    one = path_parameter("id", "Id of a setting.")
    offset = path_parameter("offset", "Places from the oldest, which is 0.", "integer")
    listed, shown = [one, *references(LIST)], [one, offset, *references(SHAPE)]
    of = f"{path}/revisions"
    yield _setting("get", of, "revisions", "List the revisions of a setting", listed, history)
    at = f"{of}/{{offset}}"
    yield _setting("get", at, "revision", "Read one revision of a setting", shown, history)


def _utilities() -> Iterable[Operation]:
    hasher = {
        "type": "string",
        "enum": ["core", "bcrypt", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
        "default": "core",
    }
    yield _utility(
        "hash",
        "Hash a text",
        {"hash": _TEXT},
        object_body({"string": _TEXT, "hasher": hasher}, "string"),
    )
    yield _utility(
        "hash/match",
        "Is this the hash of a text?",
        {"valid": {"type": "boolean"}},
        object_body({"string": _TEXT, "hash": _TEXT, "hasher": hasher}, "string", "hash"),
    )
    length = {"type": "integer", "minimum": 1, "maximum": 1024, "default": 32}
    yield _utility(
        "random/string", "Get a random text", {"random": _TEXT}, object_body({"length": length})
    )
    secret = {"2fa_secret": _TEXT, "otpauth_url": _TEXT, "qr": _TEXT}
    yield Operation(
        method="get",
        path="/utils/2fa_secret",
        id="utils.2fa_secret",
        tag="utils",
        summary="Get a new secret for a second factor",
        description="With its address for authenticator apps, and that as a QR code in SVG.",
        answers=told("The secret", {"type": "object", "properties": secret}),
        errors=(429,),
    )


def _utility(
    path: str, summary: str, answered: dict[str, JSONSchema], body: dict[str, Any]
) -> Operation:
    return Operation(
        method="post",
        path=f"/utils/{path}",
        id=f"utils.{path.replace('/', '.')}",
        tag="utils",
        summary=summary,
        body=body,
        answers=told(summary, {"type": "object", "properties": answered}),
        errors=(400, 422, 429),
    )


def _setting(
    method: str,
    path: str,
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    answers: dict[str, Any],
    body: dict[str, Any] | None = None,
) -> Operation:
    return Operation(
        method=method,
        path=path,
        id=f"settings.{name}",
        tag="settings",
        summary=summary,
        parameters=(*parameters,),
        body=body,
        answers=answers,
        errors=READING if method == "get" else WRITING,
    )


def _body(schema: JSONSchema) -> dict[str, Any]:
    return {"required": True, "content": json_content(schema)}
