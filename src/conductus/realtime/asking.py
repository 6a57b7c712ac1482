"""What a subscription asks for, and what can be shared by those who ask the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from conductus.errors import Unprocessable
from conductus.items.hooks import READ, Hooks
from conductus.permissions.levels import Level
from conductus.permissions.policy import Policy
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.query.item_query import ALL, ItemQuery, Selection, compares
from conductus.query.paths import step, walk
from conductus.schema.model import Collection, Schema


class Asked(Protocol):
    """What somebody asks for, in their words. Equal to what is asked in the same words."""

    @property
    def collection(self) -> str:
        """The collection of which changes are to be told."""
        ...

    def __hash__(self) -> int:
        """As equal ones have it."""
        ...

    async def query(self, project: Project, snapshot: Snapshot, policy: Policy) -> ItemQuery:
        """What it means by a snapshot, for whoever has the policy. Raises what parsing raises."""
        ...


class ByParameters(Struct, frozen=True):
    """Items of a collection by a query string."""

    collection: str
    text: str

    async def query(self, project: Project, snapshot: Snapshot, policy: Policy) -> ItemQuery:
        """The same for everybody."""
        return project.queries.listing(self.collection, self.text, snapshot)


async def query_of(asked: Asked, project: Project, snapshot: Snapshot, policy: Policy) -> ItemQuery:
    """The query without what a stream has no use for: order, limits, figures.

    Raises what parsing raises, `Unprocessable` for what has no items to tell of.
    """
    query = await asked.query(project, snapshot, policy)
    if query.groups or query.aggregates:
        raise Unprocessable("Changes are told of items: they cannot be grouped")
    if not snapshot.schema.collection(asked.collection).primary_key:
        raise Unprocessable(f"{asked.collection!r} has no primary key: nothing can be told of it")
    return replace(query, sort=(), limit=None, offset=0, page=None, single=False, meta=None)


def hangs_on_the_user(query: ItemQuery, policy: Policy, schema: Schema, hooks: Hooks) -> bool:
    """Whether two users of the policy may be shown different things."""
    entered = list(_entered(query, schema))
    # A hook is told who it is for.
    if any(hooks.of(READ, "now", collection.name) for collection in entered):
        return True
    if policy.administrator or policy.nobody:
        return False
    return any(
        collection.system
        or any(rule.read is Level.MINE for rule in policy.on(collection.name).applicable())
        for collection in entered
    )


def _entered(query: ItemQuery, schema: Schema) -> Iterator[Collection]:
    """The collections that the query reads or decides by."""
    collection = schema.collection(query.collection)
    yield collection
    yield from _expanded(query.selection, collection, schema)
    if query.search is not None:
        # What is searched for may stand in any item that is related directly.
        related = (step(schema, collection, name).target for name in collection.fields)
        yield from (target for target in related if target is not None)
    filters = [query.filter or ALL, *(deep.filter or ALL for _, deep in query.deep)]
    starts = [(), *(tuple(map(_field, path)) for path, _ in query.deep)]
    for start, filter in zip(starts, filters, strict=True):
        for leaf in compares(filter):
            for taken in walk(schema, collection, (*start, *leaf.path)):
                if taken.target is not None:
                    yield taken.target


def _expanded(selection: Selection, collection: Collection, schema: Schema) -> Iterator[Collection]:
    for name in selection.fields:
        target = step(schema, collection, name).target
        if target is not None:
            yield target
    for shown, wanted in selection.expanded:
        name = dict(selection.renamed).get(shown, shown)
        target = step(schema, collection, name).target
        if target is not None:
            yield target
            yield from _expanded(wanted, target, schema)


def _field(shown: str) -> str:
    """The field of a list that is shown several times: `comments#1`."""
    return shown.partition("#")[0]
