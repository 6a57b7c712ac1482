"""How much a document may ask for, counted before anything is validated or read.

Fragments are counted where they are used, by arithmetic: what would be a million fields
is known to be without walking them. Source: GraphQL page §3, security page.
"""

from __future__ import annotations

from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from msgspec import Struct

from conductus.config import GraphQLConfig
from conductus.errors import Unprocessable

MOST_FIELDS: Final = 2000
"""Fields of one document, fragments worked out."""
MOST_TOKENS: Final = 6000
DEEPEST_INTROSPECTION: Final = 24
"""The schema describes itself in more levels than items have."""


class Extent(Struct, frozen=True):
    """How much a part of a document asks for."""

    depth: int = 0
    aliases: int = 0
    """Names besides a field's own, and fields that are asked for again in the same place."""
    fields: int = 0

    def beside(self, other: Extent) -> Extent:
        """Both parts in the same place."""
        return Extent(
            max(self.depth, other.depth), self.aliases + other.aliases, self.fields + other.fields
        )


_NOTHING: Final = Extent()


def check(document: DocumentNode, config: GraphQLConfig) -> None:
    """Raises `Unprocessable` (12/422) for a document that asks for too much."""
    whole = _Measure(document).whole()
    _within("levels deep", whole.depth, config.depth)
    _within("aliases", whole.aliases, config.aliases)
    _within("fields", whole.fields, MOST_FIELDS)


def _within(what: str, asked: int, most: int) -> None:
    if asked > most:
        raise Unprocessable(
            f"The document has more than {most} {what}"
            if what != "levels deep"
            else f"The document is more than {most} levels deep",
            details={"limit": most},
        )


class _Measure:
    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, Extent] = {}
        self._under_way: set[str] = set()

    def whole(self) -> Extent:
        """Of every operation, and of every fragment, used or not."""
        found = _NOTHING
        for each in self._document.definitions:
            if isinstance(each, OperationDefinitionNode):
                found = found.beside(self._set(each.selection_set))
            elif isinstance(each, FragmentDefinitionNode):
                measured = self._fragment(each.name.value)
                # Counted where it is used; where it is not, it is validated all the same.
                found = Extent(
                    max(found.depth, measured.depth),
                    max(found.aliases, measured.aliases),
                    max(found.fields, measured.fields),
                )
        return found

    def _set(self, selection: SelectionSetNode | None) -> Extent:
        found = _NOTHING
        names: set[str] = set()
        for node in () if selection is None else selection.selections:
            match node:
                case FieldNode():
                    measured = self._field(node)
                    again = node.name.value in names and node.alias is None
                    names.add(node.name.value)
                    measured = measured.beside(Extent(aliases=int(again)))
                case InlineFragmentNode():
                    measured = self._set(node.selection_set)
                case FragmentSpreadNode():
                    measured = self._fragment(node.name.value)
                case _:
                    continue
            found = found.beside(measured)
        return found

    def _field(self, node: FieldNode) -> Extent:
        below = self._set(node.selection_set)
        # What describes the schema is bounded by itself.
        levels = below.depth + 1
        if node.name.value.startswith("__"):
            levels = 0 if levels <= DEEPEST_INTROSPECTION else levels
        return Extent(levels, below.aliases + (node.alias is not None), below.fields + 1)

    def _fragment(self, name: str) -> Extent:
        fragment = self._fragments.get(name)
        # Validation tells of fragments that lead to themselves, and of unknown ones.
        if fragment is None or name in self._under_way:
            return _NOTHING
        known = self._known.get(name)
        if known is None:
            self._under_way.add(name)
            known = self._set(fragment.selection_set)
            self._under_way.discard(name)
            self._known[name] = known
        return known
