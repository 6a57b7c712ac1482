"""What is not about collections: the project's page, the server, utilities, this document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec import structs

from conductus.openapi.envelope import answer, json_content
from conductus.openapi.operations import NO_CONTENT, Operation, done, object_body, told
from conductus.openapi.parameters import path_parameter

_OBJECT: Final = {"type": "object"}


def surrounding_operations() -> Iterable[Operation]:
    """Every operation of these sections."""
    yield from _project()
    yield from _mail()
    yield from _server()
    yield from _self_description()
    yield from _extensions()


def _project() -> Iterable[Operation]:
    yield Operation(
        method="get",
        path="/",
        id="project.read",
        tag="project",
        summary="What a client needs to know of the project",
        description="Those who are signed in are told more.",
        answers=told(
            "The project",
            {"type": "object", "properties": {"api": _OBJECT, "server": _OBJECT}},
        ),
        errors=(),
        public=True,
    )
    yield Operation(
        method="post",
        path="/update",
        id="project.update",
        tag="project",
        summary="Make what this version needs in the database",
        answers=told("The tables that were made", {"type": "array", "items": {"type": "string"}}),
        errors=(401,),
    )
    named = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    yield Operation(
        method="get",
        path="/types",
        id="types.list",
        tag="types",
        summary="List the types that a field may have",
        answers=told("Their names", {"type": "array", "items": named}),
        errors=(401,),
    )
    yield Operation(
        method="post",
        path="/utils/cache/clear",
        id="utils.cache.clear",
        tag="utils",
        summary="Look at the database again, for changes made elsewhere",
        answers=done(),
        errors=(401, 403),
    )


def _mail() -> Iterable[Operation]:
    text = {"type": "string", "minLength": 1}
    recipient = {
        "oneOf": [
            {"type": "integer", "description": "Id of a user."},
            {"type": "string", "description": "An address, or the id of a user."},
            {"type": "object", "properties": {"email": text, "name": text}, "required": ["email"]},
        ]
    }
    yield Operation(
        method="post",
        path="/mail",
        id="mail.send",
        tag="mail",
        summary="Write to users",
        description="The body is a template, `data` what it may name.",
        body=object_body(
            {
                "to": {"anyOf": [recipient, {"type": "array", "items": recipient}]},
                "subject": text,
                "body": text,
                "type": {"enum": ["html", "plain"], "default": "html"},
                "data": _OBJECT,
            },
            *("to", "subject", "body"),
        ),
        answers={"204": NO_CONTENT},
        errors=(400, 401, 422, 429, 500),
    )


def _server() -> Iterable[Operation]:
    keys = {"type": "array", "items": {"type": "string"}}
    state = {
        "type": "object",
        "properties": {"status": {"enum": ["ok", "failing"]}, "projects": _OBJECT},
    }
    yield _of_server("ping", "Is the server there?", _text("`pong`", "text/plain"))
    yield _of_server("projects", "List the projects", told("Keys of projects", keys), (503,))
    health = told("What projects lean on answers", state)
    health["503"] = answer("A database or storage does not answer", state)
    yield _of_server("health", "Is everything in order?", health)
    yield from _server_projects()
    counted = _text("Counts in the text format of Prometheus", "text/plain")
    yield _of_server("metrics", "What the server counted, for its operator", counted, (401, 404))


def _server_projects() -> Iterable[Operation]:
    text, flag = {"type": "string"}, {"type": "boolean", "default": False}
    shown = {
        "name": "super_admin_token",
        "in": "query",
        "description": "The super-admin token, which `Authorization: Bearer …` shows as well.",
        "schema": text,
    }
    parts = ("db_host", "db_name", "db_user", "db_password")
    more = ("user_token", "project_name", "app_url", "locale", "timezone")
    yield Operation(
        method="post",
        path="/server/projects",
        id="server.projects.create",
        tag="server",
        summary="Make a project of a database",
        description="The first creation sets the super-admin token, unless the operator did.",
        body=object_body(
            {
                "project": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$"},
                "super_admin_token": text,
                "private": flag,
                "existing": {**flag, "description": "Use the system tables that are there."},
                "force": {**flag, "description": "Drop the system tables that are there."},
                "force_confirm": {**text, "description": "With `force`: the key again."},
                "db_type": {"enum": ["mysql", "postgresql", "sqlite"], "default": "mysql"},
                "db_url": {**text, "description": "Instead of the other `db_…`."},
                "db_port": {"type": "integer"},
                **dict.fromkeys(parts, text),
                "user_email": text,
                "user_password": text,
                **dict.fromkeys(more, text),
            },
            "project",
        ),
        answers={"200": answer("Done; there is nothing to say", {})},
        errors=(400, 401, 409, 413, 422, 429),
        public=True,
        at_root=True,
    )
    yield Operation(
        method="delete",
        path="/server/projects/{key}",
        id="server.projects.remove",
        tag="server",
        summary="Forget a project",
        parameters=(
            path_parameter("key", "Key of the project."),
            shown,
            {
                "name": "drop",
                "in": "query",
                "description": "`system`: the system tables are dropped.",
                "schema": {"enum": ["system"]},
            },
        ),
        answers={"204": NO_CONTENT},
        errors=(401, 404, 422, 429, 503),
        public=True,
        at_root=True,
    )
    info = _of_server("info", "Versions of the server", told("Versions", _OBJECT), (401, 429))
    yield structs.replace(info, parameters=(shown,))


def _of_server(
    name: str, summary: str, answers: dict[str, Any], errors: tuple[int, ...] = ()
) -> Operation:
    return Operation(
        method="get",
        path=f"/server/{name}",
        id=f"server.{name}",
        tag="server",
        summary=summary,
        answers=answers,
        errors=errors,
        public=True,
        at_root=True,
    )


def _extensions() -> Iterable[Operation]:
    listed = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "path": {"type": "string"}},
            "required": ["id", "path"],
        },
    }
    for kind in ("interfaces", "layouts", "modules"):
        yield Operation(
            method="get",
            path=f"/{kind}",
            id=f"extensions.{kind}",
            tag="extensions",
            summary=f"List the {kind} of the browser app that were added",
            answers=told("What their `meta.json` say", listed),
            errors=(401,),
        )


def _self_description() -> Iterable[Operation]:
    document = {"description": "An OpenAPI document", "content": json_content(_OBJECT)}
    yield _described(
        "/specs/oas", "oas", "This document, as far as you may see it", {"200": document}
    )
    yield _described("/docs", "docs", "A page that shows this document", _text("HTML", "text/html"))
    yield Operation(
        method="get",
        path="/docs/{file}",
        id="specs.docs.file",
        tag="specs",
        summary="A file that the page needs",
        parameters=(path_parameter("file", "Its name."),),
        answers={
            **_text("The file", "*/*"),
            "304": {"description": "You have it already"},
        },
        errors=(404,),
        public=True,
    )


def _described(path: str, name: str, summary: str, answers: dict[str, Any]) -> Operation:
    return Operation(
        method="get",
        path=path,
        id=f"specs.{name}",
        tag="specs",
        summary=summary,
        answers=answers,
        errors=(),
        public=True,
    )


def _text(description: str, kind: str) -> dict[str, Any]:
    content = {kind: {"schema": {"type": "string"}}}
    return {"200": {"description": description, "content": content}}
