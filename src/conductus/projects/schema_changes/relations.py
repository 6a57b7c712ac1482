"""Relations: what makes one plausible, and the foreign key that may come with it.

The rows themselves are items of `directus_relations` like any other. Source: schema page
of the API reference, §2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conductus.database.ddl import OnDelete, Reference
from conductus.errors import Unprocessable, ValidationFailed
from conductus.schema.model import Collection, Field, Schema

ON_DELETE: Mapping[str, OnDelete] = {
    "restrict": "restrict",
    "cascade": "cascade",
    "set_null": "set_null",
}


def check_relations(schema: Schema, several: Sequence[Mapping[str, Any]]) -> None:
    """`check_relation` of rows that clients write, none of a field that has one already.

    Rows that are there have their `id`.
    """
    fields: set[tuple[Any, Any]] = set()
    for values in several:
        check_relation(schema, values)
        field = values["collection_many"], values["field_many"]
        other = schema.many_to_one.get(field)
        stated = other is not None and other.id is not None and other.id != values.get("id")
        if stated or field in fields:
            raise ValidationFailed({"field_many": "This field has a relation already"})
        fields.add(field)


def check_relation(schema: Schema, values: Mapping[str, Any]) -> None:
    """Raises `ValidationFailed` (4) naming every end that does not exist or makes no sense.

    `values` is the whole row as it would be. The alias on the one side may come later, as
    clients make relations before or after their fields.
    """
    problems: dict[str, str] = {}
    many = _end(schema, values, "collection_many", problems)
    one = _end(schema, values, "collection_one", problems)
    if many is not None:
        _check_many(many, values, problems)
    if one is not None:
        if len(one.primary_key) != 1:
            problems["collection_one"] = "Its items have no single key to be referred to by"
        alias = _field(one, values.get("field_one"))
        if alias is not None and alias.column is not None:
            problems["field_one"] = "This is a column, not an alias"
    if problems:
        raise ValidationFailed(problems)


def reference(schema: Schema, values: Mapping[str, Any], on_delete: str) -> Reference:
    """The foreign key of a relation that passed `check_relation`.

    Raises `ValidationFailed` for an unknown rule, `Unprocessable` for `set_null` on a
    column that takes no NULL.
    """
    rule = ON_DELETE.get(on_delete)
    if rule is None:
        raise ValidationFailed({"foreign_key": f"This must be one of {', '.join(ON_DELETE)}"})
    many = schema.collection(values["collection_many"])
    one = schema.collection(values["collection_one"])
    field = many.fields[values["field_many"]]
    if rule == "set_null" and field.column is not None and not field.column.nullable:
        raise Unprocessable(f"{field.name}: a required field cannot be set to null")
    return Reference(
        table=many.name,
        column=field.name,
        referred_table=one.name,
        referred_column=one.primary_key[0],
        on_delete=rule,
    )


def _end(
    schema: Schema, values: Mapping[str, Any], key: str, problems: dict[str, str]
) -> Collection | None:
    name = values.get(key)
    if not isinstance(name, str) or not name:
        problems[key] = "This value is required"
        return None
    found = schema.collections.get(name)
    if found is None:
        problems[key] = f"There is no collection {name!r}"
    return found


def _check_many(many: Collection, values: Mapping[str, Any], problems: dict[str, str]) -> None:
    name = values.get("field_many")
    field = _field(many, name)
    if not name:
        problems["field_many"] = "This value is required"
    elif field is None:
        problems["field_many"] = f"There is no field {name!r} in {many.name!r}"
    elif field.column is None:
        problems["field_many"] = "An alias holds no key"
    junction = values.get("junction_field")
    if junction and _field(many, junction) is None:
        problems["junction_field"] = f"There is no field {junction!r} in {many.name!r}"
    elif junction and junction == name:
        problems["junction_field"] = "This is the same field as field_many"


def _field(collection: Collection, name: Any) -> Field | None:
    return collection.fields.get(name) if isinstance(name, str) else None
