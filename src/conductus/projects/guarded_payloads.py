"""Payloads of users, roles and permission rows, as they are to be written."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final, Protocol

from conductus.errors import Unprocessable, ValidationFailed
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.permissions.guards import rows
from conductus.permissions.guards.users import RESET_TOKEN, SECRET
from conductus.permissions.writing import Action
from conductus.schema.model import Schema
from conductus.schema.types import MASK
from conductus.schema.validation import check_validation

Seal = Callable[[Any], str]
"""Judges the secret of a second factor and encrypts it."""


class SealSecret(Protocol):
    """`Seal` for any project."""

    def __call__(self, secret: Any, key: str) -> str:
        """The secret as it is stored; `key` is the project's `auth.secret_key`."""
        ...


_SHOWN: Final = frozenset({SECRET, "password"})
"""Columns of users of which answers and forms hold a mask."""


def user_payload(body: Item, context: Context, action: Action, seal: Seal) -> Item:
    """A user's. Raises `ValidationFailed` for a password or secret that does not do."""
    payload = {
        name: value
        for name, value in body.items()
        if not (name in _SHOWN and value == MASK) and not (name == RESET_TOKEN and value is None)
    }
    for name in ("token", "external_id"):
        if payload.get(name) == "":
            payload[name] = None
    password = payload.get("password")
    if isinstance(password, str) and password and context.password_policy:
        check_validation(context.password_policy, password, "password")
    if payload.get(SECRET) == "":
        payload[SECRET] = None
    if payload.get(SECRET) is not None:
        payload[SECRET] = seal(payload[SECRET])
    return _identified(payload, action)


def role_payload(body: Item, action: Action) -> Item:
    """A role's. Raises `ValidationFailed` for what is no address."""
    listed = body.get("ip_whitelist")
    if isinstance(listed, str):
        listed = listed.split(",") if listed else []
    if isinstance(listed, list) and not all(map(_is_address, listed)):
        raise ValidationFailed({"ip_whitelist": "Must be a list of addresses or networks"})
    return _identified(body, action)


def permission_payload(body: Item, schema: Schema) -> Item:
    """A permission row's. Raises `Unprocessable` for values that mean nothing."""
    rows.check_values(body)
    collection = body.get("collection")
    if isinstance(collection, str) and collection and collection not in schema.collections:
        raise Unprocessable(f"collection: there is no collection {collection!r}")
    return body


def _identified(body: Item, action: Action) -> Item:
    """Without an empty `external_id` of what is new: the server makes one."""
    if action is Action.CREATE and body.get("external_id", "x") in (None, ""):
        return {name: value for name, value in body.items() if name != "external_id"}
    return body


def _is_address(value: Any) -> bool:
    try:
        ip_network(str(value).strip(), strict=False)
    except ValueError:
        return False
    return True
