"""Subscriptions: what is told of each change, for whoever carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
)
from msgspec import Struct

from conductus.config import GraphQLConfig
from conductus.errors import ApiError, Unprocessable
from conductus.graphql.collecting import TYPE_NAME, Collected, Collector
from conductus.graphql.display import Present, presenter
from conductus.graphql.documents import Document
from conductus.graphql.meanings import Root, meaning
from conductus.graphql.operations import check_cost, values_of
from conductus.graphql.problems import refusal, refused
from conductus.graphql.reading import Readings
from conductus.graphql.selecting import Selecting, Wanted
from conductus.graphql.world import World
from conductus.items.changes import Item
from conductus.query.filters import Budget
from conductus.query.item_query import ItemQuery
from conductus.query.limits import Limits

_EVENT: Final = "event"


class Subscribing(Struct, frozen=True, kw_only=True):
    """What is asked to be told of a collection."""

    key: str
    """Under which it is told."""
    collection: str
    query: ItemQuery
    events: frozenset[str] | None
    """Which are asked for; None for all."""
    parts: tuple[_Part, ...]

    def wants(self, event: str) -> bool:
        """Whether such events are asked for."""
        return self.events is None or event in self.events

    def shown(self, event: str, key: int | str, item: Item | None) -> Item:
        """A change as it is told."""
        found = {part.key: part.shown(event, key, item) for part in self.parts}
        return {"data": {self.key: found}}


class _Part(Struct, frozen=True):
    key: str
    name: str
    type: str
    present: Present | None = None

    def shown(self, event: str, key: int | str, item: Item | None) -> Any:
        if self.present is not None:
            return None if item is None else self.present([item])[0]
        match self.name:
            case "event":
                return event
            case "key":
                return str(key)
            case _:
                return self.type


def subscribing(
    document: Document,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    schema: GraphQLSchema,
    world: World,
    limits: Limits,
    config: GraphQLConfig,
) -> Subscribing:
    """What a subscription asks for. Raises `Refused`."""
    parent = schema.subscription_type
    values = values_of(operation, variables, schema, config)
    if parent is None:
        raise refusal(Unprocessable("There is nothing that you are told of"))
    collector = Collector(schema, document, values)
    asked = collector.root(parent, operation.selection_set)
    if len(asked) != 1 or asked[0].name == TYPE_NAME:
        raise refusal(Unprocessable("A subscription asks for one field"))
    try:
        field = parent.fields[asked[0].name]
        return _subscribing(collector, world, limits, config, field, asked[0])
    except GraphQLError as error:
        raise refused([error]) from None
    except ApiError as error:
        raise refusal(error) from None


def _subscribing(
    collector: Collector,
    world: World,
    limits: Limits,
    config: GraphQLConfig,
    field: Any,
    asked: Collected,
) -> Subscribing:
    root: Root = meaning(field)
    collection = world.schema.collections[root.collection]
    given = collector.arguments(field, asked)
    budget = Budget(limits)
    selecting = Selecting(collector, world, budget)
    wanted = Wanted(collection)
    type: Any = get_named_type(field.type)
    parts = []
    for each in collector.below(type, asked.nodes):
        present = None
        if each.name == "item":
            inner: Any = get_named_type(type.fields["item"].type)
            below = collector.below(inner, each.nodes)
            present = presenter(selecting.entries(wanted, inner, below))
        parts.append(_Part(each.key, each.name, type.name, present))
    check_cost(wanted.cost(), config)
    events = given.get(_EVENT)
    return Subscribing(
        key=asked.key,
        collection=collection.name,
        query=Readings(collector, world, limits).query(collection, given, wanted, budget),
        events=None if events is None else frozenset(events),
        parts=tuple(parts),
    )
