"""Relations between collections: rows of metadata that must make sense.

Source: schema page §2.3.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from conductus.database.executor import Transaction
from conductus.endpoints import generic, sections
from conductus.errors import BodyInvalid
from conductus.http.call import Call
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.rows import Item
from conductus.permissions.writing import Action, check_able
from conductus.projects.schema_changes.relations import check_relations
from conductus.query.item_query import Selection

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
    options = generic.options(call)

    async def write(transaction: Transaction) -> str:
        writer = call.project.writer
        return await writer.create_within(transaction, RELATIONS, body, call.context, options)

    key = await call.project.schema_changes.create_relation(body, rule, write)
    return await generic.answer_key(call, RELATIONS, key)


async def update(call: Call) -> Reply:
    """Changes a relation, which must make sense afterwards."""
    collection = call.schema.collection(RELATIONS)
    check_able(call.actor, call.policy, Action.UPDATE, RELATIONS)
    body = await call.body.item()
    columns = Selection(tuple(field.name for field in collection.columns()))
    query = structs.replace(call.shape_query(RELATIONS), selection=columns, meta=None)
    keys = generic.keys_of(call.raw("id"), collection, call.limits.max_ids)
    rows = await call.project.reader.in_order(query, keys, call.context)
    check_relations(call.schema, [{**row, **body, "id": row["id"]} for row in rows])
    return await generic.update_by_keys(call, RELATIONS)


ROUTES: tuple[Route[Any], ...] = tuple(
    {
        (route.method, route.pattern): route
        for route in (
            *sections.section("relations", RELATIONS),
            Route("POST", "relations", create),
            Route("PATCH", "relations/{id}", update),
        )
    }.values()
)
