"""Which condition a statement should begin with, on databases that choose badly.

MySQL and MariaDB read every row of a collection and ask of each whether a related item
matches, where reading the few matches first would do: they do not know how few there are.
There the keys of the matches are made a table of their own, and the collection is joined
to it in that order. It costs at worst a lookup by key for every row.
"""

from __future__ import annotations

from conductus.items.predicate import ALWAYS, Combined, Predicate, Test, combine
from conductus.query.paths import step
from conductus.schema.model import Collection, Schema


def split(
    predicate: Predicate, collection: Collection, schema: Schema
) -> tuple[Test | None, Predicate]:
    """A condition on a to-many relation that must hold, and what must hold besides."""
    members = (
        predicate.members
        if isinstance(predicate, Combined) and predicate.mode == "all"
        else (predicate,)
    )
    for place, member in enumerate(members):
        if isinstance(member, Test) and _drives(member, collection, schema):
            rest = [*members[:place], *members[place + 1 :]]
            return member, combine("all", rest) if rest else ALWAYS
    return None, predicate


def _drives(test: Test, collection: Collection, schema: Schema) -> bool:
    return len(test.path) > 1 and step(schema, collection, test.path[0]).to_many
