"""Fields at the root that write: all of one operation in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import FieldNode, GraphQLField, get_named_type, is_object_type
from msgspec import Struct

from conductus.errors import ApiError, ReadForbidden, Unauthorized, Unprocessable
from conductus.graphql.collecting import TYPE_NAME, Collected, Collector
from conductus.graphql.display import Present
from conductus.graphql.meanings import Ask, Root
from conductus.graphql.reading import Readings
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.proposals import CreateProposal, DeleteProposal, Proposal, UpdateProposal
from conductus.items.reader import Reader
from conductus.items.writer import WriteOptions, Writer
from conductus.items.written import Written
from conductus.query.item_query import ItemQuery
from conductus.query.limits import Limits

_SEVERAL = frozenset({Ask.CREATE_MANY, Ask.UPDATE_MANY, Ask.DELETE_MANY})


class Changing(Struct, frozen=True, kw_only=True):
    """A field at the root that writes."""

    key: str
    nodes: tuple[FieldNode, ...]
    proposals: tuple[Proposal, ...]
    several: bool
    comment: str | None
    query: ItemQuery | None
    """What is read of the items afterwards; None where nothing may be, or they are gone."""
    present: Present | None
    names: tuple[tuple[str, str | None], ...] = ()
    """Of items that are gone: keys of the answer, each with None or the type's name."""
    cost: int = 0

    @property
    def nullable(self) -> bool:
        """Whether its answer may be null."""
        return self.query is not None or bool(self.names)

    async def answer(self, written: Sequence[Written], reader: Reader, context: Context) -> Any:
        """What is answered when the items are written."""
        if self.names:
            return self._gone(written)
        if self.query is None or self.present is None:
            return True
        try:
            found = await reader.written(self.query, written, context)
        except (ReadForbidden, Unauthorized):
            found = []
        shown = self.present(found)
        if self.several:
            return shown
        return shown[0] if shown else None

    def _gone(self, written: Sequence[Written]) -> Item:
        keys = [one.key for one in written]
        told: Any = keys if self.several else keys[0]
        return {key: told if type is None else type for key, type in self.names}


class Changings:
    """Makes changings of the fields of one operation."""

    def __init__(self, collector: Collector, readings: Readings, limits: Limits) -> None:
        self._collector = collector
        self._readings = readings
        self._limits = limits

    def changing(self, field: GraphQLField, root: Root, asked: Collected) -> Changing:
        """What a field asks to be written. Raises `Unprocessable` for too many ids."""
        given = self._collector.arguments(field, asked)
        keys = tuple(dict.fromkeys(given["ids"] if "ids" in given else [given.get("id")]))
        if len(keys) > self._limits.max_ids:
            most = self._limits.max_ids
            raise Unprocessable(f"More than {most} ids in one request", details={"limit": most})
        several = root.ask in _SEVERAL
        query = present = None
        names: tuple[tuple[str, str | None], ...] = ()
        cost = len(keys)
        if root.ask in (Ask.DELETE, Ask.DELETE_MANY):
            names = self._names(field, asked)
        elif is_object_type(get_named_type(field.type)):
            wanted, present = self._readings.items(root.collection, field, asked)
            query = self._readings.shape(wanted, {})
            cost *= wanted.cost()
        return Changing(
            key=asked.key,
            nodes=asked.nodes,
            proposals=tuple(_proposals(root, keys, given)),
            several=several,
            comment=given.get("comment") or None,
            query=query,
            present=present,
            names=names,
            cost=cost,
        )

    def _names(self, field: GraphQLField, asked: Collected) -> tuple[tuple[str, str | None], ...]:
        type: Any = get_named_type(field.type)
        below = self._collector.below(type, asked.nodes)
        return tuple((each.key, type.name if each.name == TYPE_NAME else None) for each in below)


async def write(
    changings: Sequence[Changing], writer: Writer, context: Context
) -> list[list[Written]]:
    """Writes everything or nothing; what was written, for each of them. Raises as the writer."""
    comments = {each.comment for each in changings if each.comment}
    if len(comments) > 1:
        raise Unprocessable("The changes of one operation have one comment")
    options = WriteOptions(comment=next(iter(comments), None))
    proposals = [proposal for each in changings for proposal in each.proposals]
    written = iter(await writer.together(proposals, context, options))
    return [[next(written) for _ in each.proposals] for each in changings]


def failing(changings: Sequence[Changing], error: ApiError) -> Changing | None:
    """Whose change an error is about; makes its place in the batch one in that field's list."""
    place = error.details.get("index")
    if not isinstance(place, int):
        return None
    for each in changings:
        if place < len(each.proposals):
            if each.several:
                error.details["index"] = place
            else:
                del error.details["index"]
            return each
        place -= len(each.proposals)
    return None


def _proposals(root: Root, keys: Sequence[str], given: dict[str, Any]) -> Sequence[Proposal]:
    name = root.collection
    match root.ask:
        case Ask.CREATE:
            return [CreateProposal(name, given["data"])]
        case Ask.CREATE_MANY:
            return [CreateProposal(name, body) for body in given["data"]]
        case Ask.UPDATE | Ask.UPDATE_MANY:
            return [UpdateProposal(name, key, given["data"]) for key in keys]
        case _:
            return [DeleteProposal(name, key) for key in keys]
