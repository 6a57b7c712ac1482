"""How much a document may ask for, counted before anything is validated or read.

Fragments are counted where they are used, by arithmetic: what would be a million fields
is known to be without walking them. Source: GraphQL page §3, security page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from msgspec import Struct, structs

from conductus.config import GraphQLConfig
from conductus.errors import Unprocessable

MOST_FIELDS: Final = 2000
"""Fields of one document, fragments worked out."""
MOST_TOKENS: Final = 6000
MOST_FRAGMENTS: Final = 100
MOST_NESTED: Final = 100
"""Selections within each other, also those of fragments, which are no level of an answer."""
MOST_COMPARED: Final = 5000
"""Pairs of fields that stand for one field of the answer: validation compares each."""
DEEPEST_INTROSPECTION: Final = 24
"""The schema describes itself in more levels than items have."""


class Extent(Struct, frozen=True):
    """How much a part of a document asks for."""

    depth: int = 0
    aliases: int = 0
    """Names besides a field's own, and fields that are asked for again in the same place."""
    fields: int = 0
    nested: int = 0
    """Selections within each other."""

    def beside(self, other: Extent) -> Extent:
        """Both parts in the same place."""
        return Extent(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.fields + other.fields,
            max(self.nested, other.nested),
        )


_NOTHING: Final = Extent()


def check(document: DocumentNode, config: GraphQLConfig) -> None:
    """Raises `Unprocessable` (12/422) for a document that asks for too much.

    Raises `GraphQLError` for fragments that lead to themselves, of which all this is not known.
    """
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    _within("fragments", len(fragments), MOST_FRAGMENTS)
    whole = _Measure(document, fragments).whole()
    _within("levels deep", whole.depth, config.depth)
    _within("aliases", whole.aliases, config.aliases)
    _within("fields", whole.fields, MOST_FIELDS)
    _Comparing(fragments).check(document)


def _within(what: str, asked: int, most: int) -> None:
    if asked > most:
        raise Unprocessable(
            f"The document has more than {most} {what}"
            if what != "levels deep"
            else f"The document is more than {most} levels deep",
            details={"limit": most},
        )


class _Measure:
    def __init__(
        self, document: DocumentNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self._document = document
        self._fragments = fragments
        self._known: dict[str, Extent] = {}
        self._under_way: set[str] = set()
        self._nested = 0

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
        """Of a selection. It must be stopped on the way: Python nests no deeper than it does."""
        if selection is None:
            return _NOTHING
        _within("selections within each other", self._nested, MOST_NESTED)
        self._nested += 1
        found = self._selected(selection)
        self._nested -= 1
        return structs.replace(found, nested=found.nested + 1)

    def _selected(self, selection: SelectionSetNode) -> Extent:
        found = _NOTHING
        names: set[str] = set()
        for node in selection.selections:
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
        aliases = below.aliases + (node.alias is not None)
        return Extent(levels, aliases, below.fields + 1, below.nested)

    def _fragment(self, name: str) -> Extent:
        fragment = self._fragments.get(name)
        if name in self._under_way:
            raise GraphQLError(f"Cannot spread fragment {name!r} within itself.", fragment)
        # Validation tells of unknown ones.
        if fragment is None:
            return _NOTHING
        known = self._known.get(name)
        if known is None:
            self._under_way.add(name)
            known = self._set(fragment.selection_set)
            self._under_way.discard(name)
            self._known[name] = known
        _within("selections within each other", self._nested + known.nested, MOST_NESTED)
        return known


class _Comparing:
    """Counts what validation compares: all that stands for one field of an answer, in pairs.

    So it grows with the square of what is repeated, in fragments too.
    """

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._count = 0

    def check(self, document: DocumentNode) -> None:
        """Raises `Unprocessable`."""
        for each in document.definitions:
            if isinstance(each, OperationDefinitionNode | FragmentDefinitionNode):
                self._compare([each.selection_set])

    def _compare(self, selections: Iterable[SelectionSetNode]) -> None:
        """Of selections whose fields end up in one place."""
        found: defaultdict[str, list[FieldNode]] = defaultdict(list)
        spread: set[str] = set()
        for selection in selections:
            self._collect(selection, found, spread)
        self._count += _pairs(len(spread)) + sum(_pairs(len(nodes)) for nodes in found.values())
        _within("fields that are asked for again", self._count, MOST_COMPARED)
        for nodes in found.values():
            self._compare([node.selection_set for node in nodes if node.selection_set is not None])

    def _collect(
        self, selection: SelectionSetNode, found: dict[str, list[FieldNode]], spread: set[str]
    ) -> None:
        for node in selection.selections:
            match node:
                case FieldNode():
                    found[node.alias.value if node.alias else node.name.value].append(node)
                case InlineFragmentNode():
                    self._collect(node.selection_set, found, spread)
                case FragmentSpreadNode() if node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments.get(node.name.value)
                    if fragment is not None:
                        self._collect(fragment.selection_set, found, spread)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
