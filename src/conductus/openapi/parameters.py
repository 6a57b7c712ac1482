"""The parameters of the query language and of paths. Source: items page §3."""

from __future__ import annotations

from typing import Any, Final

from conductus.openapi.values import JSONSchema
from conductus.query.item_query import ALL_META, SPELLED

LIST: Final = (
    *("fields", "limit", "offset", "page", "single", "sort", "status", "filter", "q", "meta"),
    *("lang", "deep", "groups", "aggregate"),
)
"""What a list takes."""
SHAPE: Final = ("fields", "meta", "lang", "status", "deep")
"""What the reading of items by their keys takes."""
WRITE: Final = (*SHAPE, "comment", "activity_skip")
"""What a write takes."""
_FUNCTIONS: Final = ("count", "countDistinct", "sum", "avg", "min", "max")


def parameters() -> dict[str, Any]:
    """Every shared parameter by its name."""
    operators = ", ".join(f"`{operator.value}`" for operator in SPELLED)
    return {
        "fields": _listed(
            "fields",
            "Which fields: `*` for all, `*.*` to expand relations, `author.name`, `-body` to leave "
            "one out.",
            ["*", "author.name"],
        ),
        "limit": query_parameter(
            "limit", {"type": "integer", "minimum": -1}, "How many items; -1 for no limit."
        ),
        "offset": query_parameter(
            "offset", {"type": "integer", "minimum": 0}, "How many items to skip."
        ),
        "page": query_parameter(
            "page", {"type": "integer", "minimum": 1}, "Which page, from 1; needs `limit`."
        ),
        "single": flag("single", "Answers the first match as an object."),
        "sort": _listed("sort", "Fields to order by, `-` descends, `?` is random.", ["-id"]),
        "status": _listed("status", "Statuses to show, `*` for all.", ["*"]),
        "filter": _deep(
            "filter",
            f"`filter[field][operator]=value`. Operators: {operators}. Fields of related items "
            "with a dot: `filter[author.name][contains]=an`.",
        ),
        "q": query_parameter("q", {"type": "string"}, "Text that items must hold."),
        "meta": _listed("meta", f"What `meta` tells: `*`, {_named(ALL_META)}.", ["*"]),
        "lang": _listed("lang", "Languages of translations, `*` for all.", ["*"]),
        "deep": _deep("deep", "Narrows an expanded list: `deep[comments][limit]=3`."),
        "groups": _listed("groups", "Fields to group by.", None),
        "aggregate": _deep(
            "aggregate", f"Figures of each group: `aggregate[sum]=views`; {_named(_FUNCTIONS)}."
        ),
        "comment": query_parameter("comment", {"type": "string"}, "Is kept with the activity."),
        "activity_skip": flag("activity_skip", "Writes no history; administrators only."),
        "id": path_parameter("id", "A key, or several with commas between them."),
    }


def references(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Shared parameters as an operation names them."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def path_parameter(name: str, description: str, kind: str = "string") -> dict[str, Any]:
    """A varying segment of a path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": kind},
    }


def flag(name: str, description: str) -> dict[str, Any]:
    """A parameter that is 0 or 1."""
    return query_parameter(name, {"type": "integer", "enum": [0, 1]}, description)


def query_parameter(name: str, schema: JSONSchema, description: str) -> dict[str, Any]:
    """A parameter of the query string."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _listed(name: str, description: str, example: list[str] | None) -> dict[str, Any]:
    schema: JSONSchema = {"type": "array", "items": {"type": "string"}}
    if example is not None:
        schema["examples"] = [example]
    return {**query_parameter(name, schema, description), "style": "form", "explode": False}


def _deep(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": True}
    # The example keeps Swagger UI from sending one that it makes up.
    facts = {"style": "deepObject", "explode": True, "example": {}}
    return {**query_parameter(name, schema, description), **facts}


def _named(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
