"""Fields of selections, fragments and directives worked out: GraphQL specification §6.3.2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_argument_values,
    get_directive_values,
)
from graphql.execution.values import VariableValues
from msgspec import Struct

from conductus.graphql.documents import Document

TYPE_NAME = "__typename"


class Collected(Struct, frozen=True):
    """What is asked for under one name of an answer."""

    key: str
    nodes: tuple[FieldNode, ...]

    @property
    def name(self) -> str:
        """The field's own name."""
        return self.nodes[0].name.value


class Collector:
    """Collects the fields of one operation with its variables."""

    def __init__(
        self, schema: GraphQLSchema, document: Document, variables: VariableValues
    ) -> None:
        self.schema = schema
        self.variables = variables
        self._fragments: Mapping[str, FragmentDefinitionNode] = document.fragments

    def root(self, parent: GraphQLObjectType, selection: SelectionSetNode) -> tuple[Collected, ...]:
        """The fields at the root, in order."""
        return self._grouped(parent, [selection])

    def below(self, parent: GraphQLObjectType, nodes: Sequence[FieldNode]) -> tuple[Collected, ...]:
        """The fields that are asked of what fields lead to, in order."""
        return self._grouped(
            parent, [node.selection_set for node in nodes if node.selection_set is not None]
        )

    def arguments(self, field: GraphQLField, found: Collected) -> dict[str, Any]:
        """The values of a field's arguments. Raises `GraphQLError`."""
        return get_argument_values(field, found.nodes[0], self.variables)

    def _grouped(
        self, parent: GraphQLObjectType, selections: Iterable[SelectionSetNode]
    ) -> tuple[Collected, ...]:
        grouped: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection in selections:
            self._collect(parent, selection.selections, grouped, visited)
        return tuple(Collected(key, tuple(nodes)) for key, nodes in grouped.items())

    def _collect(
        self,
        parent: GraphQLObjectType,
        selections: Iterable[SelectionNode],
        grouped: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for node in selections:
            if node.directives and not self._included(node):
                continue
            match node:
                case FieldNode():
                    key = node.alias.value if node.alias else node.name.value
                    grouped.setdefault(key, []).append(node)
                case InlineFragmentNode():
                    condition = node.type_condition
                    if condition is None or self._fits(condition.name.value, parent):
                        self._collect(parent, node.selection_set.selections, grouped, visited)
                case FragmentSpreadNode() if node.name.value not in visited:
                    visited.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    if self._fits(fragment.type_condition.name.value, parent):
                        self._collect(parent, fragment.selection_set.selections, grouped, visited)

    def _included(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip is not None and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return include is None or bool(include["if"])

    def _fits(self, condition: str, parent: GraphQLObjectType) -> bool:
        return condition == parent.name or any(
            condition == interface.name for interface in parent.interfaces
        )
