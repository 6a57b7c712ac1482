"""Operations: what one document with its variables asks for at the root."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    get_variable_values,
)
from graphql.execution.values import VariableValues
from msgspec import Struct

from conductus.config import GraphQLConfig
from conductus.errors import ApiError, Unprocessable
from conductus.graphql.changing import Changing, Changings
from conductus.graphql.collecting import TYPE_NAME, Collected, Collector
from conductus.graphql.documents import Document
from conductus.graphql.meanings import Ask, Root, meaning
from conductus.graphql.problems import Problem, refusal, refused, told
from conductus.graphql.reading import Reading, Readings
from conductus.graphql.world import World
from conductus.query.limits import Limits

MOST_ERRORS: Final = 10


class Fixed(Struct, frozen=True):
    """A field at the root that is answered without asking anybody."""

    key: str
    value: Any


class Failed(Struct, frozen=True):
    """A field at the root whose arguments make no sense."""

    key: str
    problem: Problem
    cost: int = 0


class Describing(Struct, frozen=True):
    """Fields at the root that describe the schema."""

    nodes: tuple[FieldNode, ...]
    document: Document
    variables: Mapping[str, Any]
    keys: tuple[str, ...]

    def answer(self, schema: GraphQLSchema) -> dict[str, Any]:
        """What is answered of them: a lot of work, not for the event loop."""
        asked = OperationDefinitionNode(
            operation=OperationType.QUERY,
            name=None,
            variable_definitions=self._definitions(),
            directives=(),
            selection_set=SelectionSetNode(selections=self.nodes),
        )
        whole = DocumentNode(definitions=(asked, *self.document.fragments.values()))
        found = execute_sync(schema, whole, variable_values=dict(self.variables))
        return found.data or {}

    def _definitions(self) -> Any:
        operations = self.document.operations.values()
        known = {each.variable.name.value: each for one in operations
                 for each in one.variable_definitions or ()}  # fmt: skip
        return tuple(known.values())


Part = Fixed | Failed | Describing | Reading | Changing


class Operation(Struct, frozen=True):
    """What is to be done, field by field, in the order of the answer."""

    parts: tuple[Part, ...]
    writes: bool


def prepared(
    document: Document,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    schema: GraphQLSchema,
    world: World,
    limits: Limits,
    config: GraphQLConfig,
) -> Operation:
    """The operation with its variables. Raises `Refused`."""
    values = values_of(operation, variables, schema, config)
    writes = operation.operation is OperationType.MUTATION
    parent = schema.mutation_type if writes else schema.query_type
    if parent is None or operation.operation is OperationType.SUBSCRIPTION:
        raise refusal(Unprocessable("Subscriptions are not asked for in this way"))
    collector = Collector(schema, document, values)
    builder = _Builder(collector, world, limits)
    asked = collector.root(parent, operation.selection_set)
    parts = [builder.part(parent, each) for each in asked if not each.name.startswith("__s")
             and each.name != "__type"]  # fmt: skip
    described = [each for each in asked if each.name in ("__schema", "__type")]
    if described:
        nodes = tuple(node for each in described for node in each.nodes)
        keys = tuple(each.key for each in described)
        parts.append(Describing(nodes, document, variables, keys))
    check_cost(sum(part.cost for part in parts if isinstance(part, Reading | Changing)), config)
    return Operation(tuple(parts), writes)


def values_of(
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    schema: GraphQLSchema,
    config: GraphQLConfig,
) -> VariableValues:
    """The variables of an operation. Raises `Refused`."""
    values = get_variable_values(
        schema,
        operation.variable_definitions or (),
        dict(variables),
        MOST_ERRORS,
        hide_suggestions=not config.introspection,
    )
    if isinstance(values, list):
        raise refused(values)
    return values


class _Builder:
    def __init__(self, collector: Collector, world: World, limits: Limits) -> None:
        self._collector = collector
        self._readings = Readings(collector, world, limits)
        self._changings = Changings(collector, self._readings, limits)

    def part(self, parent: GraphQLObjectType, asked: Collected) -> Part:
        """What a field at the root asks for."""
        if asked.name == TYPE_NAME:
            return Fixed(asked.key, parent.name)
        field = parent.fields[asked.name]
        root: Root | None = meaning(field)
        if root is None:
            return Fixed(asked.key, None)
        try:
            return self._asked(field, root, asked)
        except GraphQLError as error:
            raise refused([error]) from None
        except ApiError as error:
            return Failed(asked.key, told(error, asked.nodes, [asked.key]))

    def _asked(self, field: GraphQLField, root: Root, asked: Collected) -> Part:
        match root.ask:
            case Ask.LIST:
                return self._readings.listing(field, root, asked)
            case Ask.BY_ID:
                return self._readings.by_id(field, root, asked)
            case Ask.AGGREGATED:
                return self._readings.aggregated(field, root, asked)
            case _:
                return self._changings.changing(field, root, asked)


def check_cost(cost: int, config: GraphQLConfig) -> None:
    """Raises `Refused` for what asks for too many items."""
    if cost > config.cost:
        raise refusal(
            Unprocessable(
                f"The request asks for {cost} items, related ones included: more than "
                f"{config.cost}. Ask for shorter lists",
                details={"limit": config.cost, "cost": cost},
            )
        )
