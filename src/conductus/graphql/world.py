"""What of a project an actor has in GraphQL, and what it is called there. Pure.

Names are those of the whole schema, whoever asks, so that a role that may see more sees no
other names. Source: GraphQL page §1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from conductus.graphql.names import itself, spelled, told_apart, type_name
from conductus.permissions.levels import Level
from conductus.permissions.policy import Policy
from conductus.permissions.scope import Sight
from conductus.permissions.veils import PRIVATE
from conductus.permissions.writing import Action
from conductus.query.paths import step
from conductus.schema.model import NUMBERS, Collection, Field, Kind, Schema
from conductus.schema.secrets import withheld
from conductus.schema.system import WRITTEN

FILES: Final = "directus_files"
USERS: Final = "directus_users"
_NEVER: Final = frozenset({"directus_user_sessions"})
_OF_ADMINISTRATORS: Final = frozenset(
    {"directus_collections", "directus_fields", "directus_relations", "directus_settings"}
)
"""What describes the project itself: elsewhere it is shown in other shapes, bit by bit."""
_TYPES: Final = (
    *("Query", "Mutation", "Subscription", "Node", "Metadata", "FileThumbnail"),
    *("DeletedItem", "DeletedItems", "String", "Int", "Float", "Boolean", "ID"),
    *("Date", "Time", "DateTime", "JSON", "BigInt", "Decimal", "Values", "MutationEvent"),
)
_DERIVED: Final = (
    *(
        "",
        "Item",
        "Filter",
        "Input",
        "Aggregated",
        "Counted",
        "CountedDistinct",
        "Totals",
        "Extremes",
        "Mutated",
    ),
)
_SURE: Final = frozenset(NUMBERS | {Kind.TEXT, Kind.UUID, Kind.BOOLEAN})
"""Kinds of columns whose values are never shown as null unless they are."""


class World:
    """One schema as one policy lets it be seen."""

    def __init__(self, schema: Schema, policy: Policy) -> None:
        self.schema = schema
        self.policy = policy
        self.sight = Sight(policy, schema)
        named = [name for name, each in schema.collections.items() if _served(each)]
        self.stems = told_apart(
            # What is built in keeps its names, whatever else there is.
            [name for name in named if name.startswith("directus_")],
            type_name,
            _derived_types,
            taken := set(_TYPES),
        )
        self.stems |= told_apart(
            [name for name in named if name not in self.stems], type_name, _derived_types, taken
        )
        self.names = told_apart(named, spelled, _derived_fields, set())
        self._fields: dict[str, dict[str, str]] = {}

    @cached_property
    def readable(self) -> tuple[Collection, ...]:
        """The collections of which items may be read."""
        return tuple(
            self.schema.collections[name]
            for name in sorted(self.names, key=lambda name: (name.startswith("directus_"), name))
            if self.reads(name)
        )

    def reads(self, name: str) -> bool:
        """Whether items of a collection are shown."""
        collection = self.schema.collections[name]
        if name not in self.names or not self.sight.reads(collection):
            return False
        return self.policy.administrator or name not in _OF_ADMINISTRATORS

    def may(self, action: Action, collection: Collection) -> bool:
        """Whether any item of the collection may be written in this way."""
        name = collection.name
        if collection.view or not collection.primary_key or name not in self.names:
            return False
        if name == FILES and action is not Action.UPDATE:
            return False
        if collection.system and name not in WRITTEN:
            return False
        if self.policy.administrator:
            return True
        rules = self.policy.on(name).applicable()
        match action:
            case Action.CREATE:
                return any(rule.create > Level.NONE for rule in rules)
            case Action.UPDATE:
                # Putting an item among the deleted ones is written as a change.
                return any(max(rule.update, rule.delete) >= Level.MINE for rule in rules)
            case Action.DELETE:
                return any(rule.delete >= Level.MINE for rule in rules)

    def changes(self, collection: Collection) -> bool:
        """Whether items of the collection may be made or changed, nested ones too."""
        return self.may(Action.CREATE, collection) or self.may(Action.UPDATE, collection)

    def shown(self, collection: Collection) -> Iterable[tuple[str, Field]]:
        """The fields that may be read, with their names in GraphQL."""
        hidden = withheld(collection.name) | self.sight.hidden(collection)
        names = self.fields(collection)
        return (
            (names[name], each) for name, each in collection.fields.items() if name not in hidden
        )

    def writable(self, collection: Collection) -> Iterable[tuple[str, Field]]:
        """The fields that may be written in some item, with their names in GraphQL."""
        refused: frozenset[str] = frozenset()
        rules = () if self.policy.administrator else self.policy.on(collection.name).applicable()
        if rules:
            refused = frozenset.intersection(*(rule.write_blacklist for rule in rules))
        refused -= frozenset(collection.primary_key)
        names = self.fields(collection)
        return (
            (names[name], each) for name, each in collection.fields.items() if name not in refused
        )

    def fields(self, collection: Collection) -> Mapping[str, str]:
        """What every field of a collection is called."""
        found = self._fields.get(collection.name)
        if found is None:
            found = told_apart(collection.fields, spelled, itself, set())
            self._fields[collection.name] = found
        return found

    def target(self, collection: Collection, field: Field) -> Collection | None:
        """The collection that a field leads to, if its items are shown."""
        target = step(self.schema, collection, field.name).target
        return target if target is not None and self.reads(target.name) else None

    def always_there(self, collection: Collection, field: Field) -> bool:
        """Whether every item that is shown has a value here."""
        column = field.column
        if column is None or column.nullable or column.kind not in _SURE:
            return False
        if field.name not in collection.primary_key and not field.required:
            return False
        if collection.name == USERS and field.name in PRIVATE:
            return False
        return field.name not in self.sight.hidden_somewhere(collection)


def _served(collection: Collection) -> bool:
    return collection.managed and collection.name not in _NEVER


def _derived_types(stem: str) -> Iterable[str]:
    return (f"{stem}{each}" for each in _DERIVED)


def _derived_fields(name: str) -> Iterable[str]:
    return name, f"{name}_by_id", f"{name}_aggregated", f"{name}_mutated"
