"""Says in words what permission rows decide about a request. Pure.

For administrators who ask why somebody may not, or why somebody may. It tells what the
rows grant; guards of users and roles may refuse more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from conductus.errors import ThingNotFound
from conductus.permissions.actor import Actor
from conductus.permissions.levels import Explain, Level
from conductus.permissions.policy import Policy, Rule
from conductus.schema.model import Collection, Schema

_ACTIONS: Final[Mapping[str, str]] = {
    "GET": "read",
    "HEAD": "read",
    "SEARCH": "read",
    "POST": "create",
    "PATCH": "update",
    "PUT": "update",
    "DELETE": "delete",
}
_REACH: Final[Mapping[Level, str]] = {
    Level.NONE: "no items",
    Level.MINE: "items that the user owns",
    Level.ROLE: "items that users of the same role own",
    Level.FULL: "all items",
}


USER_FIELDS: Final = "id,email,status,2fa_secret,role.id,role.enforce_2fa,role.ip_whitelist"
"""What must be known of a user who asks."""


class Asker(Struct, frozen=True):
    """A user as a request of theirs is taken, and why."""

    actor: Actor
    because: tuple[str, ...] = ()


def asker(user: Mapping[str, Any]) -> Asker:
    """How the server takes a request of the user, of whom `USER_FIELDS` are given."""
    role = user["role"] or {}
    if user["status"] != "active":
        return Asker(Actor(), (f"The user is {user['status']}, and so asks as the public.",))
    if role.get("enforce_2fa") and not user["2fa_secret"]:
        untold = f"Role {role['id']} asks for a second factor, and the user has none"
        return Asker(Actor(), (f"{untold}, and so asks as the public.",))
    actor = Actor(user=user["id"], role=role.get("id"), credential="static")
    if not role.get("ip_whitelist"):
        return Asker(actor)
    heard = ", ".join(role["ip_whitelist"])
    return Asker(actor, (f"Role {role['id']} is refused from everywhere but {heard}.",))


class Asked(Struct, frozen=True):
    """What a request would do."""

    action: str
    collection: str


def asked(method: str, path: str) -> Asked:
    """What a request below the project does. Raises `ThingNotFound` where rows say nothing."""
    action = _ACTIONS.get(method.upper())
    section, _, rest = path.strip("/").partition("/")
    name = rest.partition("/")[0] if section == "items" else f"directus_{section}"
    if action is None or not name or name == "directus_":
        raise ThingNotFound(f"No permission row decides about {method} {path}")
    return Asked(action, name)


def explained(policy: Policy, request: Asked, schema: Schema) -> list[str]:
    """What decides about the request, a sentence for each fact.

    Raises `ThingNotFound` where rows say nothing.
    """
    section = request.collection.removeprefix("directus_")
    if section != request.collection and request.collection not in schema.collections:
        raise ThingNotFound(f"No permission row decides about /{section}")
    if policy.administrator:
        return ["Role 1 may everything: no row is looked at."]
    if policy.role is None:
        return ["The user has no role, and so may nothing."]
    collection = schema.collections.get(request.collection)
    if collection is None:
        return [f"There is no collection {request.collection}."]
    rules = policy.on(request.collection)
    if not rules.applicable():
        return [f"Role {policy.role} has no row for {request.collection}, and so no access."]
    told = []
    if rules.workflow:
        told.append("Rows of statuses decide; one of the whole collection would not count.")
    for rule in rules.applicable():
        told += _rule(rule, request.action, collection)
    missing = _without_rows(collection, rules.by_status)
    if rules.workflow and missing:
        told.append(f"No row, and so no access, in the statuses {', '.join(missing)}.")
    return told


def _rule(rule: Rule, action: str, collection: Collection) -> Iterable[str]:
    level: Level = getattr(rule, action)
    place = "the whole collection" if rule.status is None else f"the status {rule.status}"
    reach = "new items" if action == "create" and level else _REACH[level]
    yield f"Row {rule.id}, for {place}, has {action}: {level.name.lower()}, which means {reach}."
    owned = collection.owner_field is not None or collection.system
    if Level.NONE < level < Level.FULL and action != "create" and not owned:
        yield "The collection has no owner field, so that is nothing."
    hidden = rule.read_blacklist if action == "read" else rule.write_blacklist
    if hidden and action != "delete":
        verb = "read" if action == "read" else "written"
        yield f"These fields may not be {verb}: {', '.join(sorted(hidden))}."
    if rule.explain is Explain.ALWAYS or rule.explain.value == action:
        yield "It must come with a comment that explains it."


def _without_rows(collection: Collection, by_status: Mapping[str, Rule]) -> list[str]:
    return [str(one.value) for one in collection.statuses if str(one.value) not in by_status]
