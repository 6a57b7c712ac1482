"""What goes wrong, as GraphQL tells it. Source: GraphQL page §2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphql import FieldNode, GraphQLError, get_location

from conductus.errors import ApiError, BadRequest

Problem = dict[str, Any]


class Refused(Exception):
    """A request that is not carried out: its answer has no data."""

    def __init__(self, problems: Sequence[Problem], status: int = 400) -> None:
        super().__init__(problems)
        self.problems = list(problems)
        self.status = status


def told(error: ApiError, nodes: Sequence[FieldNode] = (), path: Sequence[str] = ()) -> Problem:
    """An error of ours, with its numeric code."""
    found: Problem = {"message": error.message}
    if nodes:
        found["locations"] = [place for node in nodes for place in _places(node)]
    if path:
        found["path"] = list(path)
    extensions: dict[str, Any] = {"code": error.code, "http": error.status}
    if error.details:
        extensions["details"] = error.details
    return found | {"extensions": extensions}


def refused(errors: Iterable[GraphQLError]) -> Refused:
    """What is wrong with a document or its variables, as graphql-core says it."""
    said = {"code": BadRequest.code, "http": BadRequest.status}
    return Refused([{**error.formatted, "extensions": said} for error in errors])


def refusal(error: ApiError, status: int = 400) -> Refused:
    """A request that one of our errors keeps from being carried out."""
    return Refused([told(error)], status)


def _places(node: FieldNode) -> Iterable[dict[str, int]]:
    if node.loc is not None:
        found = get_location(node.loc.source, node.loc.start)
        yield {"line": found.line, "column": found.column}
