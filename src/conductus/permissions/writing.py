"""Judges a change: may this actor write here? Pure.

In two parts. What the request alone tells is judged before the first statement: the
ability at all, explanations, blacklists, the status of a new item (`judge_wish`). What
hangs on the row is judged when that is known: its owner, its status, where it is moved
(`judge_row`). Every change of a request passes both, nested ones and batches included, on
*its* collection. Source: permissions page §3.3 to §8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, assert_never

from msgspec import UNSET, Struct, UnsetType

from conductus.errors import (
    ApiError,
    CommentCreateForbidden,
    CommentDeleteForbidden,
    CommentUpdateForbidden,
    CreateForbidden,
    DeleteForbidden,
    FieldWriteForbidden,
    Forbidden,
    Unauthorized,
    UpdateForbidden,
)
from conductus.permissions.actor import Actor
from conductus.permissions.levels import CommentLevel, Explain, Level
from conductus.permissions.policy import Policy, Rule
from conductus.schema.model import Collection

_USERS: Final = "directus_users"
_PRESETS: Final = "directus_collection_presets"


class Action(Enum):
    """What is done to an item."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Wish(Struct, frozen=True, kw_only=True):
    """What is wanted of one item, as far as the request tells."""

    collection: Collection
    action: Action
    names: frozenset[str] = frozenset()
    """Fields that are written."""
    status: str | UnsetType | None = UNSET
    """The status that is written; of a new item the default when none is."""
    owner: Any = UNSET
    """The owner that is written, in plain form."""
    explained: bool = False

    @property
    def deletes(self) -> bool:
        """True when the item is removed, or put among the deleted ones."""
        return self.action is Action.DELETE or _means_deleted(self.collection, self.status)


def check_able(actor: Actor, policy: Policy, action: Action, collection: str) -> None:
    """Whether the actor may do this to any item at all; who may not learns nothing else.

    Raises `Unauthorized` for the public, 301, 302 or 303 for everyone else.
    """
    if policy.administrator:
        return
    levels = (_level(rule, action) for rule in policy.on(collection).applicable())
    if not any(level >= Level.MINE for level in levels):
        raise _refusal(actor, action, collection)


def check_able_to_change(
    actor: Actor, policy: Policy, collection: Collection, bodies: Iterable[Mapping[str, Any]] = ()
) -> None:
    """Like `check_able` for changes, which delete where they write a status of deleted ones."""
    if policy.administrator:
        return
    rules = policy.on(collection.name).applicable()
    if not any(max(rule.update, rule.delete) >= Level.MINE for rule in rules):
        stated = [str(body.get(collection.status_field or "")) for body in bodies]
        deletes = bool(stated) and all(_means_deleted(collection, one) for one in stated)
        action = Action.DELETE if deletes else Action.UPDATE
        raise _refusal(actor, action, collection.name)


def check_able_to_comment(actor: Actor, policy: Policy, action: Action) -> None:
    """Whether the actor may do this to any comment at all.

    Raises `Unauthorized` for the public, 210, 211 or 212 for everyone else who may not.
    """
    if policy.administrator:
        return
    needed = CommentLevel.CREATE if action is Action.CREATE else CommentLevel.UPDATE
    rows = (rule for rules in policy.rules.values() for rule in rules.applicable())
    if not any(rule.comment >= needed for rule in rows):
        raise _comment_refusal(actor, action)


def judge_wish(actor: Actor, policy: Policy, wish: Wish) -> None:
    """What can be said before the row is known: ability, explanation, blacklists.

    Raises 301, 302, 303 (`Unauthorized` for the public), `Forbidden` where an explanation
    is missing, `FieldWriteForbidden`.
    """
    if policy.administrator:
        return
    collection = wish.collection
    rules = policy.on(collection.name)
    if wish.action is Action.CREATE:
        rule = rules.row(_text(wish.status))
        if rule is None or _level(rule, Action.CREATE) < Level.MINE:
            raise _refusal(actor, Action.CREATE, collection.name)
        new = rules.on_create
        if new is not None and _text(wish.status) in new.status_blacklist:
            raise _refusal(actor, Action.CREATE, collection.name)
        _check_explained(rule, wish)
        _check_fields(wish, wish.names, rule, new)
        return
    check_able(actor, policy, Action.DELETE if wish.deletes else Action.UPDATE, collection.name)
    stated = default_status(collection) if wish.status is UNSET else wish.status
    _check_explained(rules.row(stated), wish)
    if wish.action is Action.UPDATE and (wish.status is not UNSET or not rules.workflow):
        _check_fields(wish, wish.names, rules.row(_text(wish.status)))


def judge_row(
    actor: Actor,
    policy: Policy,
    wish: Wish,
    row: Mapping[str, Any],
    owner_role: int | None,
    tied: frozenset[str] = frozenset(),
) -> None:
    """What the row tells: whose it is, in which status, and where it is moved.

    `owner_role` is the role of `deciding_owner`; `tied` are fields that get another value
    though the payload does not name them. Raises 302, 303, `FieldWriteForbidden`.
    """
    if policy.administrator:
        return
    collection = wish.collection
    current = _status_of(collection, row)
    rule = policy.on(collection.name).row(current)
    action = _action_on(wish, current)
    needed = _needed(actor, policy, action, collection, row, owner_role)
    if rule is None or _level(rule, action) < needed:
        raise _refusal(actor, action, collection.name)
    if wish.action is not Action.UPDATE:
        return
    if action is Action.UPDATE and _means_deleted(collection, current):
        raise _refusal(actor, Action.UPDATE, collection.name)
    if wish.status is not UNSET and wish.status != current and wish.status in rule.status_blacklist:
        raise _refusal(actor, Action.UPDATE, collection.name)
    target = rule if wish.status is UNSET else policy.on(collection.name).row(wish.status)
    _check_fields(wish, wish.names | tied, rule, target)
    moved = _moves_owner(wish, row) or collection.owner_field in tied
    if moved and rule.update < Level.FULL:
        raise FieldWriteForbidden(collection.owner_field or "", collection.name)


def judge_tie_of_new(actor: Actor, collection: Collection, field: str, parent: Any) -> None:
    """An item that is made in a list of somebody's items: whoever makes one owns it.

    `parent` is the key of whose list it is, None for one who is new. Raises
    `FieldWriteForbidden`; not to be asked of administrators.
    """
    if field == collection.owner_field and parent != actor.user:
        raise FieldWriteForbidden(field, collection.name)


def deciding_owner(actor: Actor, policy: Policy, wish: Wish, row: Mapping[str, Any]) -> int | None:
    """The user whose role decides about the row; None when no other user's does."""
    if policy.administrator:
        return None
    current = _status_of(wish.collection, row)
    rule = policy.on(wish.collection.name).row(current)
    action = _action_on(wish, current)
    if rule is None or _level(rule, action) is not Level.ROLE or policy.nobody:
        return None
    if wish.collection.name == _USERS:
        return None
    field = _owner_field(wish.collection, action)
    owner = None if field is None else row[field]
    return None if owner is None or owner == actor.user else owner


def writable(policy: Policy, collection: Collection, current: Any, target: Any) -> frozenset[str]:
    """Fields that may be written when an item goes from one status to another."""
    names = frozenset(collection.fields)
    if policy.administrator:
        return names
    rules = policy.on(collection.name)
    for rule in (rules.row(current), rules.row(target)):
        names -= rule.write_blacklist if rule is not None else frozenset()
    return names


def judge_comment(
    actor: Actor, policy: Policy, action: Action, collection: Collection, item: Mapping[str, Any],
    *, own: bool,
) -> None:  # fmt: skip
    """A comment on an item, by the row of its collection and status.

    Raises `Unauthorized` for the public, 210, 211 or 212 for everyone else who may not.
    """
    if policy.administrator:
        return
    rule = policy.on(collection.name).row(_status_of(collection, item))
    if action is Action.CREATE:
        needed = CommentLevel.CREATE
    else:
        needed = CommentLevel.UPDATE if own and not actor.public else CommentLevel.FULL
    if rule is None or rule.comment < needed:
        raise _comment_refusal(actor, action)


def default_status(collection: Collection) -> str | None:
    """The status of a new item that names none."""
    if collection.status_field is None:
        return None
    column = collection.fields[collection.status_field].column
    return None if column is None or column.default is None else str(column.default)


# -- parts of the rules -----------------------------------------------------------------


def _level(rule: Rule, action: Action) -> Level:
    match action:
        case Action.CREATE:
            # `mine` and `role` say nothing of an item that is nobody's yet.
            return Level.FULL if rule.create else Level.NONE
        case Action.UPDATE:
            return rule.update
        case Action.DELETE:
            return rule.delete
        case _:
            assert_never(action)


def _action_on(wish: Wish, current: str | None) -> Action:
    """Putting an item among the deleted ones is deleting it."""
    if wish.action is Action.UPDATE and wish.deletes and wish.status != current:
        return Action.DELETE
    return wish.action


def _needed(
    actor: Actor,
    policy: Policy,
    action: Action,
    collection: Collection,
    row: Mapping[str, Any],
    owner_role: int | None,
) -> Level:
    """The level that reaches as far as the owner of the row."""
    field = _owner_field(collection, action)
    owner = None if field is None else row[field]
    if owner is None or policy.nobody:
        return Level.FULL
    if owner == actor.user:
        return Level.MINE
    if owner_role is not None and owner_role == policy.role:
        return Level.ROLE
    return Level.FULL


def _owner_field(collection: Collection, action: Action) -> str | None:
    """The field that says whose an item is. Users are their own, but not to be deleted."""
    if collection.name == _USERS:
        return "id" if action is Action.UPDATE else None
    return "user" if collection.name == _PRESETS else collection.owner_field


def _moves_owner(wish: Wish, row: Mapping[str, Any]) -> bool:
    field = wish.collection.owner_field
    return field is not None and wish.owner is not UNSET and wish.owner != row[field]


def _check_explained(rule: Rule | None, wish: Wish) -> None:
    if rule is None or wish.explained:
        return
    if rule.explain is Explain.ALWAYS or rule.explain.value == wish.action.value:
        raise Forbidden(
            f"Changes of {wish.collection.name!r} need an explanation: send it as `comment`"
        )


def _check_fields(wish: Wish, names: frozenset[str], *rules: Rule | None) -> None:
    """Raises `FieldWriteForbidden`. The key may always be named, and a status that deletes."""
    collection = wish.collection
    free = set(collection.primary_key)
    if wish.action is Action.UPDATE and wish.deletes and collection.status_field is not None:
        free.add(collection.status_field)
    for rule in rules:
        refused = () if rule is None else (names & rule.write_blacklist) - free
        if refused:
            raise FieldWriteForbidden(min(refused), collection.name)


def _status_of(collection: Collection, row: Mapping[str, Any]) -> str | None:
    field = collection.status_field
    value = None if field is None else row[field]
    return None if value is None else str(value)


def _means_deleted(collection: Collection, status: str | UnsetType | None) -> bool:
    return any(known.soft_delete and str(known.value) == status for known in collection.statuses)


def _text(status: str | UnsetType | None) -> str | None:
    return None if status is UNSET else status


def _refusal(actor: Actor, action: Action, collection: str) -> ApiError:
    if actor.public:
        return Unauthorized()
    match action:
        case Action.CREATE:
            return CreateForbidden(collection)
        case Action.UPDATE:
            return UpdateForbidden(collection)
        case Action.DELETE:
            return DeleteForbidden(collection)
        case _:
            assert_never(action)


def _comment_refusal(actor: Actor, action: Action) -> ApiError:
    if actor.public:
        return Unauthorized()
    match action:
        case Action.CREATE:
            return CommentCreateForbidden()
        case Action.UPDATE:
            return CommentUpdateForbidden()
        case Action.DELETE:
            return CommentDeleteForbidden()
        case _:
            assert_never(action)
