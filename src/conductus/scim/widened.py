"""The project's schema with the names that providers give beside users and roles.

Our tables are no collections. Here they are two more, so that filters reach them and
they are read with the users of a page, in the way that any item is.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from conductus.permissions.levels import Level
from conductus.permissions.policy import Policy, Rule, Rules
from conductus.projects.provisioned import GROUPS_TABLE, USERS_TABLE
from conductus.schema.model import Collection, Column, Field, Kind, Relation, Schema

USERS: Final = "directus_users"
ROLES: Final = "directus_roles"
NAMES: Final = "conductus_scim"
"""The alias, of users and of roles, under which their names are."""
_KEY: Final = "id"
_TIES: Final = {USERS: (USERS_TABLE, "user"), ROLES: (GROUPS_TABLE, "role")}
_TEXTS: Final = {USERS: ("external_id", "user_name", "user_key"), ROLES: ("external_id",)}


def widened(schema: Schema) -> Schema:
    """The schema with both tables; of the same version, for what it has besides is the same."""
    collections = dict(schema.collections)
    relations = {(one, NAMES): _relation(one) for one in _TIES}
    for one, (many, tie) in _TIES.items():
        own = collections[one]
        alias = Field(collection=one, name=NAMES, type="o2m")
        collections[one] = structs.replace(own, fields={**own.fields, NAMES: alias})
        columns = [_field(many, tie, Kind.INTEGER)]
        columns += [_field(many, name, Kind.TEXT) for name in _TEXTS[one]]
        fields = {field.name: field for field in columns}
        collections[many] = Collection(name=many, fields=fields, primary_key=(tie,), managed=True)
    ties = {(found.collection_many, found.field_many): found for found in relations.values()}
    return Schema(
        collections,
        (*schema.relations, *relations.values()),
        {**schema.many_to_one, **ties},
        {**schema.one_to_many, **relations},
        schema.version,
    )


def permitted(policy: Policy) -> Policy:
    """The policy that lets through the names of those users and roles that it lets through."""
    if policy.administrator:
        return policy
    whole = {
        many: Rules(whole=Rule(id=0, collection=many, read=Level.FULL))
        for many, _ in _TIES.values()
    }
    return structs.replace(policy, rules={**policy.rules, **whole})


def identified(policy: Policy) -> Policy:
    """The policy that lets the keys of users and roles through, by which they are told apart."""
    telling = {
        name: policy.on(name)
        for name in _TIES
        if any(_KEY in rule.read_blacklist for rule in policy.on(name).applicable())
    }
    if not telling:
        return policy
    rules = {name: _without_key(found) for name, found in telling.items()}
    return structs.replace(policy, rules={**policy.rules, **rules})


def _without_key(rules: Rules) -> Rules:
    def shown(rule: Rule) -> Rule:
        return structs.replace(rule, read_blacklist=rule.read_blacklist - {_KEY})

    by_status = {status: shown(rule) for status, rule in rules.by_status.items()}
    whole = None if rules.whole is None else shown(rules.whole)
    return structs.replace(rules, whole=whole, by_status=by_status)


def _relation(one: str) -> Relation:
    many, tie = _TIES[one]
    return Relation(collection_many=many, field_many=tie, collection_one=one, field_one=NAMES)


def _field(collection: str, name: str, kind: Kind) -> Field:
    number = kind is Kind.INTEGER
    datatype = "INT" if number else "VARCHAR"
    column = Column(
        name=name, kind=kind, datatype=datatype, native=datatype.lower(), primary_key=number
    )
    return Field(
        collection=collection, name=name, type="integer" if number else "string", column=column
    )
