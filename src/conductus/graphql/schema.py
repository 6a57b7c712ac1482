"""The schema of one world: what can be asked, changed and subscribed to, at the root."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
)

from conductus.graphql.meanings import Ask, Root, means
from conductus.graphql.types import Types
from conductus.graphql.world import World
from conductus.permissions.writing import Action
from conductus.schema.model import Collection

_COMMENT = GraphQLArgument(GraphQLString, description="Kept with the history of the change.")


def built(world: World) -> GraphQLSchema:
    """The schema; only what the actor may do is in it."""
    types = Types(world)
    queries = dict(_queries(world, types))
    changes = dict(_changes(world, types))
    told = dict(_told(world, types))
    if not queries:
        # A schema cannot be without queries.
        said = "There is nothing that you may read."
        queries = {"_nothing": GraphQLField(GraphQLBoolean, description=said)}
    return GraphQLSchema(
        query=GraphQLObjectType("Query", queries),
        mutation=GraphQLObjectType("Mutation", changes) if changes else None,
        subscription=GraphQLObjectType("Subscription", told) if told else None,
        # It is made of what is known to fit; tests hold it against the rules.
        assume_valid=True,
    )


def _queries(world: World, types: Types) -> Iterable[tuple[str, GraphQLField]]:
    for collection in world.readable:
        name = world.names[collection.name]
        yield (
            name,
            GraphQLField(
                types.wrapper(collection),
                types.listing(collection),
                extensions=means(Root(Ask.LIST, collection.name)),
            ),
        )
        if collection.primary_key:
            yield (
                f"{name}_by_id",
                GraphQLField(
                    types.item(collection),
                    {
                        "id": GraphQLArgument(GraphQLNonNull(GraphQLID)),
                        "lang": GraphQLArgument(GraphQLString),
                        "status": GraphQLArgument(GraphQLString),
                    },
                    extensions=means(Root(Ask.BY_ID, collection.name)),
                ),
            )
        yield (
            f"{name}_aggregated",
            GraphQLField(
                GraphQLList(types.aggregated(collection)),
                {
                    "groupBy": GraphQLArgument(GraphQLList(GraphQLString)),
                    **types.narrowing(collection),
                    "q": GraphQLArgument(GraphQLString),
                    "status": GraphQLArgument(GraphQLString),
                },
                extensions=means(Root(Ask.AGGREGATED, collection.name)),
            ),
        )


def _told(world: World, types: Types) -> Iterable[tuple[str, GraphQLField]]:
    """Changes of the collections of which anybody is told."""
    for collection in world.readable:
        hidden = world.sight.hidden(collection)
        keyed = collection.primary_key and hidden.isdisjoint(collection.primary_key)
        if collection.system or not keyed:
            continue
        arguments = {
            "event": GraphQLArgument(GraphQLList(GraphQLNonNull(types.event))),
            "filter": GraphQLArgument(types.filter(collection)),
            "q": GraphQLArgument(GraphQLString),
            "status": GraphQLArgument(GraphQLString),
            "lang": GraphQLArgument(GraphQLString),
        }
        yield (
            f"{world.names[collection.name]}_mutated",
            GraphQLField(
                types.mutated(collection),
                arguments,
                extensions=means(Root(Ask.MUTATED, collection.name)),
            ),
        )


def _changes(world: World, types: Types) -> Iterable[tuple[str, GraphQLField]]:
    deleted = GraphQLObjectType("DeletedItem", {"id": GraphQLField(GraphQLNonNull(GraphQLID))})
    many = GraphQLObjectType(
        "DeletedItems",
        {"ids": GraphQLField(GraphQLNonNull(GraphQLList(GraphQLNonNull(GraphQLID))))},
    )
    for name in sorted(world.names, key=lambda name: (name.startswith("directus_"), name)):
        collection = world.schema.collections[name]
        for action, ask, written in _ways(world, collection):
            yield _change(world, types, collection, action, ask, (deleted, many)[ask is written])


def _ways(world: World, collection: Collection) -> Iterable[tuple[Action, Ask, Ask]]:
    for action, one, several in (
        (Action.CREATE, Ask.CREATE, Ask.CREATE_MANY),
        (Action.UPDATE, Ask.UPDATE, Ask.UPDATE_MANY),
        (Action.DELETE, Ask.DELETE, Ask.DELETE_MANY),
    ):
        if world.may(action, collection):
            yield action, one, several
            yield action, several, several


def _change(
    world: World,
    types: Types,
    collection: Collection,
    action: Action,
    ask: Ask,
    deleted: GraphQLObjectType,
) -> tuple[str, GraphQLField]:
    several = ask in (Ask.CREATE_MANY, Ask.UPDATE_MANY, Ask.DELETE_MANY)
    name = f"{action.value}_{world.names[collection.name]}_item{'s' if several else ''}"
    data, key = GraphQLNonNull(types.input(collection)), GraphQLNonNull(GraphQLID)
    arguments: dict[str, GraphQLArgument] = {}
    if action is not Action.CREATE:
        type = GraphQLNonNull(GraphQLList(key)) if several else key
        arguments["ids" if several else "id"] = GraphQLArgument(type)
    if action is not Action.DELETE:
        listed = GraphQLNonNull(GraphQLList(data)) if ask is Ask.CREATE_MANY else data
        arguments["data"] = GraphQLArgument(listed)
    arguments["comment"] = _COMMENT
    answer: GraphQLOutputType = deleted
    if action is not Action.DELETE:
        # Who may not read what was written is told that it was.
        reads = world.reads(collection.name)
        answer = types.item(collection) if reads else GraphQLNonNull(GraphQLBoolean)
        answer = GraphQLList(answer) if several and reads else answer
    return name, GraphQLField(answer, arguments, extensions=means(Root(ask, collection.name)))
