"""Writes users: made, changed, replaced, shut out. Source: SCIM page §5 and §6."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from conductus.errors import DuplicateValue
from conductus.items.proposals import CreateProposal, UpdateProposal
from conductus.items.rows import Item
from conductus.projects.provisioned import NO_NAMES, UserNames, user_key
from conductus.query.item_query import Compare, Operator
from conductus.schema.validation import is_email
from conductus.scim import bodies, names, reading
from conductus.scim.attributes import ACTIVE, DELETED
from conductus.scim.bodies import Body, Changes
from conductus.scim.companions import UNNAMED, Beside, Unnamed
from conductus.scim.desk import Desk
from conductus.scim.operations import find_operations
from conductus.scim.patching import UserPatch
from conductus.scim.preconditions import Precondition
from conductus.scim.refusals import Refused, ResourceNotFound, Taken
from conductus.scim.resources import beside_of
from conductus.scim.widened import USERS

_DRAFT: Final = "draft"
_SUSPENDED: Final = "suspended"
_PLAIN: Final[tuple[str, ...]] = (
    *(bodies.GIVEN, bodies.FAMILY, bodies.LOCALE, bodies.TIMEZONE, bodies.TITLE, bodies.COMPANY),
)
_LONGEST_NAME: Final = 255


async def create(desk: Desk, body: Body) -> Item:
    """A new user's row. Raises `Refused`, `DuplicateValue`."""
    bodies.check_schemas(body, names.USER)
    given = bodies.user_changes(body, merge=False)
    email, called = _addressed(desk, given)
    row: dict[str, Any] = {name: given[name] for name in _PLAIN if given.get(name) is not None}
    row |= {"email": email, "status": ACTIVE if given.get(bodies.ACTIVE) else _DRAFT}
    row |= _password(desk, given)
    external = given.get(bodies.EXTERNAL_ID)
    if external is not None and not desk.strict:
        row["external_id"] = external
    own: UserNames | Unnamed = UNNAMED
    if desk.strict:
        own = _names(external, called, email)
        await _check_free(desk, called, None)
    if desk.config.default_role is not None:
        row["role"] = desk.config.default_role
    try:
        return await _write(desk, None, row, own)
    except DuplicateValue:
        deleted = await _deleted(desk, email) if desk.config.revive_deleted else None
        if deleted is None:
            raise
        return await _write(desk, str(deleted["id"]), row, own)


async def change(desk: Desk, id: str, body: Body, condition: Precondition) -> Item:
    """A user's row after a PATCH, of operations or of a resource.

    Raises `ResourceNotFound`, `VersionDiffers`, `Refused`, `DuplicateValue`.
    """
    row = await condition.row(desk, "User", id)
    operations = find_operations(body)
    if operations is None:
        return await _change(desk, row, bodies.user_changes(body, merge=True), condition)
    patch = UserPatch(id, str(row.get("email")), desk.shape.mode)
    # What is read there is a language: others must not wait for it.
    await asyncio.to_thread(patch.apply_all, operations)
    return await _change(desk, row, patch.changes, condition)


async def replace(desk: Desk, id: str, body: Body, condition: Precondition) -> Item:
    """A user's row after a PUT: merged as Directus 8 does, or what is not sent is emptied.

    Raises as `change`.
    """
    bodies.check_schemas(body, names.USER)
    row = await condition.row(desk, "User", id)
    given = bodies.user_changes(body, merge=False)
    if desk.strict:
        if bodies.USER_NAME not in given:
            raise Refused("invalidValue", "userName: a user cannot be without it")
        given = {**dict.fromkeys(sorted(bodies.NULLABLE)), **given}
    return await _change(desk, row, given, condition)


async def remove(desk: Desk, id: str, condition: Precondition) -> None:
    """A user is among the deleted ones, and its sessions are over.

    Raises `ResourceNotFound`, `VersionDiffers`, `LastAdministrator`.
    """
    row = await condition.row(desk, "User", id)
    proposal = UpdateProposal(USERS, str(row["id"]), {"status": DELETED})
    own = NO_NAMES if desk.strict else UNNAMED
    beside = Beside(desk, "User", own, condition.seen)
    await desk.project.writer.together([proposal], desk.context, companion=beside)


async def _change(desk: Desk, row: Item, given: Changes, condition: Precondition) -> Item:
    body: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if bodies.ACTIVE in given:
        body["status"] = _status(str(row.get("status")), active=given[bodies.ACTIVE])
    if body.get(bodies.TIMEZONE, "") is None:
        raise Refused("invalidValue", "timezone: a user cannot be without it")
    own: UserNames | Unnamed = UNNAMED
    if desk.strict:
        own = await _renamed(desk, row, given, body)
    else:
        _readdressed(given, body)
    written = {name: value for name, value in body.items() if row.get(name) != value}
    written |= _password(desk, given)
    if not written and own == UNNAMED:
        return row
    return await _write(desk, str(row["id"]), written, own, condition)


async def _write(
    desk: Desk,
    key: str | None,
    body: Mapping[str, Any],
    own: UserNames | Unnamed,
    condition: Precondition | None = None,
) -> Item:
    beside = Beside(desk, "User", own, None if condition is None else condition.seen)
    row = dict(body)
    proposal = CreateProposal(USERS, row) if key is None else UpdateProposal(USERS, key, row)
    (made,) = await desk.project.writer.together([proposal], desk.context, companion=beside)
    found = await reading.rows(desk, "User", Compare(("id",), Operator.EQ, int(made.key)))
    if not found:
        raise ResourceNotFound("User", made.key)
    return found[0]


def _addressed(desk: Desk, given: Changes) -> tuple[str, str]:
    """The e-mail address and the name of a new user."""
    called, email = given.get(bodies.USER_NAME), given.get(bodies.EMAIL)
    if not desk.strict:
        address = email or called
        if address is None:
            raise Refused("invalidValue", "userName: a name or an e-mail address is needed")
        return address, address
    if called is None:
        raise Refused("invalidValue", "userName: a user cannot be without it")
    if email is None and not is_email(called):
        raise Refused("invalidValue", "emails: an address is needed, as userName is none")
    return email or called, called


def _readdressed(given: Changes, body: dict[str, Any]) -> None:
    """What the name and the address of Directus 8 make of the one column that they are."""
    for key in (bodies.USER_NAME, bodies.EMAIL):
        if key not in given:
            continue
        if given[key] is None:
            raise Refused("invalidValue", "userName: a user cannot be without it")
        body["email"] = given[key]


async def _renamed(
    desk: Desk, row: Item, given: Changes, body: dict[str, Any]
) -> UserNames | Unnamed:
    """The names that a user has afterwards; the address follows a name that it was."""
    if not given.keys() & {bodies.USER_NAME, bodies.EMAIL, bodies.EXTERNAL_ID}:
        return UNNAMED
    before, address = beside_of(row), str(row.get("email"))
    called = given.get(bodies.USER_NAME, before.get("user_name") or address)
    email = given.get(bodies.EMAIL, address)
    if called is None or email is None:
        raise Refused("invalidValue", "A user cannot be without userName and an e-mail address")
    if bodies.USER_NAME in given and bodies.EMAIL not in given:
        followed = not before.get("user_name")
        email = called if followed and is_email(called) else email
    if bodies.EMAIL in given and bodies.USER_NAME not in given:
        called = before.get("user_name") or address
    body["email"] = email
    external = given.get(bodies.EXTERNAL_ID, before.get("external_id"))
    own = _names(external, called, email)
    now = UserNames(external_id=before.get("external_id"), user_name=before.get("user_name"))
    await _check_free(desk, called, int(row["id"]))
    return UNNAMED if own == now else own


def _names(external: str | None, called: str, email: str) -> UserNames:
    for name, value in (("externalId", external), ("userName", called)):
        if value is not None and len(value) > _LONGEST_NAME:
            raise Refused("invalidValue", f"{name}: takes {_LONGEST_NAME} characters")
    return UserNames(external_id=external, user_name=None if called == email else called)


async def _check_free(desk: Desk, called: str, user: int | None) -> None:
    """Raises `Taken` where somebody else has the name."""
    found = [each for each in await reading.called(desk, called) if int(each["id"]) != user]
    deleted = desk.config.revive_deleted and all(each["status"] == DELETED for each in found)
    if found and not deleted:
        raise Taken("userName")


def _status(before: str, *, active: bool) -> str:
    """Whoever was not active stays what it was."""
    if active:
        return ACTIVE
    return _SUSPENDED if before == ACTIVE else before


def _password(desk: Desk, given: Changes) -> dict[str, Any]:
    password = given.get(bodies.PASSWORD)
    return {"password": password} if password and desk.config.passwords else {}


async def _deleted(desk: Desk, email: str) -> Item | None:
    """The user of that address who was deleted."""
    alike = Compare(("email",), Operator.ALIKE, email)
    found = await reading.rows(desk, "User", alike, statuses=(DELETED,))
    return found[0] if found and user_key(str(found[0]["email"])) == user_key(email) else None
