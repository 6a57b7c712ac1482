"""A naive reading of the permissions page: who may do what to which row.

Written apart from the real code, of which it imports nothing: rows are looped over in
memory, one sentence of the page after the other. Source: permissions page §3 and §4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

Row = dict[str, Any]
State = dict[str, dict[int, Row]]
"""Collection → key → row."""
Refusal = tuple[int, int]
"""Code and status of an error."""

ADMINISTRATOR = 1
PUBLIC = 2
KEY = "id"
LEVELS = ("none", "mine", "role", "full")
COMMENT_LEVELS = ("none", "read", "create", "update", "full")
NOT_FOUND: Refusal = (203, 404)
UNREADABLE: Refusal = (215, 403)
UNEXPLAINED: Refusal = (10, 403)
UNWRITABLE: Refusal = (305, 403)
SIGN_IN: Refusal = (3, 401)
DENIED: Mapping[str, Refusal] = {
    "read": (300, 403),
    "create": (301, 403),
    "update": (302, 403),
    "delete": (303, 403),
}


class Shape(Struct, frozen=True):
    """A collection, as far as permissions are concerned. Its key is `id`."""

    name: str
    columns: tuple[str, ...]
    texts: tuple[str, ...] = ()
    """Columns that a search looks through."""
    statuses: Mapping[str, bool] = {}
    """Status → whether it means deleted; empty without a status field, else `status` is it."""
    default: str | None = None
    owner: str | None = None
    ones: Mapping[str, str] = {}
    """Many-to-one field → collection."""
    manys: Mapping[str, tuple[str, str]] = {}
    """Alias → collection and field of the many side."""


class Permission(Struct, frozen=True, kw_only=True):
    """A row of `directus_permissions`."""

    role: int
    collection: str
    status: str | None = None
    create: str | None = "none"
    read: str | None = "none"
    update: str | None = "none"
    delete: str | None = "none"
    comment: str | None = "none"
    explain: str | None = "none"
    read_field_blacklist: tuple[str, ...] = ()
    write_field_blacklist: tuple[str, ...] = ()
    status_blacklist: tuple[str, ...] = ()

    def level(self, action: str) -> int:
        """How far an action reaches. Null and unknown texts are `none`."""
        stored = getattr(self, action)
        if stored not in LEVELS:
            return 0
        if action == "create" and stored != "none":
            return LEVELS.index("full")
        return LEVELS.index(stored)


class Asker(Struct, frozen=True):
    """Who asks. Nobody is user 0 with the role of the public."""

    user: int
    role: int | None

    @property
    def administrator(self) -> bool:
        return self.role == ADMINISTRATOR

    @property
    def public(self) -> bool:
        return self.user == 0


class World(Struct, frozen=True):
    """Everything that decides, besides the rows."""

    shapes: Mapping[str, Shape]
    permissions: tuple[Permission, ...]
    """By id."""
    users: Mapping[int, int | None]
    """User → role."""


class Access:
    """What one asker may do."""

    def __init__(self, world: World, asker: Asker) -> None:
        self.world = world
        self.asker = asker

    # -- effective rows, §3.1 ---------------------------------------------------------

    def rows(self, collection: str) -> list[Permission]:
        """The rows of the asker's role that decide: of each status the first."""
        own = [
            row
            for row in self.world.permissions
            if row.role == self.asker.role and row.collection == collection
        ]
        usual = [row for row in own if not (row.status or "").startswith("$")]
        by_status = [row for row in usual if row.status is not None]
        decisive = by_status or usual
        first: dict[str | None, Permission] = {}
        for row in decisive:
            first.setdefault(row.status, row)
        return list(first.values())

    def workflow(self, collection: str) -> bool:
        return any(row.status is not None for row in self.rows(collection))

    def row(self, collection: str, status: str | None) -> Permission | None:
        """`row(collection, s)` of the page."""
        for row in self.rows(collection):
            if row.status is None or row.status == status:
                return row
        return None

    def on_create(self, collection: str) -> Permission | None:
        """The `$create` row."""
        for row in self.world.permissions:
            if (row.role, row.collection, row.status) == (self.asker.role, collection, "$create"):
                return row
        return None

    def once(self, action: str, collection: str) -> bool:
        """Whether the asker has the ability at all."""
        if self.asker.administrator:
            return True
        return any(row.level(action) >= LEVELS.index("mine") for row in self.rows(collection))

    def denied(self, action: str) -> Refusal:
        """How an action is refused."""
        return SIGN_IN if self.asker.public else DENIED[action]

    # -- rows of items ----------------------------------------------------------------

    def status(self, collection: str, item: Row) -> str | None:
        return item["status"] if self.world.shapes[collection].statuses else None

    def may(self, action: str, collection: str, item: Row) -> bool:
        """Whether the level reaches as far as the owner of the item."""
        if self.asker.administrator:
            return True
        row = self.row(collection, self.status(collection, item))
        level = LEVELS[row.level(action)] if row else "none"
        if level == "full":
            return True
        owner_field = self.world.shapes[collection].owner
        if owner_field is None or self.asker.public or item[owner_field] is None:
            return False
        owner = item[owner_field]
        if owner == self.asker.user:
            return level in ("mine", "role")
        return level == "role" and self.world.users.get(owner, -1) == self.asker.role

    def sees(self, collection: str, item: Row) -> bool:
        """Whether a row may be read, whatever statuses are asked for."""
        if self.asker.administrator:
            return True
        if self.closed(collection):
            return False
        deleted = self.deleted(collection, item)
        if deleted and not self.workflow(collection):
            return False
        return self.may("read", collection, item)

    def deleted(self, collection: str, item: Row) -> bool:
        """Whether the item's status means deleted."""
        return self.world.shapes[collection].statuses.get(item.get("status") or "", False)

    def closed(self, collection: str) -> bool:
        """Whether lists of a collection are refused."""
        if self.asker.administrator:
            return False
        if not self.once("read", collection):
            return True
        shape = self.world.shapes[collection]
        if self.workflow(collection):
            return not shape.statuses
        if shape.owner is None and not shape.statuses:
            return not any(row.level("read") == 3 for row in self.rows(collection))
        return False

    # -- fields -----------------------------------------------------------------------

    def hidden(self, collection: str, item: Row) -> frozenset[str]:
        """Fields of this item that are not shown."""
        if self.asker.administrator:
            return frozenset()
        row = self.row(collection, self.status(collection, item))
        return frozenset(row.read_field_blacklist if row else ())

    def never_read(self, collection: str, field: str) -> bool:
        """Whether a field is hidden in every item."""
        if self.asker.administrator:
            return False
        rows = self.rows(collection)
        return bool(rows) and all(field in row.read_field_blacklist for row in rows)

    def hidden_in(self, collection: str, field: str) -> Iterator[str | None]:
        """The statuses in which a field is hidden."""
        if not self.asker.administrator:
            for row in self.rows(collection):
                if field in row.read_field_blacklist:
                    yield row.status
