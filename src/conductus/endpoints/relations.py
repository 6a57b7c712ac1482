"""Relations between collections: rows of metadata that must make sense.

Source: schema page §2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from conductus.database.executor import Transaction
from conductus.endpoints import generic, sections
from conductus.errors import BodyInvalid
from conductus.http.call import Call
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.keys import find_key_in_body, text_of_key
from conductus.items.rows import Item
from conductus.items.written import Written
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.permissions.writing import Action, check_able
from conductus.projects.schema_changes.relations import check_relations
from conductus.query.item_query import ItemQuery, Selection

RELATIONS = "directus_relations"


async def create(call: Call) -> Reply:
    """Relates two collections; with `foreign_key` the database keeps the relation too."""
    check_able(call.actor, call.policy, Action.CREATE, RELATIONS)
    body = await call.body.items()
    check_relations(call.schema, body if isinstance(body, list) else [body])
    if "foreign_key" in call.params:
        return await _create_kept(call, body)
    return await generic.create(call, RELATIONS)


async def _create_kept(call: Call, body: Item | list[Item]) -> Reply:
    """A relation together with the constraint that keeps it."""
    rule = call.params["foreign_key"]
    if not isinstance(body, dict) or not isinstance(rule, str):
        raise BodyInvalid("A foreign key is made with one relation at a time")
    query, options = generic.answering(call, RELATIONS), generic.options(call)

    async def write(transaction: Transaction) -> str:
        writer = call.project.writer
        return await writer.create_within(transaction, RELATIONS, body, call.context, options)

    key = await call.project.schema_changes.create_relation(body, rule, write)
    return await generic.written_one(call, query, Written(key))


async def update_by_keys(call: Call) -> Reply:
    """Changes a relation, or several in the same way, which must make sense afterwards."""
    check_able(call.actor, call.policy, Action.UPDATE, RELATIONS)
    body = await call.body.item()
    keys = generic.keys_of(call.raw("id"), call.schema.collection(RELATIONS), call.limits.max_ids)
    await _check_changed(call, dict.fromkeys(keys, body))
    return await generic.update_by_keys(call, RELATIONS)


async def update_many(call: Call) -> Reply:
    """Changes each relation of a list that names its id, in the same way."""
    check_able(call.actor, call.policy, Action.UPDATE, RELATIONS)
    body = await call.body.items()
    collection = call.schema.collection(RELATIONS)
    bodies: dict[str, Item] = {}
    for each in body if isinstance(body, list) else []:
        key = find_key_in_body(each, collection)
        if key is not None:
            # One that is named twice is as both leave it.
            id = text_of_key(key, collection)
            bodies[id] = {**bodies.get(id, {}), **each}
    await _check_changed(call, bodies)
    return await generic.update_many(call, RELATIONS)


async def _check_changed(call: Call, bodies: Mapping[str, Item]) -> None:
    """Raises what relations break as they would be; those that are not there are passed over.

    They are read whole, whatever of them the asker may read: nothing is told of the rows.
    """
    collection = call.schema.collection(RELATIONS)
    columns = Selection(tuple(field.name for field in collection.columns()))
    query = ItemQuery(collection=RELATIONS, selection=columns, limit=None)
    context = structs.replace(call.context.for_own_use(), actor=SYSTEM, policy=ADMINISTRATOR)
    rows = await call.project.reader.in_order(query, list(bodies), context)
    check_relations(
        call.schema, [{**row, **bodies[str(row["id"])], "id": row["id"]} for row in rows]
    )


ROUTES: tuple[Route[Any], ...] = tuple(
    {
        (route.method, route.pattern): route
        for route in (
            *sections.section("relations", RELATIONS),
            Route("POST", "relations", create),
            Route("PATCH", "relations", update_many),
            Route("PATCH", "relations/{id}", update_by_keys),
        )
    }.values()
)
