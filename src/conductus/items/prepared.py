"""Plans with their statements: nothing is left but to bind values and run them."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct, structs

from conductus.database.dialect import Convert, Dialect
from conductus.database.statements import StatementCache
from conductus.items.computing import Filling
from conductus.items.hooks import NO_HOOKS, READ, Hooks
from conductus.items.levels import Child, Level, Planned
from conductus.items.sql import Compiled, LevelCompiler
from conductus.items.ties import carrier
from conductus.permissions.veils import Veil
from conductus.query.item_query import SortKey
from conductus.schema.model import Kind, Schema

STREAM_SIZE = 1000
"""Rows of a streamed list that are in memory at a time …"""
_SMALL_STREAM_SIZE: Final = 3000
"""… and those of a few small values: what hangs below them takes fewer statements."""
_FEW_COLUMNS: Final = 6
_SMALL_KINDS: Final = frozenset(Kind) - {
    *(Kind.TEXT, Kind.JSON, Kind.BINARY, Kind.TEXT_ARRAY, Kind.OPAQUE),
}


class Below(Struct, frozen=True):
    """A child level, and the kind of the values that tie it to its parents."""

    child: Child
    prepared: Prepared
    dense: Prepared | None
    """The same level for parents whose keys lie close together; None where keys do not."""
    kind: Kind
    carry: Convert | None = None
    """From a parent's key to what holds it in the rows below, where that is another kind."""
    in_step: Prepared | None = None
    """The same level in the order of its parents, for a list that is streamed."""


class Prepared(Struct, frozen=True):
    """A plan with its statements: nothing is left but to bind and run."""

    compiled: Compiled
    values: dict[str, Any]
    below: tuple[Below, ...] = ()
    veils: tuple[tuple[int, Veil], ...] = ()
    """What is drawn over items when they are whole, each with the index of its node."""
    fillings: tuple[Filling, ...] = ()
    strips: bool = False
    """Items of which nothing is left are not shown."""
    watched: tuple[tuple[int, str], ...] = ()
    """The nodes whose items hooks want to see first, each with its collection."""
    stream_size: int = STREAM_SIZE
    """Rows that are in memory at a time where the list is streamed."""


class Compilations:
    """Compiles plans, keeping the statements of the latest shapes."""

    def __init__(self, dialect: Dialect, hooks: Hooks = NO_HOOKS) -> None:
        self._dialect = dialect
        self._hooks = hooks
        self._levels: StatementCache[Compiled] = StatementCache()

    def prepare(self, planned: Planned, schema: Schema) -> Prepared:
        """The plan with the statements of all its levels."""
        below = tuple(self._below(child, planned.level, schema) for child in planned.children)
        sizes = [each.prepared.stream_size for each in below]
        return Prepared(
            self._compiled(planned.level, schema),
            planned.values,
            below,
            planned.veils,
            planned.fillings,
            watched=self._watched(planned.level),
            stream_size=min([_stream_size(planned.level, schema), *sizes]),
        )

    def prepare_list(self, planned: Planned, schema: Schema) -> Prepared:
        """The same; what hangs below a list without bounds may be read in step with it."""
        prepared = self.prepare(planned, schema)
        if not (self._dialect.walks_tables and _by_key(planned.level, schema)):
            return prepared
        below = tuple(self._in_step(each, planned.level, schema) for each in prepared.below)
        return structs.replace(prepared, below=below)

    def _in_step(self, below: Below, parent: Level, schema: Schema) -> Below:
        level = below.child.planned.level
        on_key = (below.child.node, below.child.key) == (0, _key(parent, schema))
        small = below.prepared.stream_size == _SMALL_STREAM_SIZE
        if below.dense is None or level.per_parent or not (on_key and small):
            return below
        compiled = self._compiled(structs.replace(level, dense=True, in_step=True), schema)
        return structs.replace(below, in_step=structs.replace(below.prepared, compiled=compiled))

    def _watched(self, level: Level) -> tuple[tuple[int, str], ...]:
        if not self._hooks.waits((READ,), "now"):
            return ()
        return tuple(
            (place, node.collection)
            for place, node in enumerate(level.nodes)
            if self._hooks.of(READ, "now", node.collection)
        )

    def _below(self, child: Child, above: Level, schema: Schema) -> Below:
        level = child.planned.level
        key = schema.collections[above.nodes[child.node].collection].fields[child.key]
        tie = schema.collections[level.collection].fields[level.grouped_by or ""]
        prepared = self.prepare(child.planned, schema)
        if child.bare:
            # Keys alone are shown of these.
            prepared = structs.replace(prepared, watched=())
        dense = None
        if tie.kind is Kind.INTEGER:
            compiled = self._compiled(structs.replace(level, dense=True), schema)
            dense = structs.replace(prepared, compiled=compiled)
        carry = carrier(key, tie, self._dialect)
        return Below(child, prepared, dense, tie.kind, carry)

    def _compiled(self, level: Level, schema: Schema) -> Compiled:
        return self._levels.get(
            (schema.version, level), lambda: LevelCompiler(schema, self._dialect).compile(level)
        )


def _key(level: Level, schema: Schema) -> str | None:
    """The key of a level's collection, if it has one that is one number."""
    collection = schema.collections[level.collection]
    if len(collection.primary_key) != 1:
        return None
    (name,) = collection.primary_key
    return name if collection.fields[name].kind is Kind.INTEGER else None


def _by_key(level: Level, schema: Schema) -> bool:
    """Whether a level is all of a list, in the order of such a key."""
    key = _key(level, schema)
    ordered = not level.sort or level.sort[0] == SortKey(key)
    return key is not None and ordered and not level.paged


def _stream_size(level: Level, schema: Schema) -> int:
    """How many rows of a level may be in memory at a time."""
    columns = [
        schema.collections[node.collection].fields[name].kind
        for node in level.nodes
        for name in node.columns
    ]
    small = len(columns) <= _FEW_COLUMNS and _SMALL_KINDS.issuperset(columns)
    return _SMALL_STREAM_SIZE if small else STREAM_SIZE
