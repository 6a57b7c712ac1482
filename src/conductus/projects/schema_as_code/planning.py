"""From a document and the picture of a database to the steps between them. Pure.

A column is the same when the API, asked for the document's words, would leave it as it is;
so TINYINT is at peace with the SMALLINT that PostgreSQL has for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from msgspec import Struct, structs

from conductus.database.dialect import Name
from conductus.errors import ApiError
from conductus.projects.schema_as_code.describing import (
    COLUMN_KEYS,
    describe,
    describe_field,
    own_relations,
    with_words_of,
)
from conductus.projects.schema_as_code.documents import (
    CollectionDocument,
    Document,
    FieldDocument,
    RelationDocument,
)
from conductus.projects.schema_as_code.rows import Rows, row_steps
from conductus.projects.schema_as_code.steps import (
    Action,
    Body,
    ChangeCollection,
    CreateCollection,
    Detail,
    Difference,
    DropCollection,
    DropFields,
    DropRow,
    KeepRelation,
    Plan,
    Step,
    Unstore,
    WriteRow,
    details,
)
from conductus.projects.schema_changes.picture import Picture
from conductus.projects.schema_changes.plans import FieldJudge
from conductus.projects.schema_changes.requests import parse_field
from conductus.schema.model import Collection, Field

RELATIONS = "directus_relations"
_COLLECTION_KEYS = ("hidden", "single", "icon", "note", "translation")
_FIELD_KEYS = tuple(FieldDocument.__struct_fields__)
_RELATION_KEYS = ("collection_one", "field_one", "junction_field")
_UNBOUNDED_DECIMAL = "65,30"


class _Compared(Struct):
    """What became of comparing one collection."""

    metadata: Body
    bodies: list[Body]
    unstored: list[Body]
    told: list[Difference]
    told_unstored: list[Difference]
    refused: list[Difference]


def plan(database: Name, picture: Picture, rows: Rows, document: Document) -> Plan:
    """What makes the database what the document says, drops first."""
    present = describe(picture)
    refused: list[Difference] = []
    drops = _relation_drops(picture, document) + _field_drops(present, document)
    drops += _collection_drops(picture, present, document)
    made: list[Step] = []
    for name, wanted in sorted(document.collections.items()):
        collection = picture.schema.collections.get(name)
        if collection is None:
            made.append(_creation(name, wanted))
            refused += _impossible(FieldJudge(database, picture, _nothing(name)), name, wanted)
            continue
        compared = _compare(FieldJudge(database, picture, collection), picture, collection, wanted)
        made += _changes(name, compared)
        refused += compared.refused
    relations, odd = _relation_steps(picture, present, document)
    going = present.collections.keys() - document.collections.keys()
    people = row_steps(rows, document, going)
    return Plan(
        (*drops, *people.drops, *made, *relations, *people.made),
        (*refused, *odd, *people.refused),
    )


def reworded(database: Name, picture: Picture, document: Document, other: Document) -> Document:
    """The document in the words of another one, wherever those mean the same here."""
    collections = {}
    for name, told in document.collections.items():
        theirs = other.collections.get(name)
        fields = dict(told.fields)
        judge = FieldJudge(database, picture, picture.schema.collections[name])
        for field in fields.keys() & (theirs.fields.keys() if theirs else ()):
            spelled = theirs.fields[field] if theirs else fields[field]
            candidate = with_words_of(fields[field], spelled)
            with suppress(ApiError):
                if candidate.datatype is not None and _same_column(judge, field, candidate):
                    fields[field] = candidate
        collections[name] = structs.replace(told, fields=fields)
    return structs.replace(document, collections=collections)


# -- collections and fields -----------------------------------------------------------


def _creation(name: str, wanted: CollectionDocument) -> Step:
    fields = [_body(field, told) for field, told in wanted.fields.items()]
    metadata = {key: getattr(wanted, key) for key in _COLLECTION_KEYS}
    told = (
        Difference(action="create", what="collection", name=name),
        *(
            Difference(action="create", what="field", name=f"{name}.{field}")
            for field in wanted.fields
        ),
    )
    return Step(CreateCollection({"collection": name, **metadata, "fields": fields}), told)


def _nothing(name: str) -> Collection:
    return Collection(name=name, fields={})


def _impossible(judge: FieldJudge, name: str, wanted: CollectionDocument) -> list[Difference]:
    """The fields of a new collection that no column can be made for."""
    refused = []
    for field, told in wanted.fields.items():
        try:
            judge.add(parse_field(_body(field, told)))
        except ApiError as error:
            refused.append(_refusal(f"{name}.{field}", error))
    return refused


def _refusal(name: str, error: ApiError) -> Difference:
    return Difference(action="refuse", what="field", name=name, reason=error.message)


def _compare(
    judge: FieldJudge, picture: Picture, collection: Collection, wanted: CollectionDocument
) -> _Compared:
    found = _Compared({}, [], [], [], [], [])
    name = collection.name
    if not collection.system:
        found.metadata = _metadata(collection, wanted, found.told)
    for field, told in wanted.fields.items():
        present = collection.fields.get(field)
        full = f"{name}.{field}"
        if present is None or not present.managed:
            found.bodies.append(_body(field, told))
            action: Action = "create" if present is None else "change"
            what = () if present is None else (Detail("managed", False, True),)
            found.told.append(Difference(action=action, what="field", name=full, details=what))
            continue
        try:
            changed = _changed(judge, picture, collection, present, told)
        except ApiError as error:
            found.refused.append(_refusal(full, error))
            continue
        if not changed:
            continue
        body = _body_of_changes(collection, field, told, changed)
        if present.column is not None and told.datatype is None:
            found.unstored.append(body)
            found.told_unstored.append(
                Difference(action="drop", what="field", name=full, details=changed)
            )
        else:
            found.bodies.append(body)
            found.told.append(Difference(action="change", what="field", name=full, details=changed))
    return found


def _metadata(collection: Collection, wanted: CollectionDocument, told: list[Difference]) -> Body:
    changed = [
        Detail(key, getattr(collection, key), getattr(wanted, key))
        for key in _COLLECTION_KEYS
        if getattr(collection, key) != getattr(wanted, key)
    ]
    if not collection.managed:
        changed.append(Detail("managed", False, True))
    if changed:
        told.append(
            Difference(
                action="change", what="collection", name=collection.name, details=tuple(changed)
            )
        )
    return {one.key: one.after for one in changed}


def _changes(name: str, compared: _Compared) -> list[Step]:
    steps = []
    if compared.metadata or compared.bodies:
        body = dict(compared.metadata)
        if compared.bodies:
            body["fields"] = compared.bodies
        steps.append(Step(ChangeCollection(name, body), tuple(compared.told)))
    for body, told in zip(compared.unstored, compared.told_unstored, strict=True):
        steps.append(Step(Unstore(name, (body,)), (told,)))
    return steps


def _changed(
    judge: FieldJudge, picture: Picture, collection: Collection, field: Field, told: FieldDocument
) -> tuple[Detail, ...]:
    """The keys of a field that differ in more than their spelling. Raises `ApiError`."""
    present = describe_field(field, collection, picture.schema)
    if present == told:
        return ()
    differing = details(present, told, _FIELD_KEYS)
    if field.column is None or told.datatype is None or not _same_column(judge, field.name, told):
        return differing
    return tuple(one for one in differing if one.key not in COLUMN_KEYS)


def _same_column(judge: FieldJudge, name: str, told: FieldDocument) -> bool:
    planned = judge.change(name, parse_field(_body(name, told)))
    change = planned.changed
    return change is not None and change.before == change.after


def _body(name: str, told: FieldDocument) -> Body:
    """A field as the API is asked for it; of an alias, what aliases have."""
    body: Body = {key: getattr(told, key) for key in _FIELD_KEYS if key != "group"}
    body["field"] = name
    if told.datatype == "DECIMAL" and told.length is None:
        body["length"] = _UNBOUNDED_DECIMAL
    return body


def _body_of_changes(
    collection: Collection, name: str, told: FieldDocument, changed: Iterable[Detail]
) -> Body:
    whole = _body(name, told)
    keys = {one.key for one in changed}
    if keys & {"type", "datatype", "length"}:
        keys |= {"type", "datatype", "length"}
    body = {key: whole[key] for key in keys if key in whole}
    if "group" in keys:
        group = collection.fields.get(told.group) if told.group is not None else None
        body["group"] = group.id if group is not None else None
    return {"field": name, **body}


def _field_drops(present: Document, document: Document) -> list[Step]:
    steps = []
    for name, told in present.collections.items():
        wanted = document.collections.get(name)
        system = name.startswith("directus_")
        if wanted is None and not system:
            continue
        kept = wanted.fields if wanted is not None else {}
        for field in told.fields:
            if field not in kept:
                gone = Difference(action="drop", what="field", name=f"{name}.{field}")
                steps.append(Step(DropFields(name, (field,)), (gone,)))
    return steps


def _collection_drops(picture: Picture, present: Document, document: Document) -> list[Step]:
    gone = [
        name
        for name in present.collections
        if name not in document.collections and not name.startswith("directus_")
    ]
    return [
        Step(DropCollection(name), (Difference(action="drop", what="collection", name=name),))
        for name in _referring_first(picture, gone)
    ]


def _referring_first(picture: Picture, names: list[str]) -> list[str]:
    """In the order in which no foreign key stands in the way."""
    ahead, ordered = set(names), []
    while ahead:
        referred = {
            key.table
            for name in ahead
            for key in picture.tables[name].foreign_keys
            if key.table != name
        }
        # In a circle, any of them: the database will tell.
        free = sorted(ahead - referred) or sorted(ahead)[:1]
        ordered += free
        ahead -= set(free)
    return ordered


# -- relations ------------------------------------------------------------------------


def _relation_drops(picture: Picture, document: Document) -> list[Step]:
    wanted = {(one.collection_many, one.field_many) for one in document.relations}
    steps = []
    for relation in own_relations(picture.schema, picture.system):
        name = f"{relation.collection_many}.{relation.field_many}"
        many = document.collections.get(relation.collection_many)
        going = many is None or relation.field_many not in many.fields
        if (relation.collection_many, relation.field_many) in wanted or going:
            continue
        told = Difference(action="drop", what="relation", name=name)
        steps.append(Step(DropRow(RELATIONS, str(relation.id)), (told,)))
    return steps


def _relation_steps(
    picture: Picture, present: Document, document: Document
) -> tuple[list[Step], list[Difference]]:
    there = {(one.collection_many, one.field_many): one for one in present.relations}
    ids = {
        (one.collection_many, one.field_many): str(one.id)
        for one in own_relations(picture.schema, picture.system)
    }
    steps: list[Step] = []
    refused: list[Difference] = []
    for wanted in document.relations:
        place = (wanted.collection_many, wanted.field_many)
        name = ".".join(place)
        known = there.get(place)
        if known is None:
            told = Difference(action="create", what="relation", name=name)
            steps.append(
                Step(WriteRow(RELATIONS, None, _values(wanted), wanted.foreign_key), (told,))
            )
            continue
        changed = details(known, wanted, _RELATION_KEYS)
        if changed:
            told = Difference(action="change", what="relation", name=name, details=changed)
            body = {one.key: one.after for one in changed}
            steps.append(Step(WriteRow(RELATIONS, ids[place], body), (told,)))
        _compare_rules(known, wanted, steps, refused)
    return steps, refused


def _compare_rules(
    known: RelationDocument,
    wanted: RelationDocument,
    steps: list[Step],
    refused: list[Difference],
) -> None:
    if wanted.foreign_key is None or wanted.foreign_key == known.foreign_key:
        return
    name = f"{wanted.collection_many}.{wanted.field_many}"
    rule = Detail("foreign_key", known.foreign_key, wanted.foreign_key)
    if known.foreign_key is not None:
        why = f"there is a foreign key that does {known.foreign_key}: drop it by hand first"
        refused.append(
            Difference(action="refuse", what="relation", name=name, details=(rule,), reason=why)
        )
        return
    told = Difference(action="change", what="relation", name=name, details=(rule,))
    steps.append(Step(KeepRelation(_values(wanted), wanted.foreign_key), (told,)))


def _values(relation: RelationDocument) -> dict[str, Any]:
    return {
        key: getattr(relation, key) for key in ("collection_many", "field_many", *_RELATION_KEYS)
    }
