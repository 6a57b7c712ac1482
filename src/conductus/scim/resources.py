"""Rows of users and roles as resources, and their versions. Pure.

Source: SCIM page §3 and §8 (ETag).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from conductus.query.item_query import Selection
from conductus.scim import names
from conductus.scim.attributes import ACTIVE, Kind, Mode
from conductus.scim.widened import NAMES, ROLES, USERS

Item = Mapping[str, Any]
Resource = dict[str, Any]
COLLECTIONS: Final[Mapping[Kind, str]] = {"User": USERS, "Group": ROLES}
VERSIONED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "User": (
        *("external_id", "email", "first_name", "last_name", "locale", "timezone"),
        *("status", "role", "title", "company"),
    ),
    "Group": ("external_id", "name"),
}
"""Columns whose values a version stands for."""
_MEMBER: Final = Selection(("id", "external_id", "email", "first_name", "last_name"))
_ROLE: Final = Selection(("id", "external_id", "name"))
_SAID: Final = frozenset({"locale", "emails", "members"})
"""What Directus 8 shows also where there is nothing."""
_encode = msgspec.json.Encoder().encode


class Times(Struct, frozen=True):
    """When a resource was made and changed, as far as history tells."""

    created: str | None = None
    changed: str | None = None


NO_TIMES: Final = Times()


class Shape(Struct, frozen=True):
    """How resources of one project are shown."""

    mode: Mode
    base: str
    """Address of the endpoints, without a slash at its end."""

    @property
    def strict(self) -> bool:
        """Identifiers as the RFC has them."""
        return self.mode == "strict"

    def location(self, kind: Kind, id: str) -> str:
        """The address of a resource."""
        return f"{self.base}/{kind}s/{quote(id, safe='')}"


def selection(kind: Kind, mode: Mode, *, members: bool = True) -> Selection:
    """What is read of rows to show them."""
    beside = ("external_id", "user_name") if kind == "User" else ("external_id",)
    expanded = [(NAMES, Selection(beside))] if mode == "strict" else []
    if kind == "User":
        own = ("id", *(name for name in VERSIONED["User"] if name != "role"))
        return Selection(own, (("role", _ROLE), *expanded))
    if members:
        expanded.append(("users", _MEMBER))
    return Selection(("id", *VERSIONED["Group"]), tuple(expanded))


def user(row: Item, shape: Shape, times: Times = NO_TIMES) -> Resource:
    """A user."""
    beside = beside_of(row)
    company, email = row.get("company"), row.get("email")
    schemas = [names.USER, *([names.ENTERPRISE] if company else [])]
    found: Resource = {
        "schemas": schemas,
        **_identity("User", row, shape, times),
        "name": {"familyName": row.get("last_name"), "givenName": row.get("first_name")},
        "userName": beside.get("user_name") or email,
        "displayName": _full_name(row) or None,
        "emails": [_email(email, shape)] if email else [],
        "title": row.get("title"),
        "locale": row.get("locale"),
        "preferredLanguage": row.get("locale"),
        "timezone": row.get("timezone"),
        "active": row.get("status") == ACTIVE,
        "groups": _groups(row.get("role"), shape),
        names.ENTERPRISE: {"organization": company} if company else None,
    }
    return _assigned(found, shape)


def group(row: Item, shape: Shape, times: Times = NO_TIMES) -> Resource:
    """A group."""
    found = {
        "schemas": [names.GROUP],
        **_identity("Group", row, shape, times),
        "displayName": row.get("name"),
    }
    if "users" in row:
        found["members"] = [_member(each, shape) for each in row["users"]]
    return _assigned(found, shape)


def resource(kind: Kind, row: Item, shape: Shape, times: Times = NO_TIMES) -> Resource:
    """A user or a group."""
    return user(row, shape, times) if kind == "User" else group(row, shape, times)


def version(kind: Kind, row: Item) -> str | None:
    """The weak tag of everything that is shown; None of a group whose members were not read."""
    if kind == "Group" and "users" not in row:
        return None
    values = [_plain(row.get(name)) for name in VERSIONED[kind]]
    members = sorted(int(each["id"]) for each in row.get("users", ()))
    beside = beside_of(row)
    told = [values, members, [beside.get("external_id"), beside.get("user_name")]]
    return f'W/"{sha256(_encode(told)).hexdigest()[:32]}"'


def beside_of(row: Item) -> Item:
    """The names that a provider gave; empty where it gave none."""
    found = row.get(NAMES) or [{}]
    return dict(found[0])


def _identity(kind: Kind, row: Item, shape: Shape, times: Times) -> Resource:
    id = str(row.get("external_id") or "")
    external = beside_of(row).get("external_id") if shape.strict else row["id"]
    meta = {
        "resourceType": kind,
        "created": times.created,
        "lastModified": times.changed,
        "location": shape.location(kind, id),
        "version": version(kind, row),
    }
    told = {name: value for name, value in meta.items() if value is not None}
    return {"id": id, "externalId": external, "meta": told}


def _email(email: str, shape: Shape) -> Resource:
    found: Resource = {"value": email, "type": names.WORK}
    # There is one, so that of the RFC's words this one says nothing.
    return found if shape.strict else {**found, "primary": True}


def _groups(role: Any, shape: Shape) -> list[Resource] | None:
    if not isinstance(role, Mapping) or not role.get("external_id"):
        return None
    id = str(role["external_id"])
    found = {"value": id, "$ref": shape.location("Group", id), "display": role.get("name")}
    return [{**found, "type": "direct"}]


def _member(row: Item, shape: Shape) -> Resource:
    id = str(row.get("external_id") or "")
    ref = shape.location("User", id)
    if shape.strict:
        return {"value": id, "$ref": ref, "type": "User"}
    return {"value": row.get("email"), "$ref": ref, "display": _full_name(row)}


def _full_name(row: Item) -> str:
    return " ".join(str(row[name]) for name in ("first_name", "last_name") if row.get(name))


def _assigned(found: Resource, shape: Shape) -> Resource:
    """Without what has no value; Directus 8 says null of some."""
    if "name" in found and shape.strict:
        found["name"] = {part: value for part, value in found["name"].items() if value}
    said = () if shape.strict else _SAID
    return {
        name: value for name, value in found.items() if value not in (None, [], {}) or name in said
    }


def _plain(value: Any) -> Any:
    return value.get("id") if isinstance(value, Mapping) else value
