"""Which rows and fields of each collection a policy lets through. Pure.

`Sight` is asked wherever a statement enters a collection: the one that was asked for, an
expansion, a path in a filter, a search, a count. A row rule is a filter that becomes part
of the statement, never a look at rows that were loaded. The asker's id stands in it as
`ME`, so that one statement serves everybody of a role. Source: permissions page §3.4,
§4.1, §6 and §9.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from conductus.permissions import history
from conductus.permissions.levels import Level
from conductus.permissions.policy import Policy, Rule, Rules
from conductus.query.item_query import (
    ALL,
    ALL_STATUSES,
    ME,
    NONE,
    Compare,
    Filter,
    Operator,
    Statuses,
    every,
    some,
)
from conductus.schema.model import Collection, Schema

USERS: Final = "directus_users"
ROLES: Final = "directus_roles"
PERMISSIONS: Final = "directus_permissions"
PRESETS: Final = "directus_collection_presets"
_NAMES: Final[frozenset[str]] = frozenset()
_OWNABLE: Final = frozenset({USERS, ROLES, PERMISSIONS, PRESETS, history.ACTIVITY})
"""System collections whose rows are somebody's without a field of type `owner`."""


class Sight:
    """What one policy lets through of one schema."""

    def __init__(self, policy: Policy, schema: Schema) -> None:
        self.policy = policy
        self.schema = schema

    @property
    def unbounded(self) -> bool:
        """True for administrators: no row and no field is kept from them by a rule."""
        return self.policy.administrator

    def reads(self, collection: Collection) -> bool:
        """Whether any item of the collection may be read at all."""
        if self.unbounded:
            return True
        rules = self.policy.on(collection.name)
        if not collection.managed or rules.read < Level.MINE:
            return False
        if rules.workflow:
            return collection.status_field is not None
        ownable = collection.owner_field is not None or collection.name in _OWNABLE
        return ownable or collection.status_field is not None or rules.read is Level.FULL

    def rows(self, collection: Collection, wanted: Statuses = None, asked: Filter = ALL) -> Filter:
        """The rows in the wanted statuses that may be read.

        `asked` is what else they have to fulfil, which may make the rule a shorter one.
        """
        if self.unbounded:
            return in_statuses(collection, wanted)
        if not self.reads(collection):
            return NONE
        rules = self.policy.on(collection.name)
        if rules.workflow:
            return self._workflow(collection, rules, wanted)
        deleted = [str(status.value) for status in collection.statuses if status.soft_delete]
        return every(
            in_statuses(collection, wanted, never=tuple(deleted)),
            self._whole(collection, rules.read, asked),
        )

    def hidden(self, collection: Collection) -> frozenset[str]:
        """The fields that a rule keeps back in every row."""
        lists = [_kept_back(rule, collection) for rule in self._rules(collection)]
        return frozenset.intersection(*lists) if lists else _NAMES

    def hidden_somewhere(self, collection: Collection) -> frozenset[str]:
        """The fields that a rule keeps back in some row, or in all."""
        return _NAMES.union(*(_kept_back(rule, collection) for rule in self._rules(collection)))

    def hidden_by_status(self, collection: Collection) -> Mapping[str, frozenset[str]]:
        """Status → the fields that are kept back in its rows and not in all rows."""
        everywhere = self.hidden(collection)
        found = {
            rule.status: _kept_back(rule, collection) - everywhere
            for rule in self._rules(collection)
            if rule.status is not None
        }
        return {status: names for status, names in found.items() if names}

    def ruled_statuses(self, collection: Collection) -> frozenset[str]:
        """The statuses that have a rule of their own."""
        return frozenset(rule.status for rule in self._rules(collection) if rule.status is not None)

    def showing(self, collection: Collection, name: str) -> Filter:
        """The rows in which the field is not kept back."""
        statuses = tuple(
            status for status, names in self.hidden_by_status(collection).items() if name in names
        )
        shown = ALL
        if statuses and collection.status_field is not None:
            shown = Compare((collection.status_field,), Operator.NIN, statuses)
        return every(shown, ALL if self.unbounded else history.showing(collection, name))

    def by_status(self, collection: Collection) -> Mapping[str, Filter] | None:
        """Status → which of its rows may be read; None where rules do not go by statuses."""
        rules = self.policy.on(collection.name)
        if self.unbounded or not rules.workflow or not self.reads(collection):
            return None
        return {
            status: self._owned(collection, rule.read)
            for status, rule in rules.by_status.items()
            if rule.read >= Level.MINE
        }

    def strips(self, collection: Collection) -> bool:
        """Whether fields hang on the status: an item of which nothing is left is not shown."""
        return not self.unbounded and self.policy.on(collection.name).workflow

    def _rules(self, collection: Collection) -> Iterable[Rule]:
        return () if self.unbounded else self.policy.on(collection.name).applicable()

    def _workflow(self, collection: Collection, rules: Rules, wanted: Statuses) -> Filter:
        """Each status by its own row, and none without one."""
        field = collection.status_field
        shown = shown_statuses(collection, wanted)
        by_level: defaultdict[Level, list[str]] = defaultdict(list)
        for status, rule in rules.by_status.items():
            if rule.read >= Level.MINE and (shown is None or status in shown):
                by_level[rule.read].append(status)
        if field is None:
            return NONE
        return some(
            *(
                every(
                    Compare((field,), Operator.IN, tuple(statuses)),
                    self._owned(collection, level),
                )
                for level, statuses in by_level.items()
            )
        )

    def _whole(self, collection: Collection, level: Level, asked: Filter) -> Filter:
        """The rows that one level lets through, whatever their status."""
        match collection.name:
            case "directus_roles":
                return ALL if level is Level.FULL else self._of_role("id")
            case "directus_permissions":
                return ALL if level is Level.FULL else self._of_role("role")
            case "directus_collection_presets":
                return self._presets(level)
            case history.ACTIVITY:
                return every(self._owned(collection, level), history.activity(self, asked))
            case history.REVISIONS:
                return history.revisions(self, asked)
            case _:
                return self._owned(collection, level)

    def _owned(self, collection: Collection, level: Level) -> Filter:
        """The rows whose owner the level includes."""
        if level is Level.FULL:
            return ALL
        owner = owner_of(collection)
        if owner is None or self.policy.nobody:
            return NONE
        if level is Level.MINE:
            return Compare((owner,), Operator.EQ, ME)
        if collection.name == USERS:
            return self._of_role("role")
        relation = self.schema.many_to_one.get((collection.name, owner))
        if relation is None or relation.collection_one != USERS:
            return NONE
        return Compare((owner, "role"), Operator.EQ, self.policy.role)

    def _of_role(self, field: str) -> Filter:
        if self.policy.nobody:
            return NONE
        return Compare((field,), Operator.EQ, self.policy.role)

    def _presets(self, level: Level) -> Filter:
        """One's own; with `role` those of one's role too, with `full` those of everybody."""
        nobodys = Compare(("user",), Operator.NULL)
        mine = NONE if self.policy.nobody else Compare(("user",), Operator.EQ, ME)
        roles = every(nobodys, Compare(("role",), Operator.EQ, self.policy.role))
        everybodys = every(nobodys, Compare(("role",), Operator.NULL))
        return some(
            mine,
            roles if level >= Level.ROLE else NONE,
            everybodys if level is Level.FULL else NONE,
        )


def _kept_back(rule: Rule, collection: Collection) -> frozenset[str]:
    """The fields that a rule keeps back, and those that would tell of them."""
    if not collection.computed:
        return rule.read_blacklist
    telling = (
        name
        for name, sources in collection.computed.items()
        if not rule.read_blacklist.isdisjoint(sources)
    )
    return rule.read_blacklist.union(telling)


def owner_of(collection: Collection) -> str | None:
    """The field that says whose a row is when it is read."""
    match collection.name:
        case "directus_users":
            return "id"
        case history.ACTIVITY:
            return "action_by"
        case _:
            return collection.owner_field


def in_statuses(collection: Collection, wanted: Statuses, *, never: tuple[str, ...] = ()) -> Filter:
    """The rows in the statuses asked for, by default in those that do not mean deleted.

    Those of `never` are left out also where they are asked for.
    """
    field = collection.status_field
    if field is None:
        return ALL
    shown = shown_statuses(collection, wanted)
    if shown is not None:
        kept = tuple(status for status in shown if status not in never)
        return Compare((field,), Operator.IN, kept)
    if not never:
        return ALL
    # A row without a status has none of these either.
    return some(Compare((field,), Operator.NULL), Compare((field,), Operator.NIN, never))


def shown_statuses(collection: Collection, wanted: Statuses) -> tuple[str, ...] | None:
    """The statuses that are wanted; None when any is."""
    if not collection.statuses or wanted == ALL_STATUSES:
        return None
    if wanted is not None:
        return wanted
    return tuple(str(status.value) for status in collection.statuses if not status.soft_delete)
