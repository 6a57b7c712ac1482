"""The attributes of users and groups: where each is stored, and what may be asked of it. Pure.

Source: SCIM page §3, §4.2 and §4.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from conductus.projects.provisioned import user_key
from conductus.query.item_query import Compare, Filter, Operator, Some, every, some
from conductus.scim import names
from conductus.scim.terms import (
    Beside,
    Fixed,
    Flag,
    Likeness,
    Named,
    Number,
    Parts,
    Term,
    Terms,
    Text,
)
from conductus.scim.widened import NAMES

Mode = Literal["compat", "strict"]
Kind = Literal["User", "Group"]
ACTIVE: Final = "active"
DELETED: Final = "deleted"
ID: Final = Text(("external_id",), exact=True)
_EXTERNAL: Final = Beside(NAMES, Text(("external_id",), exact=True))
_GIVEN: Final = Text(("first_name",))
_FAMILY: Final = Text(("last_name",))
_EMAIL: Final = Text(("email",))
_EMAIL_PARTS: Final[Terms] = {
    "value": _EMAIL,
    "type": Fixed(names.WORK),
    "primary": Fixed(True),
}
_ROLE: Final = Text(("role", "external_id"), exact=True)
_GROUP_PARTS: Final[Terms] = {"value": _ROLE, "type": Fixed("direct")}
SORTED: Final[Mapping[Kind, Mapping[str, str]]] = {
    "User": {
        "id": "external_id",
        "username": "email",
        "emails": "email",
        "emails.value": "email",
        "name.givenname": "first_name",
        "name.familyname": "last_name",
        "title": "title",
        "locale": "locale",
        "preferredlanguage": "locale",
        "timezone": "timezone",
        "active": "status",
    },
    "Group": {"id": "external_id", "displayname": "name"},
}
"""Attribute in small letters → the column that its order is by."""
EXTERNAL_SORTED: Final = ("externalid", "external_id")
"""Of `compat` besides."""


def user_terms(mode: Mode, known: Mapping[str, int]) -> Terms:
    """What may be asked of users; `known` are those who are asked for by names of their own."""
    strict = mode == "strict"
    name: Term = _EMAIL
    if strict:
        beside = Beside(NAMES, Text(("user_name",)))
        name = Named(beside, _EMAIL, known, user_key)
    return {
        "id": ID if strict else Number(ID, ("id",)),
        "externalid": _EXTERNAL if strict else ID,
        "username": name,
        "name": Parts((_GIVEN, _FAMILY)),
        "name.givenname": _GIVEN,
        "name.familyname": _FAMILY,
        "emails": Parts((_EMAIL,), _EMAIL),
        **{f"emails.{part}": term for part, term in _EMAIL_PARTS.items()},
        "locale": Text(("locale",)),
        "timezone": Text(("timezone",)),
        "title": Text(("title",)),
        "active": Flag(("status",), ACTIVE),
        "groups": Parts((_ROLE,), _ROLE),
        **{f"groups.{part}": term for part, term in _GROUP_PARTS.items()},
    }


def group_terms(mode: Mode) -> Terms:
    """What may be asked of groups."""
    strict = mode == "strict"
    value = Members(member_terms(mode)["value"])
    return {
        "id": ID if strict else Number(ID, ("id",)),
        "externalid": _EXTERNAL if strict else ID,
        "displayname": Text(("name",)),
        "members": Parts((value,), value),
        "members.value": value,
        "members.type": Fixed("User"),
    }


def member_terms(mode: Mode) -> Terms:
    """What may be asked of one member of a group: conditions on users."""
    value: Term = ID if mode == "strict" else _CompatMember()
    return {"value": value, "type": Fixed("User")}


def selected(kind: Kind, attribute: str, mode: Mode) -> Terms | None:
    """What may be asked of one value of an attribute that has several; None for others."""
    match kind, attribute:
        case "User", "emails":
            return _EMAIL_PARTS
        case "User", "groups":
            return _GROUP_PARTS
        case "Group", "members":
            return member_terms(mode)
        case _:
            return None


def among_values(kind: Kind, attribute: str, chosen: Filter) -> Filter:
    """What holds where one of the values of an attribute is so."""
    return member(chosen) if (kind, attribute) == ("Group", "members") else chosen


def member(chosen: Filter) -> Filter:
    """What holds for groups with a member that is so."""
    return Some("users", every(chosen, Compare(("status",), Operator.NEQ, DELETED)))


class _CompatMember:
    """A member as Directus 8 knows it: by e-mail address, by id, by number."""

    _terms = (Number(ID, ("id",)), _EMAIL)

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        return some(*(term.compared(likeness, value) for term in self._terms))

    def present(self) -> Filter:
        """See `Term`."""
        return ID.present()


class Members:
    """The values of all members."""

    def __init__(self, term: Term) -> None:
        self._term = term

    def compared(self, likeness: Likeness, value: Any) -> Filter:
        """See `Term`."""
        return member(self._term.compared(likeness, value))

    def present(self) -> Filter:
        """See `Term`."""
        return member(self._term.present())
