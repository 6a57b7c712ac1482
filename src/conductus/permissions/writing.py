"""Judges a change: may this actor write here?

Administrators may everything; everybody else is refused, until roles have rules. The
check is made for every change of a request, nested ones included, on *its* collection.
"""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from conductus.errors import (
    ApiError,
    CommentCreateForbidden,
    CommentDeleteForbidden,
    CommentUpdateForbidden,
    CreateForbidden,
    DeleteForbidden,
    Unauthorized,
    UpdateForbidden,
)
from conductus.permissions.actor import Actor
from conductus.schema.model import Collection


class Action(Enum):
    """What is done to an item."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


def judge_write(actor: Actor, action: Action, collection: Collection) -> None:
    """Raises `Unauthorized` for the public, 301, 302 or 303 for everyone else who may not."""
    if actor.administrator:
        return
    if actor.public:
        raise Unauthorized
    raise _write_refusal(action, collection.name)


def judge_comment(actor: Actor, action: Action) -> None:
    """Raises `Unauthorized` for the public, 210, 211 or 212 for everyone else who may not."""
    if actor.administrator:
        return
    if actor.public:
        raise Unauthorized
    raise _comment_refusal(action)


def _write_refusal(action: Action, collection: str) -> ApiError:
    match action:
        case Action.CREATE:
            return CreateForbidden(collection)
        case Action.UPDATE:
            return UpdateForbidden(collection)
        case Action.DELETE:
            return DeleteForbidden(collection)
        case _:
            assert_never(action)


def _comment_refusal(action: Action) -> ApiError:
    match action:
        case Action.CREATE:
            return CommentCreateForbidden()
        case Action.UPDATE:
            return CommentUpdateForbidden()
        case Action.DELETE:
            return CommentDeleteForbidden()
        case _:
            assert_never(action)
