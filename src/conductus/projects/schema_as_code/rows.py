"""Roles, permission rows and presets as parts of a document: by names, never by ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs

from conductus.database.dialect import Dialect
from conductus.database.executor import Executor
from conductus.permissions.actor import ADMINISTRATOR_ROLE, PUBLIC_ROLE
from conductus.projects import rows as stored
from conductus.projects.schema_as_code.documents import (
    Document,
    Extra,
    PermissionDocument,
    PresetDocument,
    RoleDocument,
)
from conductus.projects.schema_as_code.steps import (
    Body,
    Detail,
    Difference,
    DropRow,
    Step,
    Wait,
    What,
    WriteRow,
    details,
)
from conductus.projects.schema_changes.picture import Picture
from conductus.schema.types import type_of

ROLES: Final = "directus_roles"
PERMISSIONS: Final = "directus_permissions"
PRESETS: Final = "directus_collection_presets"
_BUILTIN: Final = {ADMINISTRATOR_ROLE: "administrator", PUBLIC_ROLE: "public"}
_PERMISSION_KEY: Final = ("role", "collection", "status")
_PRESET_KEY: Final = ("role", "collection", "title")
Row = dict[str, Any]
Part = TypeVar("Part", PermissionDocument, PresetDocument)


class Rows(Struct, frozen=True):
    """The rows of the three tables, their values as the API presents them."""

    roles: tuple[Row, ...]
    permissions: tuple[Row, ...]
    presets: tuple[Row, ...]

    def role_names(self) -> dict[int, str]:
        """The name of each role by its id."""
        return {row["id"]: row["name"] for row in self.roles}


class _Known(Struct, frozen=True):
    """A row that is there: its key and what a document says of it."""

    id: str
    part: Any


class RowSteps(Struct, frozen=True):
    """Steps that drop rows, steps that make and change them, and what cannot be."""

    drops: list[Step]
    made: list[Step]
    refused: list[Difference]


class _Roles(Struct, frozen=True):
    """The ids of the roles that are there, and the names of those that will be."""

    ids: Mapping[str, int]
    coming: Collection[str]


async def read_rows(executor: Executor, dialect: Dialect, picture: Picture) -> Rows:
    """What the database has; presets that belong to a user are left where they are."""
    roles, permissions, presets = [
        await _presented(executor, dialect, picture, table)
        for table in (ROLES, PERMISSIONS, PRESETS)
    ]
    names = {row["id"] for row in roles}
    return Rows(
        roles=roles,
        permissions=tuple(row for row in permissions if row["role"] in names),
        presets=tuple(
            row
            for row in presets
            if not row.get("user") and (row["role"] is None or row["role"] in names)
        ),
    )


def with_rows(document: Document, rows: Rows, extras: Collection[Extra]) -> Document:
    """The document with the parts that are asked for."""
    names = rows.role_names()
    return structs.replace(
        document,
        roles=_roles(rows) if "roles" in extras else None,
        permissions=_sorted(
            (_permission(row, names) for row in rows.permissions), PermissionDocument
        )
        if "permissions" in extras
        else None,
        presets=_sorted((_preset(row, names) for row in rows.presets), PresetDocument)
        if "presets" in extras
        else None,
    )


def row_steps(rows: Rows, document: Document, going: Collection[str]) -> RowSteps:
    """What makes the rows be what the document says.

    Rows of roles that are not there yet are made once the roles are; what speaks of
    collections that are `going`, or of roles that are, goes with them.
    """
    found = RowSteps([], [], [])
    if document.roles is not None:
        _role_steps(rows, document.roles, found)
    names = _told_names(rows, document)
    staying = [id for id, name in names.items() if document.roles is None or name in document.roles]
    every = _Roles({name: id for id, name in names.items()}, set(document.roles or ()))
    if document.permissions is not None:
        stays = [
            row
            for row in rows.permissions
            if row["role"] in staying and row["collection"] not in going
        ]
        there = _known(stays, lambda row: _permission(row, names), _permission_key)
        wanted = _keyed(document.permissions, _permission_key)
        _part_steps("permission", PERMISSIONS, there, wanted, every, found)
    if document.presets is not None:
        shown = [row for row in rows.presets if row["collection"] not in going]
        presets = _known(shown, lambda row: _preset(row, names), _preset_key)
        _part_steps("preset", PRESETS, presets, _keyed(document.presets, _preset_key), every, found)
    return found


async def _presented(
    executor: Executor, dialect: Dialect, picture: Picture, table: str
) -> tuple[Row, ...]:
    kinds = picture.kinds(table)
    present: dict[str, Callable[[Any], Any]] = {}
    for field in picture.schema.collection(table).columns():
        shown = type_of(field).presenter(field.kind)
        if shown is not None:
            present[field.name] = shown
    found = await stored.read(executor, dialect, table, kinds, ("id",))
    return tuple(
        {
            name: present[name](value) if name in present and value is not None else value
            for name, value in row.items()
        }
        for row in found
    )


# -- describing -----------------------------------------------------------------------


def _roles(rows: Rows) -> dict[str, RoleDocument]:
    return {row["name"]: _role(row) for row in sorted(rows.roles, key=lambda row: row["name"])}


def _role(row: Row) -> RoleDocument:
    return msgspec.convert(
        _told(row, RoleDocument) | {"builtin": _BUILTIN.get(row["id"])}, RoleDocument
    )


def _permission(row: Row, names: Mapping[int, str]) -> PermissionDocument:
    told = _told(row, PermissionDocument) | {"role": names[row["role"]]}
    return msgspec.convert(told, PermissionDocument)


def _preset(row: Row, names: Mapping[int, str]) -> PresetDocument:
    role = None if row["role"] is None else names[row["role"]]
    return msgspec.convert(_told(row, PresetDocument) | {"role": role}, PresetDocument)


def _told(row: Row, kind: type[Struct]) -> Body:
    """What a document says of a row; an empty list is as good as none."""
    return {
        name: None if row[name] == [] else row[name]
        for name in kind.__struct_fields__
        if name in row
    }


def _sorted(parts: Iterable[Part], kind: type[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: _order(part, kind))


def _order(part: Struct, kind: type[Struct]) -> tuple[bytes, ...]:
    key = _PERMISSION_KEY if kind is PermissionDocument else _PRESET_KEY
    # What is alike in its key comes in the order of its content.
    return (
        *(str(getattr(part, name) or "").encode() for name in key),
        msgspec.json.encode(part, order="deterministic"),
    )


# -- comparing ------------------------------------------------------------------------


def _told_names(rows: Rows, document: Document) -> dict[int, str]:
    """The names of the roles as the document calls them."""
    names = rows.role_names()
    builtin = {kind: id for id, kind in _BUILTIN.items()}
    for name, role in (document.roles or {}).items():
        if role.builtin is not None:
            names[builtin[role.builtin]] = name
    return names


def _role_steps(rows: Rows, wanted: Mapping[str, RoleDocument], found: RowSteps) -> None:
    by_name = {row["name"]: row for row in rows.roles}
    by_kind = {_BUILTIN[row["id"]]: row for row in rows.roles if row["id"] in _BUILTIN}
    seen: set[int] = set()
    for name, told in wanted.items():
        row = by_kind.get(told.builtin) if told.builtin is not None else by_name.get(name)
        if row is None:
            body = {"name": name, **_values(told, _role_keys())}
            difference = Difference(action="create", what="role", name=name)
            found.made.append(Step(WriteRow(ROLES, None, body), (difference,)))
            continue
        seen.add(row["id"])
        changed = details(_role(row), told, _role_keys())
        if row["name"] != name:
            changed = (Detail("name", row["name"], name), *changed)
        if changed:
            difference = Difference(action="change", what="role", name=name, details=changed)
            body = {one.key: one.after for one in changed}
            found.made.append(Step(WriteRow(ROLES, str(row["id"]), body), (difference,)))
    for row in rows.roles:
        if row["id"] not in seen and row["id"] not in _BUILTIN:
            difference = Difference(action="drop", what="role", name=row["name"])
            found.drops.append(Step(DropRow(ROLES, str(row["id"])), (difference,)))


def _part_steps(
    what: What,
    table: str,
    there: Mapping[str, _Known],
    wanted: Mapping[str, PermissionDocument | PresetDocument],
    roles: _Roles,
    found: RowSteps,
) -> None:
    for name, told in wanted.items():
        known = there.get(name)
        keys = [key for key in told.__struct_fields__ if key != "role"]
        if known is None:
            _new_part(what, table, name, told, roles, found)
            continue
        changed = details(known.part, told, keys)
        if changed:
            difference = Difference(action="change", what=what, name=name, details=changed)
            body = {one.key: one.after for one in changed}
            found.made.append(Step(WriteRow(table, known.id, body), (difference,)))
    for name, known in there.items():
        if name not in wanted:
            difference = Difference(action="drop", what=what, name=name)
            found.drops.append(Step(DropRow(table, known.id), (difference,)))


def _new_part(
    what: What,
    table: str,
    name: str,
    told: PermissionDocument | PresetDocument,
    roles: _Roles,
    found: RowSteps,
) -> None:
    if told.role is not None and told.role not in roles.ids and told.role not in roles.coming:
        why = f"there is no role {told.role!r}"
        found.refused.append(Difference(action="refuse", what=what, name=name, reason=why))
        return
    keys = [key for key in told.__struct_fields__ if key != "role"]
    role = None if told.role is None else roles.ids.get(told.role)
    waits = told.role is not None and role is None
    act = Wait() if waits else WriteRow(table, None, _values(told, keys) | {"role": role})
    found.made.append(Step(act, (Difference(action="create", what=what, name=name),)))


def _known(
    rows: Iterable[Row],
    described: Callable[[Row], Part],
    key: Callable[[Part], str],
) -> dict[str, _Known]:
    known = [_Known(str(row["id"]), described(row)) for row in rows]
    known.sort(key=lambda one: _order(one.part, type(one.part)))
    names = _numbered(key(one.part) for one in known)
    return dict(zip(names, known, strict=True))


def _keyed(parts: Iterable[Part], key: Callable[[Part], str]) -> dict[str, Part]:
    ordered = sorted(parts, key=lambda part: _order(part, type(part)))
    return dict(zip(_numbered(map(key, ordered)), ordered, strict=True))


def _numbered(names: Iterable[str]) -> list[str]:
    """The names; those that come again with their number."""
    counted: Counter[str] = Counter()
    numbered = []
    for name in names:
        counted[name] += 1
        numbered.append(name if counted[name] == 1 else f"{name}#{counted[name]}")
    return numbered


def _permission_key(part: PermissionDocument) -> str:
    status = "" if part.status is None else f"/{part.status}"
    return f"{part.role}/{part.collection}{status}"


def _preset_key(part: PresetDocument) -> str:
    return "/".join((part.role or "everybody", part.collection, part.title or "default"))


def _role_keys() -> list[str]:
    return [key for key in RoleDocument.__struct_fields__ if key != "builtin"]


def _values(part: Struct, keys: Iterable[str]) -> Body:
    return {key: getattr(part, key) for key in keys}
