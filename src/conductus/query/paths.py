"""Walking a field path through the relations of a schema."""

from __future__ import annotations

from msgspec import Struct

from conductus.errors import FieldNotFound, FieldPathNotFound
from conductus.schema.model import Collection, Field, Relation, Schema


class Step(Struct, frozen=True):
    """One segment of a path: the field, and where it leads when it is a relation."""

    field: Field
    relation: Relation | None
    to_many: bool
    target: Collection | None
    """The collection on the other side; None when the field is no relation."""


def step(schema: Schema, collection: Collection, name: str) -> Step:
    """The field `name` of the collection and where it leads. Raises `FieldNotFound`."""
    field = collection.fields.get(name)
    if field is None:
        raise FieldNotFound(name, collection.name)
    one = schema.many_to_one.get((collection.name, name))
    if one is not None:
        return Step(field, one, False, schema.collections[one.collection_one])
    many = schema.one_to_many.get((collection.name, name))
    if many is not None:
        return Step(field, many, True, schema.collections[many.collection_many])
    return Step(field, None, False, None)


def walk(schema: Schema, collection: Collection, path: tuple[str, ...]) -> tuple[Step, ...]:
    """The steps of a path.

    Raises `FieldNotFound` (202/422) for an unknown single field, `FieldPathNotFound`
    (202/404) for a longer path that leads nowhere.
    """
    steps: list[Step] = []
    here: Collection | None = collection
    for name in path:
        if here is None:
            raise FieldPathNotFound(".".join(path), collection.name)
        try:
            taken = step(schema, here, name)
        except FieldNotFound:
            if len(path) == 1:
                raise
            raise FieldPathNotFound(".".join(path), collection.name) from None
        steps.append(taken)
        here = taken.target
    return tuple(steps)
