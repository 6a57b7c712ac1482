"""Provisioning by SCIM, as operations. Its bodies are described by the protocol itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conductus.openapi.operations import NO_CONTENT, Operation
from conductus.openapi.parameters import path_parameter

_TAG: Final = "scim"
_TYPE: Final = "application/scim+json"
_RFC: Final = "RFC 7643, RFC 7644"
_LISTED: Final = (
    ("filter", "string", 'As `userName eq "ada@example.org"`'),
    ("startIndex", "integer", "The place of the first resource, from 1"),
    ("count", "integer", "Resources of a page"),
    ("cursor", "string", "Empty for the first of pages that follow each other, then `nextCursor`"),
    ("sortBy", "string", "An attribute"),
    ("sortOrder", "string", "`ascending` or `descending`"),
)
_SHOWN: Final = (
    ("attributes", "string", "What is shown, separated by commas"),
    ("excludedAttributes", "string", "What is not shown"),
)


def provisioning_operations() -> Iterable[Operation]:
    """Every operation of the section."""
    for path, id, summary in (
        ("ServiceProviderConfig", "provider", "What is supported"),
        ("ResourceTypes", "types", "The kinds of resources"),
        ("Schemas", "schemas", "The attributes of resources"),
        ("Me", "me", "Whoever asks, as a resource"),
    ):
        yield _operation("get", path, id, summary)
    for path, id, summary in (
        ("ResourceTypes/{id}", "type", "One kind of resources"),
        ("Schemas/{id}", "schema", "The attributes of one schema"),
    ):
        yield _operation("get", path, id, summary, parameters=(_id(),))
    yield _operation("post", ".search", "search", "A page of users and groups", body=True)
    yield _operation("post", "Bulk", "bulk", "Many operations in one request", body=True)
    for kind in ("Users", "Groups"):
        yield from _of_kind(kind)


def _of_kind(kind: str) -> Iterable[Operation]:
    name = kind.lower()
    shown = _queries(_SHOWN)
    one = (_id(), *shown)
    pages = (*_queries(_LISTED), *shown)
    yield _operation("get", kind, f"{name}.list", f"A page of {name}", parameters=pages)
    made = {"201": _content("As it was made")}
    yield _operation("post", kind, f"{name}.create", f"Make one of {name}", answers=made, body=True)
    search = f"A page of {name}, asked for by a body"
    yield _operation("post", f"{kind}/.search", f"{name}.search", search, body=True)
    path = f"{kind}/{{id}}"
    yield _operation("get", path, f"{name}.read", f"One of {name}", parameters=one)
    replace = f"Replace one of {name}; as Directus 8, merge"
    yield _operation("put", path, f"{name}.replace", replace, parameters=one, body=True)
    change = f"Change one of {name}, by operations or by a part of it"
    yield _operation("patch", path, f"{name}.change", change, parameters=one, body=True)
    gone = {"204": NO_CONTENT}
    remove = f"Remove one of {name}"
    yield _operation("delete", path, f"{name}.remove", remove, parameters=(_id(),), answers=gone)


def _operation(
    method: str,
    path: str,
    id: str,
    summary: str,
    *,
    parameters: tuple[dict[str, Any], ...] = (),
    answers: dict[str, Any] | None = None,
    body: bool = False,
) -> Operation:
    return Operation(
        method=method,
        path=f"/scim/v2/{path}",
        id=f"scim.{id}",
        tag=_TAG,
        summary=summary,
        parameters=parameters,
        body={"required": True, "content": _media()} if body else None,
        answers={
            **(answers or {"200": _content(f"As {_RFC} describe it")}),
            "default": _content("An error of the protocol: `status`, `scimType`, `detail`"),
        },
        errors=(),
    )


def _content(description: str) -> dict[str, Any]:
    return {"description": description, "content": _media()}


def _media() -> dict[str, Any]:
    return {_TYPE: {"schema": {"type": "object"}}}


def _id() -> dict[str, Any]:
    return path_parameter("id", "Id of the resource.", "string")


def _queries(named: Iterable[tuple[str, str, str]]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"name": name, "in": "query", "description": f"{says}.", "schema": {"type": type}}
        for name, type, says in named
    )
