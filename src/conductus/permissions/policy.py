"""What a role may: the rows of `directus_permissions` as values.

Pure. No inheritance: whoever is signed in has the rows of the own role alone, and whoever
has no role may nothing. Source: permissions page §2 and §3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from conductus.permissions.actor import ADMINISTRATOR_ROLE, PUBLIC_ROLE
from conductus.permissions.levels import CommentLevel, Explain, Level
from conductus.schema.model import Schema

ON_CREATE = "$create"
CUSTOM = "$"
"""Begins the status of rows that no status of an item has."""


class Rule(Struct, frozen=True, kw_only=True):
    """One row of `directus_permissions`."""

    id: int
    collection: str
    status: str | None = None
    """The status that it holds for; None for the whole collection."""
    create: Level = Level.NONE
    read: Level = Level.NONE
    update: Level = Level.NONE
    delete: Level = Level.NONE
    comment: CommentLevel = CommentLevel.NONE
    explain: Explain = Explain.NONE
    read_blacklist: frozenset[str] = frozenset()
    write_blacklist: frozenset[str] = frozenset()
    status_blacklist: frozenset[str] = frozenset()


class Rules(Struct, frozen=True, kw_only=True):
    """What holds for one collection."""

    whole: Rule | None = None
    """The row of the whole collection; none in workflow mode."""
    by_status: Mapping[str, Rule] = {}
    on_create: Rule | None = None
    """The row of new items: blacklists alone, it grants nothing."""

    @property
    def workflow(self) -> bool:
        """True when each status has a row of its own, or none and so no access."""
        return bool(self.by_status)

    def row(self, status: Any) -> Rule | None:
        """The row that decides about an item in that status; None: no access."""
        if not self.workflow:
            return self.whole
        return None if status is None else self.by_status.get(str(status))

    def applicable(self) -> tuple[Rule, ...]:
        """Every row that decides about some item."""
        if self.workflow:
            return tuple(self.by_status.values())
        return () if self.whole is None else (self.whole,)

    @property
    def read(self) -> Level:
        """The most that may be read of any item: whether there is the ability at all."""
        return max((rule.read for rule in self.applicable()), default=Level.NONE)


NO_RULES = Rules()


class Policy(Struct, frozen=True, kw_only=True):
    """What one role may."""

    role: int | None = None
    administrator: bool = False
    """Everything, whatever rows there are."""
    rules: Mapping[str, Rules] = {}
    """By collection; a collection without an entry may not be touched."""
    few: bool = False
    """The role had few users when this was loaded. It changes how a rule is asked, and no
    answer: it may be wrong."""
    handful: int = 0
    """How many users it had then, where they could be counted on a hand, else 0; the same."""

    @staticmethod
    def of(
        role: int, rows: Iterable[Mapping[str, Any]], *, few: bool = False, handful: int = 0
    ) -> Policy:
        """The policy of a role by its rows, as the database has them.

        Of several rows for the same collection and status the one with the lowest id counts.
        """
        if role == ADMINISTRATOR_ROLE:
            return ADMINISTRATOR
        kept: defaultdict[str, dict[str | None, Rule]] = defaultdict(dict)
        for row in sorted(rows, key=lambda row: int(row["id"])):
            kept[str(row["collection"])].setdefault(row["status"], _rule(row))
        rules = {name: _rules(found) for name, found in kept.items()}
        return Policy(role=role, rules=rules, few=few, handful=handful)

    def effective(self, schema: Schema) -> tuple[Rule, ...]:
        """The rules that count: of whole collections, then of statuses, then of new items.

        Those of what is not there are left out: collections that were dropped, statuses of
        collections without a status field. An administrator has none.
        """
        known = [
            (rules, schema.collections[name])
            for name, rules in sorted(self.rules.items())
            if name in schema.collections
        ]
        return (
            *(rules.whole for rules, _ in known if rules.whole is not None),
            *(rule for rules, each in known if each.statuses for rule in rules.by_status.values()),
            *(rules.on_create for rules, _ in known if rules.on_create is not None),
        )

    def on(self, collection: str) -> Rules:
        """What holds for a collection."""
        return self.rules.get(collection, NO_RULES)

    @property
    def nobody(self) -> bool:
        """True when nobody is signed in, so that no item is anybody's own."""
        return self.role == PUBLIC_ROLE


ADMINISTRATOR = Policy(role=ADMINISTRATOR_ROLE, administrator=True)
"""Also that of the server itself."""
NOTHING = Policy()
"""That of a user without a role."""


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        id=int(row["id"]),
        collection=str(row["collection"]),
        status=row["status"],
        create=Level.of(row["create"]),
        read=Level.of(row["read"]),
        update=Level.of(row["update"]),
        delete=Level.of(row["delete"]),
        comment=CommentLevel.of(row["comment"]),
        explain=Explain.of(row["explain"]),
        read_blacklist=_names(row["read_field_blacklist"]),
        write_blacklist=_names(row["write_field_blacklist"]),
        status_blacklist=_names(row["status_blacklist"]),
    )


def _names(stored: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (stored or "").split(",")) - {""}


def _rules(rows: Mapping[str | None, Rule]) -> Rules:
    by_status = {
        status: rule
        for status, rule in rows.items()
        if status is not None and not status.startswith(CUSTOM)
    }
    return Rules(
        whole=None if by_status else rows.get(None),
        by_status=by_status,
        on_create=rows.get(ON_CREATE),
    )
