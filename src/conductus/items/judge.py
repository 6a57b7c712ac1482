"""From the body of a request to a change tree, judged whole without the database.

Order of the checks: may the actor do this to the collection, are the fields known, are
their values valid; then the same for everything nested. What only the database can tell
(does the item exist, is the value unique) is left to the writer.
Source: items page §4 to §6 and §9, the order of checks on the errors page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from conductus.errors import ApiError, CollectionNotFound, Unprocessable
from conductus.items import stamps
from conductus.items.alike import values_alike
from conductus.items.bodies import (
    DELETE,
    Parts,
    check_nested,
    field_names,
    key_led_to,
    linked,
    named_key,
    refuse_unknown,
    tied_by_key,
    without_missing_keys,
)
from conductus.items.changes import Child, Create, Delete, Item, Many, Update, WriteLimits
from conductus.items.context import Context
from conductus.items.keys import (
    Key,
    check_writable,
    find_key_in_body,
    find_new_key,
    shown_key,
)
from conductus.items.profile import Profile, Profiles
from conductus.items.rules import Rules
from conductus.items.values import ValueJudge
from conductus.items.wishes import Wishes
from conductus.permissions.writing import Action, Wish
from conductus.query.paths import step
from conductus.schema.model import Collection, Field, Relation
from conductus.schema.types import type_of
from conductus.schema.types.field_type import Plain

_LINK_ONLY = frozenset({"file", "owner", "user_created", "user_updated"})
"""Many-to-one types through which nothing is written."""


class Judge:
    """Judges one request. `new_uuid` makes identifiers; `explained`: it says why."""

    def __init__(
        self,
        context: Context,
        limits: WriteLimits,
        new_uuid: Callable[[], str],
        profiles: Profiles | None = None,
        rules: Rules | None = None,
        *,
        explained: bool = False,
    ) -> None:
        self._context = context
        self._limits = limits
        self._new_uuid = new_uuid
        self._profiles = profiles or Profiles()
        self._wishes = Wishes(context, self._profiles, explained=explained)
        self._rules = rules
        self._changes = 0
        self._hanging = False
        """Some item below has the key of its parent in its own."""
        self._marks: dict[int, dict[str, Plain]] = {}
        """By the identity of the fields, which are those of a profile."""

    def collection(self, name: str) -> Collection:
        """The collection, when it can be written. Raises `CollectionNotFound`, 12/422."""
        collection = self._context.schema.collection(name)
        if not collection.managed and not collection.system:
            raise CollectionNotFound(name)
        check_writable(collection)
        return collection

    def create(
        self, collection: Collection, body: Item, depth: int = 0, tie: str | None = None
    ) -> Create:
        """A new item. `tie` is the field that the parent will fill."""
        self._count(depth)
        if not self._context.policy.administrator:
            self._wishes.judged(Action.CREATE, collection, body, tie)
        profile = self._profiles.of(collection)
        parts = self._parts(profile, body, depth, Action.CREATE, tie)
        return self._creation(profile, parts, tie)

    def create_alike(self, collection: Collection, bodies: Sequence[Item]) -> list[Create] | None:
        """New items by one judgement; None where they have to be judged each by itself."""
        profile = self._profiles.of(collection)
        before = self._changes
        rows = None
        try:
            first = self.create(collection, bodies[0])
            # History keeps the body as it was sent where nothing of it is set by the server.
            if first.sent == bodies[0] and not collection.system:
                self._changes += len(bodies) - 1
                self._check_number()
                if not self._context.policy.administrator:
                    for body in bodies[1:]:
                        self._wishes.judged(Action.CREATE, collection, body)
                rows = values_alike(profile, bodies)
        except ApiError:
            rows = None
        if rows is None:
            self._changes = before
            return None
        return [
            Create(collection=collection, values=values, stamps=first.stamps, sent=body)
            for values, body in zip(rows, bodies, strict=True)
        ]

    def update(
        self,
        collection: Collection,
        key: Key,
        body: Item,
        depth: int = 0,
        tie: str | None = None,
    ) -> Update:
        """A change of the item of that key."""
        self._count(depth)
        wish = None
        if not self._context.policy.administrator:
            wish = self._wishes.judged(Action.UPDATE, collection, body)
        profile = self._profiles.of(collection)
        parts = self._parts(profile, body, depth, Action.UPDATE, tie, key)
        return self._change(profile, key, body, parts, wish)

    def update_all(self, collection: Collection, keys: Sequence[Key], body: Item) -> list[Update]:
        """The same change of several items, judged once unless their keys are part of it."""
        change = self.update(collection, keys[0], body)
        if len(keys) == 1:
            return [change]
        if self._hanging:
            return [change, *(self.update(collection, key, body) for key in keys[1:])]
        self._changes *= len(keys)
        self._check_number()
        return [
            replace(change, key=key, new_key=find_new_key(key, body, collection)) for key in keys
        ]

    def delete(self, collection: Collection, key: Key, depth: int = 0) -> Delete:
        """The removal of the item of that key."""
        self._count(depth)
        return Delete(collection, key, self._wishes.judged(Action.DELETE, collection, {}))

    # -- one item -------------------------------------------------------------------

    def _parts(
        self,
        profile: Profile,
        body: Item,
        depth: int,
        action: Action,
        tie: str | None,
        key: Key | None = None,
    ) -> Parts:
        """The payload taken apart: own values, what hangs on either side.

        `key` is that of the item where it may be there.
        """
        collection = profile.collection
        if self._rules is not None and collection.system:
            body = self._rules.prepared(collection, body, self._context, action)
        plain = profile.simple.issuperset(body) and dict not in map(type, body.values())
        if plain and tie not in body:
            return Parts(body, [], [], {})
        refuse_unknown(collection, body)
        creating = action is Action.CREATE
        parts = Parts({}, [], [], {})
        for name, value in body.items():
            if name in profile.simple and name != tie and type(value) is not dict:
                parts.own[name] = value
                continue
            field = collection.fields.get(name)
            if field is None or (name == tie and value is None and creating):
                continue
            if stamps.ignored(field, collection, self._context.policy, creating=creating):
                continue
            if type_of(field).alias:
                self._many(collection, field, value, depth, parts, key)
            elif isinstance(value, dict) and self._leads_on(collection, field):
                self._one(collection, field, value, depth, parts)
            else:
                parts.own[name] = value
        return parts

    def _creation(self, profile: Profile, parts: Parts, tie: str | None) -> Create:
        own = parts.own
        if not profile.keys.isdisjoint(own):
            own = without_missing_keys(own, profile)
        marked = self._marked(profile.on_create)
        if profile.identifiers:
            marked = marked | stamps.identified(profile.identifiers, own, self._new_uuid)
        judged = ValueJudge(profile, Action.CREATE, parts.links(tie, marked)).judge(own)
        return Create(
            collection=profile.collection,
            values=judged.values,
            stamps=marked,
            ones=tuple(parts.ones),
            manys=tuple(parts.manys),
            sent={**judged.sent, **parts.sent} if parts.sent else judged.sent,
            secrets=judged.secrets,
        )

    def _change(
        self, profile: Profile, key: Key, body: Item, parts: Parts, wish: Wish | None
    ) -> Update:
        own, new_key = parts.own, None
        if not profile.keys.isdisjoint(body):
            new_key = find_new_key(key, body, profile.collection)
            if own is not body:
                # An object may lead to another item, for each of several keys.
                self._hanging = True
                new_key = key_led_to(key, parts, profile.collection)
        if not profile.keys.isdisjoint(own):
            own = {name: value for name, value in own.items() if name not in profile.keys}
        judged = ValueJudge(profile, Action.UPDATE, parts.links(None, {})).judge(own)
        return Update(
            collection=profile.collection,
            key=key,
            values=judged.values,
            stamps=self._marked(profile.on_update),
            ones=tuple(parts.ones),
            manys=tuple(parts.manys),
            sent={**judged.sent, **parts.sent} if parts.sent else judged.sent,
            secrets=judged.secrets,
            new_key=new_key,
            wish=wish,
        )

    def _marked(self, fields: tuple[Field, ...]) -> dict[str, Plain]:
        """What the server sets, which is the same in all items of a request."""
        if not fields:
            return {}
        marked = self._marks.get(id(fields))
        if marked is None:
            marked = self._marks[id(fields)] = stamps.stamped(fields, self._context)
        return marked

    # -- many-to-one ----------------------------------------------------------------

    def _leads_on(self, collection: Collection, field: Field) -> bool:
        return (collection.name, field.name) in self._context.schema.many_to_one

    def _one(
        self, collection: Collection, field: Field, value: Item, depth: int, parts: Parts
    ) -> None:
        reached = step(self._context.schema, collection, field.name).target
        assert reached is not None  # noqa: S101 - the field has a relation
        target = self.collection(reached.name)
        key = find_key_in_body(value, target)
        if value.get(DELETE) is True:
            if key is None or field.type in _LINK_ONLY:
                raise Unprocessable(f"{field.name}: `$delete` needs the key of an item")
            check_nested(field, target)
            parts.add_one(field, self.delete(target, key, depth + 1), value)
            return
        rest = {name: given for name, given in value.items() if name not in target.primary_key}
        if key is not None and (field.type in _LINK_ONLY or not field_names(rest)):
            parts.own[field.name] = value[target.primary_key[0]]
            return
        check_nested(field, target)
        if field.type in _LINK_ONLY:
            raise Unprocessable(f"{field.name}: takes an existing item by its key")
        if key is None:
            created = self.create(target, value, depth + 1)
            parts.add_one(field, created, created.sent)
            return
        changed = self._change_or_create(target, key, value, depth + 1)
        parts.add_one(field, changed, {**named_key(value, target), **changed.sent})

    def _change_or_create(self, collection: Collection, key: Key, body: Item, depth: int) -> Update:
        """An update that becomes a creation where there is no such item.

        Both share what is nested in them, and only what is done is judged by its result:
        who may do one of the two alone is refused when the other one turns out to be asked.
        """
        self._count(depth)
        wish = self._wishes.stated(Action.UPDATE, collection, body)
        refused = self._wishes.refusal(Action.UPDATE, collection, body)
        otherwise: Create | ApiError | None = self._wishes.refusal(Action.CREATE, collection, body)
        if refused is not None and otherwise is not None:
            raise refused
        profile = self._profiles.of(collection)
        parts = self._parts(profile, body, depth, Action.UPDATE, None, key)
        update = self._change(profile, key, body, parts, wish)
        try:
            otherwise = otherwise or self._creation_of(profile, parts)
        except ApiError as error:
            otherwise = error
        return replace(update, otherwise=otherwise, refused=refused)

    def _creation_of(self, profile: Profile, parts: Parts) -> Create:
        """The creation of what an update was taken apart for."""
        collection = profile.collection
        kept = {
            name: value
            for name, value in parts.own.items()
            if not stamps.ignored(
                collection.fields[name], collection, self._context.policy, creating=True
            )
        }
        return self._creation(profile, Parts(kept, parts.ones, parts.manys, parts.sent), None)

    # -- one-to-many ----------------------------------------------------------------

    def _many(
        self,
        collection: Collection,
        field: Field,
        value: Any,
        depth: int,
        parts: Parts,
        key: Key | None,
    ) -> None:
        relation = self._context.schema.one_to_many.get((collection.name, field.name))
        if field.type not in ("o2m", "translation") or value is None or value == []:
            return
        if not isinstance(value, list):
            raise Unprocessable(f"{field.name}: takes a list of items")
        if relation is None:
            raise Unprocessable(f"{field.name}: has no relation to write through")
        target = self.collection(relation.collection_many)
        check_nested(field, target)
        parent = None
        if key and len(key) == 1 and relation.field_many in target.primary_key:
            parent = shown_key(key, collection)
        children = []
        sent = []
        for member in value:
            child, shown = self._child(field, relation, target, member, depth + 1, parent)
            children.append(child)
            sent.append(shown)
        parts.manys.append(Many(field, relation, tuple(children)))
        parts.sent[field.name] = sent

    def _child(
        self,
        field: Field,
        relation: Relation,
        target: Collection,
        member: Any,
        depth: int,
        parent: Plain,
    ) -> tuple[Child, Any]:
        """One entry of a one-to-many list, and how it is shown in history.

        `parent` is what its key may lack: that of an item which may be there.
        """
        tie = relation.field_many
        if isinstance(member, str | int) and not isinstance(member, bool):
            member = tied_by_key(member, target, tie, parent)
        if not isinstance(member, dict):
            raise Unprocessable(f"{field.name}: takes a list of items")
        key = find_key_in_body(member, target)
        hanging = key is None and parent is not None
        if hanging:
            blank = member.get(tie) is None or member[tie] == ""
            completed = {**member, tie: parent} if blank else member
            key = find_key_in_body(linked(completed, target, self._context.schema), target)
            self._hanging = self._hanging or key is not None
        if member.get(DELETE) is True:
            if key is None:
                raise Unprocessable(f"{field.name}: `$delete` needs the key of an item")
            return Child(self.delete(target, key, depth), False), dict(member)
        if key is None:
            created = self.create(target, member, depth, tie)
            return Child(created, member.get(tie) is None), created.sent
        if hanging:
            either = self._change_or_create(target, key, completed, depth)
            return Child(either, blank), {**named_key(completed, target), **either.sent}
        changed = self.update(target, key, member, depth, tie)
        tied = tie not in member and tie not in target.primary_key
        return Child(changed, tied), {**named_key(member, target), **changed.sent}

    def _count(self, depth: int) -> None:
        self._changes += 1
        if depth > self._limits.max_depth:
            raise Unprocessable(f"Changes are nested deeper than {self._limits.max_depth} levels")
        if self._changes > self._limits.max_changes:
            self._check_number()

    def _check_number(self) -> None:
        if self._changes > self._limits.max_changes:
            raise Unprocessable(f"More than {self._limits.max_changes} changes in one request")
