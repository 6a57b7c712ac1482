"""Writes groups: made, renamed, removed; members come and go. Source: SCIM page §3.2, §5, §6."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final, assert_never

from conductus.items.proposals import CreateProposal, DeleteProposal, Proposal, UpdateProposal
from conductus.items.rows import Item
from conductus.query.item_query import Compare, Filter, Operator, Statuses, every, some
from conductus.scim import bodies, names, reading
from conductus.scim.attributes import DELETED, member_terms
from conductus.scim.bodies import Body, Changes
from conductus.scim.companions import UNNAMED, Beside, Names, Unnamed
from conductus.scim.desk import Desk
from conductus.scim.operations import find_operations
from conductus.scim.patching import Cleared, GroupPatch, Joining, Leaving, LeavingWhere, Members
from conductus.scim.preconditions import Precondition
from conductus.scim.refusals import Refused, ResourceNotFound
from conductus.scim.resources import beside_of
from conductus.scim.terms import key_of
from conductus.scim.widened import ROLES, USERS

_AT_ONCE: Final = 50
"""Members that one statement looks for."""


async def create(desk: Desk, body: Body) -> Item:
    """A new group's row. Raises `Refused`, `DuplicateValue`."""
    bodies.check_schemas(body, names.GROUP)
    given = bodies.group_changes(body)
    name = given.get(bodies.NAME)
    if name is None:
        raise Refused("invalidValue", "displayName: a group cannot be without it")
    row: dict[str, Any] = {"name": name}
    external = given.get(bodies.EXTERNAL_ID)
    if not desk.strict:
        # Directus 8 reads `id`, and its documentation says `externalId`.
        stated = external or bodies.text("id", bodies.lowered(body).get("id"))
        row |= {} if stated is None else {"external_id": stated}
    members = await _ids(desk, given.get(bodies.MEMBERS, ()))
    if members:
        row["users"] = [{"id": id} for id in members]
    own = external if desk.strict else UNNAMED
    beside = Beside(desk, "Group", own)
    proposal = CreateProposal(ROLES, row)
    written = await desk.project.writer.together([proposal], desk.context, companion=beside)
    return await _read(desk, written[0].key)


async def change(desk: Desk, id: str, body: Body, condition: Precondition) -> Item:
    """A group's row after a PATCH, of operations or of a resource.

    Raises `ResourceNotFound`, `VersionDiffers`, `Refused`, `DuplicateValue`.
    """
    row = await condition.row(desk, "Group", id)
    operations = find_operations(body)
    if operations is None:
        given = bodies.group_changes(body)
        members = Members()
        if bodies.MEMBERS in given:
            members.replace(given[bodies.MEMBERS])
        return await _change(desk, row, given, members, condition)
    patch = GroupPatch(id, desk.shape.mode)
    await asyncio.to_thread(patch.apply_all, operations)
    return await _change(desk, row, patch.changes, patch.members, condition)


async def replace(desk: Desk, id: str, body: Body, condition: Precondition) -> Item:
    """A group's row after a PUT: merged as Directus 8 does, or what is not sent is emptied.

    Raises as `change`.
    """
    bodies.check_schemas(body, names.GROUP)
    row = await condition.row(desk, "Group", id)
    given = bodies.group_changes(body)
    if desk.strict:
        given = {bodies.EXTERNAL_ID: None, bodies.MEMBERS: [], **given}
        if given.get(bodies.NAME) is None:
            raise Refused("invalidValue", "displayName: a group cannot be without it")
    members = Members()
    if bodies.MEMBERS in given:
        members.replace(given[bodies.MEMBERS])
    return await _change(desk, row, given, members, condition)


async def remove(desk: Desk, id: str, condition: Precondition) -> None:
    """A group is gone. Members that were deleted have no role then; others must have none,
    unless the project's configuration lets them go.

    Raises `ResourceNotFound`, `VersionDiffers`, `Forbidden`.
    """
    row = await condition.row(desk, "Group", id)
    key = int(row["id"])
    leaving: Statuses = "*" if desk.config.detach_on_delete else (DELETED,)
    held = await reading.rows(desk, "User", _of_role(key), statuses=leaving)
    moves = _moves([int(each["id"]) for each in held], _left_role(desk, key))
    proposals = [*moves, DeleteProposal(ROLES, str(key))]
    beside = Beside(desk, "Group", UNNAMED, condition.seen)
    await desk.project.writer.together(proposals, desk.context, companion=beside)


async def _change(
    desk: Desk, row: Item, given: Changes, members: Members, condition: Precondition
) -> Item:
    key = int(row["id"])
    body = {}
    if bodies.NAME in given:
        if given[bodies.NAME] is None:
            raise Refused("invalidValue", "displayName: a group cannot be without it")
        body = {} if given[bodies.NAME] == row.get("name") else {"name": given[bodies.NAME]}
    own: Names | Unnamed = UNNAMED
    if desk.strict and bodies.EXTERNAL_ID in given:
        before = beside_of(row).get("external_id")
        own = UNNAMED if given[bodies.EXTERNAL_ID] == before else given[bodies.EXTERNAL_ID]
    coming, leaving = await _moved(desk, key, members)
    # The names are those of the first that is written.
    first = body or ({"name": row["name"]} if own != UNNAMED else {})
    proposals: list[Proposal] = [UpdateProposal(ROLES, str(key), first)] if first else []
    proposals += [*_moves(coming, key), *_moves(leaving, _left_role(desk, key))]
    if proposals:
        beside = Beside(desk, "Group", own, condition.seen)
        await desk.project.writer.together(proposals, desk.context, companion=beside)
    return await _read(desk, str(key))


async def _moved(desk: Desk, key: int, members: Members) -> tuple[list[int], list[int]]:
    """Who comes and who leaves; who is where it shall be is neither."""
    coming: set[int] = set()
    leaving: set[int] = set()
    cleared = False
    for move in members.moves:
        match move:
            case Joining(values=values):
                joined = set(await _ids(desk, values))
                coming, leaving = coming | joined, leaving - joined
            case Leaving(values=values):
                left = set(await _ids(desk, values, missing=True))
                coming, leaving = coming - left, leaving | left
            case LeavingWhere(chosen=chosen):
                left = await _among(desk, coming, chosen)
                left |= set() if cleared else await _held(desk, key, chosen)
                coming, leaving = coming - left, leaving | left
            case Cleared():
                coming, leaving, cleared = set(), set(), True
            case _:
                assert_never(move)
    leaving = await _held(desk, key, None) if cleared else await _here(desk, key, leaving)
    here = await _here(desk, key, coming)
    return sorted(coming - here), sorted(leaving - coming)


async def _held(desk: Desk, key: int, chosen: Filter | None) -> set[int]:
    """The members of a group that are so."""
    where = _of_role(key) if chosen is None else every(_of_role(key), chosen)
    return {int(each["id"]) for each in await reading.rows(desk, "User", where)}


async def _among(desk: Desk, ids: Iterable[int], chosen: Filter) -> set[int]:
    """Those of the users that are so."""
    found: set[int] = set()
    for some_ids in _batches(sorted(ids)):
        where = every(Compare(("id",), Operator.IN, tuple(some_ids)), chosen)
        found |= {int(each["id"]) for each in await reading.rows(desk, "User", where)}
    return found


async def _here(desk: Desk, key: int, ids: Iterable[int]) -> set[int]:
    """Those of the users that are members already."""
    return await _among(desk, ids, _of_role(key))


async def _ids(desk: Desk, values: Iterable[str], *, missing: bool = False) -> list[int]:
    """The users that are named. Raises `Refused` for one that there is not, but for `missing`."""
    term = member_terms(desk.shape.mode)["value"]
    found: dict[str, int] = {}
    for batch in _batches(list(values)):
        chosen = some(*(term.compared("eq", value) for value in batch))
        rows = await reading.rows(desk, "User", chosen)
        for value in batch:
            named = [int(row["id"]) for row in rows if _is_called(desk, row, value)]
            if named:
                found[value] = named[0]
            elif not missing:
                raise Refused("invalidValue", f"members: there is no user {value!r}")
    return list(dict.fromkeys(found.values()))


def _is_called(desk: Desk, row: Item, value: str) -> bool:
    if row.get("external_id") == value:
        return True
    if desk.strict:
        return False
    return key_of(value) == row["id"] or str(row.get("email")).lower() == value.lower()


def _moves(users: Iterable[int], role: int | None) -> Iterator[Proposal]:
    """Users get a role."""
    return (UpdateProposal(USERS, str(user), {"role": role}) for user in users)


def _left_role(desk: Desk, key: int) -> int | None:
    """The role of those who leave a group."""
    role = desk.config.default_role
    return None if role == key else role


async def _read(desk: Desk, key: str) -> Item:
    same = Compare(("id",), Operator.EQ, int(key))
    found = await reading.rows(desk, "Group", same, members=True)
    if not found:
        raise ResourceNotFound("Group", key)
    return found[0]


def _of_role(key: int) -> Filter:
    return Compare(("role",), Operator.EQ, key)


def _batches(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
