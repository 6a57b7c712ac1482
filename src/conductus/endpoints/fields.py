"""Fields: columns and aliases. Source: schema page §2.2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conductus.endpoints import objects
from conductus.endpoints.listing import listing
from conductus.errors import BodyInvalid, FieldPathNotFound, FieldUnreadable
from conductus.http.call import Call
from conductus.http.envelope import nothing
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.projects.schema_changes.objects import Object, field_object
from conductus.schema.model import Collection, Field, Schema

FIELDS = "directus_fields"


async def read_all(call: Call) -> Reply:
    """Every field of every collection."""
    call.check_readable(FIELDS)
    collections = [each for _, each in sorted(call.schema.collections.items())]
    found = [
        field_object(field)
        for each in collections
        if call.sight.reads(each)
        for field in _shown(call, each)
    ]
    return objects.listed(call, objects.page(call, objects.ordered(call, found)), FIELDS)


async def read_many(call: Call) -> Reply:
    """The fields of one collection."""
    call.check_readable(FIELDS)
    collection = call.schema.collection(call.text("collection"))
    call.check_readable(collection.name)
    found = [field_object(field) for field in _shown(call, collection)]
    return objects.listed(call, objects.ordered(call, found), FIELDS)


async def read_by_names(call: Call) -> Reply:
    """One field, or several whose names are separated by commas."""
    call.check_readable(FIELDS)
    collection = call.schema.collection(call.text("collection"))
    call.check_readable(collection.name)
    names = call.text("field").split(",")
    for name in names:
        if name in call.sight.hidden(collection):
            raise FieldUnreadable(name, collection.name)
    return _answer(call, call.schema, names)


async def create(call: Call) -> Reply:
    """Adds a field."""
    objects.only_administrators(call)
    _check(call)
    collection = call.text("collection")
    name = await call.project.schema_changes.by(call.actor).create_field(
        collection, await call.body.item()
    )
    return _answer(call, (await call.project.current()).schema, [name])


async def update_by_names(call: Call) -> Reply:
    """Changes one field, or several in the same way."""
    objects.only_administrators(call)
    _check(call)
    names = await call.project.schema_changes.by(call.actor).update_field(
        call.text("collection"),
        call.text("field").split(","),
        await call.body.item(),
        force=call.flag("force"),
    )
    return _answer(call, (await call.project.current()).schema, list(names))


async def update_many(call: Call) -> Reply:
    """Changes each field of a list that names it."""
    objects.only_administrators(call)
    _check(call)
    bodies = await call.body.items()
    if not isinstance(bodies, list):
        raise BodyInvalid("The body must be a list of fields")
    names = await call.project.schema_changes.by(call.actor).update_fields(
        call.text("collection"), bodies, force=call.flag("force")
    )
    schema = (await call.project.current()).schema
    return objects.listed(call, _found(call, schema, names), FIELDS)


async def delete(call: Call) -> Reply:
    """Drops fields."""
    objects.only_administrators(call)
    await call.project.schema_changes.by(call.actor).delete_field(
        call.text("collection"),
        call.text("field").split(","),
        delete_junction=call.flag("delete_junction"),
    )
    return nothing(public=call.public)


def _check(call: Call) -> None:
    """Raises what is wrong with what is asked of the fields that are changed."""
    example = call.schema.collection(FIELDS).fields["field"]
    objects.check(call, field_object(example), FIELDS)


def _shown(call: Call, collection: Collection) -> Iterable[Field]:
    """The fields that are not kept back from the asker in every row."""
    hidden = call.sight.hidden(collection)
    return (field for field in collection.fields.values() if field.name not in hidden)


def _answer(call: Call, schema: Schema, names: list[str]) -> Reply:
    found = _found(call, schema, names)
    return (
        objects.one(call, found[0], FIELDS)
        if len(names) == 1
        else objects.listed(call, found, FIELDS)
    )


def _found(call: Call, schema: Schema, names: list[str] | tuple[str, ...]) -> list[Object]:
    collection = schema.collection(call.text("collection"))
    for name in names:
        if name not in collection.fields:
            raise FieldPathNotFound(name, collection.name)
    return [field_object(collection.fields[name]) for name in names]


ROUTES: tuple[Route[Any], ...] = (
    *listing("fields", read_all),
    *listing("fields/{collection}", read_many),
    Route("POST", "fields/{collection}", create),
    Route("PATCH", "fields/{collection}", update_many),
    Route("GET", "fields/{collection}/{field}", read_by_names),
    Route("PATCH", "fields/{collection}/{field}", update_by_names),
    Route("DELETE", "fields/{collection}/{field}", delete),
)
