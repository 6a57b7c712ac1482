"""Operations on users and groups, worked out to what is to be written. Pure.

Source: SCIM page §6; RFC 7644 §3.5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from conductus.query.item_query import ALL, Filter
from conductus.scim import bodies, names
from conductus.scim.attributes import Mode, member_terms
from conductus.scim.bodies import Changes
from conductus.scim.operations import READ_ONLY, Operation
from conductus.scim.refusals import Refused
from conductus.scim.terms import Fixed, Terms

if TYPE_CHECKING:
    from conductus.scim.grammar import Place

_ENTERPRISE: Final = names.ENTERPRISE.lower()
_PASSED_OVER: Final = frozenset(
    (
        *("displayname", "nickname", "profileurl", "usertype", "phonenumbers", "ims", "photos"),
        *("addresses", "entitlements", "roles", "x509certificates", "emails.type"),
        *("emails.primary", "emails.display", "name.formatted", "name.middlename"),
        *("name.honorificprefix", "name.honorificsuffix", f"{_ENTERPRISE}:employeenumber"),
        *(f"{_ENTERPRISE}:costcenter", f"{_ENTERPRISE}:division", f"{_ENTERPRISE}:department"),
        f"{_ENTERPRISE}:manager",
    )
)
"""Attributes of the RFC that nothing stores."""
KNOWN: Final = frozenset({*bodies.USER_LEAVES, "name", _ENTERPRISE, *_PASSED_OVER})


class UserPatch:
    """Operations on one user, one after the other."""

    def __init__(self, id: str, email: str, mode: Mode) -> None:
        self._id = id
        self._email = email
        self._mode = mode
        self.changes: Changes = {}

    def apply_all(self, operations: Iterable[Operation]) -> None:
        """One after the other. Raises `Refused`."""
        for operation in operations:
            self._apply(operation)

    def _apply(self, operation: Operation) -> None:
        if operation.path is not None:
            self._at(operation, _place(operation.path, "User"))
            return
        for name, value in bodies.lowered(operation.value).items():
            if name == "id" and value not in (None, self._id):
                raise Refused("mutability", "The id of a user stays")
            if name in READ_ONLY:
                continue
            named = _find_place(name, "User")
            if named is not None and _known(named, KNOWN):
                self._at(Operation(operation.op, name, value, True), named)

    def _at(self, operation: Operation, place: Place) -> None:
        _check(place, KNOWN)
        if place.filter is not None and not self._chosen(operation, place):
            return
        if operation.op == "remove":
            self._remove(place)
        elif place.name == "name":
            self.changes |= bodies.full_name(operation.value, merge=True)
        elif place.name == _ENTERPRISE:
            self.changes |= bodies.organization(operation.value, merge=True)
        elif place.name in bodies.USER_LEAVES:
            self._set(place.name, operation.value)

    def _set(self, name: str, value: Any) -> None:
        key = bodies.USER_LEAVES[name]
        match key:
            case bodies.ACTIVE:
                self.changes[key] = bodies.flag(value)
            case bodies.EMAIL:
                self.changes[key] = bodies.chosen_email(value)
            case _:
                self.changes[key] = bodies.text(name, value)

    def _remove(self, place: Place) -> None:
        match place.name:
            case "name":
                self.changes |= {bodies.GIVEN: None, bodies.FAMILY: None}
            case name if name == _ENTERPRISE:
                self.changes[bodies.COMPANY] = None
            case name if name in bodies.USER_LEAVES:
                key = bodies.USER_LEAVES[name]
                if key not in bodies.NULLABLE and key != bodies.PASSWORD:
                    raise Refused("invalidValue", f"{name}: a user cannot be without it")
                self.changes[key] = None

    def _chosen(self, operation: Operation, place: Place) -> bool:
        """Whether the filter in brackets means the one address that there is."""
        if place.attribute != "emails":
            if place.attribute in _PASSED_OVER:
                return False
            raise Refused("invalidPath", f"{place.attribute} has a single value")
        email = self.changes.get(bodies.EMAIL) or self._email
        terms: Terms = {
            "value": Fixed(email),
            "type": Fixed(names.WORK),
            "primary": Fixed(True),
        }
        if _values(place, terms) == ALL:
            return True
        if operation.op == "remove":
            return False
        raise Refused("noTarget", "A user has one e-mail address, of the type work")


class Joining(Struct, frozen=True):
    """Who is named comes."""

    values: tuple[str, ...]


class Leaving(Struct, frozen=True):
    """Who is named goes."""

    values: tuple[str, ...]


class LeavingWhere(Struct, frozen=True):
    """Whoever is so goes: a condition on users."""

    chosen: Filter


class Cleared(Struct, frozen=True):
    """Everybody goes."""


Move = Joining | Leaving | LeavingWhere | Cleared


class Members:
    """What becomes of a group's members, in this order."""

    def __init__(self) -> None:
        self.moves: list[Move] = []

    def add(self, values: Iterable[str]) -> None:
        """These are members from now on."""
        before: tuple[str, ...] = ()
        # Many providers name one in each operation: they are looked up together.
        last = self.moves[-1] if self.moves else None
        if isinstance(last, Joining):
            before = last.values
            self.moves.pop()
        self.moves.append(Joining((*before, *values)))

    def remove(self, values: Iterable[str]) -> None:
        """These are none any more."""
        self.moves.append(Leaving(tuple(values)))

    def replace(self, values: Iterable[str]) -> None:
        """These are the members."""
        self.clear()
        self.add(values)

    def clear(self) -> None:
        """Nobody is a member."""
        self.moves = [Cleared()]

    def remove_where(self, chosen: Filter) -> None:
        """Those that are so are none any more."""
        if chosen == ALL:
            self.clear()
        else:
            self.moves.append(LeavingWhere(chosen))


class GroupPatch:
    """Operations on one group, one after the other."""

    def __init__(self, id: str, mode: Mode) -> None:
        self._id = id
        self._mode = mode
        self.changes: Changes = {}
        self.members = Members()

    def apply_all(self, operations: Iterable[Operation]) -> None:
        """One after the other. Raises `Refused`."""
        for operation in operations:
            self._apply(operation)

    def _apply(self, operation: Operation) -> None:
        if operation.path is not None:
            self._at(operation, _place(operation.path, "Group"))
            return
        for name, value in bodies.lowered(operation.value).items():
            if name == "id" and value not in (None, self._id):
                raise Refused("mutability", "The id of a group stays")
            if name in READ_ONLY:
                continue
            named = _find_place(name, "Group")
            if named is not None and _known(named, _GROUP_KNOWN):
                self._at(Operation(operation.op, name, value, True), named)

    def _at(self, operation: Operation, place: Place) -> None:
        _check(place, _GROUP_KNOWN)
        if place.attribute == "members":
            self._members(operation, place)
            return
        if place.filter is not None:
            raise Refused("invalidPath", f"{place.attribute} has a single value")
        key = bodies.GROUP_LEAVES.get(place.name)
        if key is None:
            return
        value = None if operation.op == "remove" else bodies.text(place.name, operation.value)
        if value is None and key == bodies.NAME:
            raise Refused("invalidValue", "displayName: a group cannot be without it")
        self.changes[key] = value

    def _members(self, operation: Operation, place: Place) -> None:
        if place.part is not None:
            raise Refused("invalidPath", "Members come and go as they are: name `members`")
        if place.filter is not None:
            if operation.op != "remove":
                raise Refused("mutability", "A member does not change: remove it and add another")
            self.members.remove_where(_values(place, member_terms(self._mode)))
            return
        match operation.op:
            case "add":
                self.members.add(bodies.member_values(operation.value))
            case "replace":
                self.members.replace(bodies.member_values(operation.value))
            case "remove" if operation.given and operation.value is not None:
                self.members.remove(bodies.member_values(operation.value))
            case "remove":
                self.members.clear()


_GROUP_KNOWN: Final = frozenset({*bodies.GROUP_LEAVES, "members"})


def _known(place: Place, known: frozenset[str]) -> bool:
    return place.name in known or place.attribute in _PASSED_OVER


def _check(place: Place, known: frozenset[str]) -> None:
    if place.attribute in READ_ONLY:
        raise Refused("mutability", f"{place.attribute} cannot be written")
    if not _known(place, known) and not (place.attribute == "members" and "members" in known):
        raise Refused("invalidPath", f"There is no attribute {place.name!r}")


def _place(path: str, kind: Any) -> Place:
    from conductus.scim import grammar

    return grammar.place(path, kind)


def _find_place(name: str, kind: Any) -> Place | None:
    """The place that a name without a path means; None for what is no name of ours."""
    try:
        return _place(name, kind)
    except Refused:
        return None


def _values(place: Place, terms: Terms | Mapping[str, Any]) -> Filter:
    from conductus.scim import grammar

    return ALL if place.filter is None else grammar.chosen_values(place.filter, terms)
