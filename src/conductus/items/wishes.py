"""What the actor wants of items, judged as far as the request tells.

What the rows tell comes later (`items/standing.py`). Source: permissions page.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from conductus.errors import ApiError
from conductus.items.bodies import field_names
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.profile import Profiles
from conductus.permissions.writing import Action, Wish, default_status, judge_wish
from conductus.query.paths import step
from conductus.schema.model import Collection


class Wishes:
    """The wishes of one request. `explained`: it says why."""

    def __init__(self, context: Context, profiles: Profiles, *, explained: bool) -> None:
        self._context = context
        self._profiles = profiles
        self._explained = explained

    def judged(
        self, action: Action, collection: Collection, body: Item, tie: str | None = None
    ) -> Wish | None:
        """What is wanted of one item; None for who may everything.

        `tie` is a field that is filled besides. Raises the errors of `judge_wish`.
        """
        wish = self.stated(action, collection, body, tie)
        if wish is not None:
            judge_wish(self._context.actor, self._context.policy, wish)
        return wish

    def refusal(self, action: Action, collection: Collection, body: Item) -> ApiError | None:
        """Why that may not be done, if so."""
        try:
            self.judged(action, collection, body)
        except ApiError as error:
            return error
        return None

    def stated(
        self, action: Action, collection: Collection, body: Item, tie: str | None = None
    ) -> Wish | None:
        """The same, not yet judged."""
        if self._context.policy.administrator:
            return None
        names = field_names(body)
        return Wish(
            collection=collection,
            action=action,
            names=frozenset(names if tie is None else (*names, tie)),
            status=self._status(action, collection, body),
            owner=self._plain(collection, collection.owner_field, body),
            explained=self._explained,
        )

    def _status(self, action: Action, collection: Collection, body: Item) -> str | UnsetType | None:
        """The status that is written, as text; None for one that no item can have."""
        if collection.status_field is None:
            return UNSET
        if collection.status_field not in body:
            return default_status(collection) if action is Action.CREATE else UNSET
        value = self._plain(collection, collection.status_field, body)
        return None if value is None else str(value)

    def _plain(self, collection: Collection, name: str | None, body: Item) -> Any:
        """What a field will hold: None for a value that it does not take; unset if not given."""
        if name is None or name not in body:
            return UNSET
        value = body[name]
        if isinstance(value, dict):
            # A link to somebody who is there.
            target = step(self._context.schema, collection, name).target
            value = None if target is None else value.get(target.primary_key[0])
        try:
            return None if value is None else self._profiles.of(collection).own[name].parse(value)
        except ApiError:
            return None
