"""Resources as they are sent → what is to be written of a user or a group. Pure.

Attributes are known by their names in any case; those that nothing stores are passed
over. Source: SCIM page §3 and §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from conductus.query.values import clean
from conductus.scim import names
from conductus.scim.refusals import Refused
from conductus.scim.terms import find_flag

Body = Mapping[str, Any]
Changes = dict[str, Any]
"""What is to be written, by the keys of this module."""
USER_NAME: Final = "user_name"
EMAIL: Final = "email"
GIVEN: Final = "first_name"
FAMILY: Final = "last_name"
LOCALE: Final = "locale"
TIMEZONE: Final = "timezone"
TITLE: Final = "title"
COMPANY: Final = "company"
ACTIVE: Final = "active"
PASSWORD: Final = "password"  # noqa: S105 - the name of an attribute
EXTERNAL_ID: Final = "external_id"
NAME: Final = "name"
MEMBERS: Final = "members"
NULLABLE: Final = frozenset({GIVEN, FAMILY, LOCALE, TITLE, COMPANY, EXTERNAL_ID})
USER_LEAVES: Final[Mapping[str, str]] = {
    "username": USER_NAME,
    "emails": EMAIL,
    "emails.value": EMAIL,
    "name.givenname": GIVEN,
    "name.familyname": FAMILY,
    "locale": LOCALE,
    "preferredlanguage": LOCALE,
    "timezone": TIMEZONE,
    "title": TITLE,
    "active": ACTIVE,
    "password": PASSWORD,
    "externalid": EXTERNAL_ID,
    f"{names.ENTERPRISE.lower()}:organization": COMPANY,
}
"""Attributes in small letters → what is written."""
GROUP_LEAVES: Final[Mapping[str, str]] = {"displayname": NAME, "externalid": EXTERNAL_ID}
_ENTERPRISE: Final = names.ENTERPRISE.lower()


def user_changes(body: Body, *, merge: bool) -> Changes:
    """What a user's resource says; with `merge` parts of the name that are missing stay.

    Raises `Refused` (`invalidValue`).
    """
    given = lowered(body)
    found: Changes = {}
    if "preferredlanguage" in given:
        found[LOCALE] = text("preferredLanguage", given["preferredlanguage"])
    for name in ("locale", "timezone", "title", "password", "externalid", "username"):
        if name in given:
            found[USER_LEAVES[name]] = text(name, given[name])
    if "emails" in given:
        found[EMAIL] = chosen_email(given["emails"])
    if "active" in given:
        found[ACTIVE] = flag(given["active"])
    if "name" in given:
        found |= full_name(given["name"], merge=merge)
    if _ENTERPRISE in given:
        found |= organization(given[_ENTERPRISE], merge=merge)
    return found


def group_changes(body: Body) -> Changes:
    """What a group's resource says, `id` of Directus 8 included. Raises `Refused`."""
    given = lowered(body)
    found: Changes = {}
    if "displayname" in given:
        found[NAME] = text("displayName", given["displayname"])
    if "externalid" in given:
        found[EXTERNAL_ID] = text("externalId", given["externalid"])
    if "members" in given:
        found[MEMBERS] = member_values(given["members"])
    return found


def check_schemas(body: Body, schema: str) -> None:
    """Raises `Refused` (`invalidSyntax`) for a body of something else."""
    stated = lowered(body).get("schemas")
    if stated is None:
        return
    listed = [each.lower() for each in stated if isinstance(each, str)] if _is_list(stated) else []
    if schema.lower() not in listed:
        raise Refused("invalidSyntax", f"`schemas` must have {schema}")


def lowered(body: Any) -> dict[str, Any]:
    """The attributes by their names in small letters. Raises `Refused` for no object."""
    if not isinstance(body, Mapping):
        raise Refused("invalidValue", "An object of attributes is needed")
    return {str(name).lower(): value for name, value in body.items()}


def text(name: str, value: Any) -> str | None:
    """A single text; empty is none. Raises `Refused`."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        value = lowered(value[0]).get("value")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str):
        raise Refused("invalidValue", f"{name}: takes text")
    return clean(name, value) if value else None


def flag(value: Any) -> bool:
    """True or false, also as text. Raises `Refused`."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        value = lowered(value[0]).get("value")
    found = find_flag(value)
    if found is None:
        raise Refused("invalidValue", "active: takes true or false")
    return found


def chosen_email(value: Any) -> str | None:
    """The one address that is kept of a list: the primary one, else the first."""
    if isinstance(value, str):
        return text("emails", value)
    listed = [value] if isinstance(value, Mapping) else value
    if not _is_list(listed):
        raise Refused("invalidValue", "emails: takes a list of objects with a value")
    given = [lowered({"value": each} if isinstance(each, str) else each) for each in listed]
    if not given:
        return None
    primary = [each for each in given if find_flag(each.get("primary")) is True]
    return text("emails.value", (primary or given)[0].get("value"))


def full_name(value: Any, *, merge: bool) -> Changes:
    """The parts of a name."""
    given = {} if value is None else lowered(value)
    found = {
        part: text(f"name.{name}", given[name])
        for name, part in (("givenname", GIVEN), ("familyname", FAMILY))
        if name in given
    }
    return found if merge and value is not None else {GIVEN: None, FAMILY: None, **found}


def organization(value: Any, *, merge: bool) -> Changes:
    """What is kept of the enterprise extension."""
    given = {} if value is None else lowered(value)
    if "organization" in given:
        return {COMPANY: text("organization", given["organization"])}
    return {} if merge and value is not None else {COMPANY: None}


def member_values(value: Any) -> list[str]:
    """What a list of members names: ids, numbers, e-mail addresses. Raises `Refused`."""
    listed = [] if value is None else [value] if isinstance(value, Mapping | str) else value
    if not _is_list(listed):
        raise Refused("invalidValue", "members: takes a list of objects with a value")
    found = []
    for each in listed:
        named = each if isinstance(each, str) else lowered(each).get("value")
        member = text("members.value", named)
        if member is None:
            raise Refused("invalidValue", "members: every member needs a value")
        found.append(member)
    return list(dict.fromkeys(found))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
