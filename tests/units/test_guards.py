"""What holds for users, roles, permission rows and presets besides what rows grant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct, structs

from conductus.errors import ApiError
from conductus.permissions.actor import SYSTEM, Actor
from conductus.permissions.guards import presets, roles, rows, users
from conductus.permissions.guards.changed import Changed

EDITOR = Actor(user=7, role=3, credential="jwt")
ADMIN = Actor(user=1, role=1, credential="jwt")
PUBLIC = Actor()
Row = dict[str, Any]
USER: Row = {
    "id": 8,
    "status": "active",
    "role": 4,
    "email": "ada@example.org",
    "password": "hash",
    "2fa_secret": None,
    "password_reset_token": None,
}
OWN = {**USER, "id": 7, "role": 3}
FIRST = {**USER, "id": 1, "role": 1}
Judge = Callable[[Changed, Actor], None]


class Case(Struct, frozen=True):
    says: str
    judge: Judge
    changed: Changed
    actor: Actor
    error: tuple[int, int] | None = None

    def __str__(self) -> str:
        return self.says


def update(row: Row, **new: Any) -> Changed:
    return Changed(before=row, after={**row, **new}, written=frozenset(new))


def create(row: Row, **given: Any) -> Changed:
    fresh = {**dict.fromkeys(row), **given}
    return Changed(before=None, after=fresh, written=frozenset(given))


def delete(row: Row) -> Changed:
    return Changed(before=row, after=None)


FORBIDDEN = (305, 403)
SAFE = ("first_name", "last_name", "email", "password", "avatar", "theme", "locale", "title")
NEVER = ("id", "external_id", "token", "last_access_on", "last_page", "password_reset_token")

USERS = [
    *(
        Case(f"one's own {name} is free", users.judge, update(OWN, **{name: "x"}), EDITOR)
        for name in SAFE
    ),
    *(
        Case(f"one's own {name} is not", users.judge, update(OWN, **{name: 3}), EDITOR, FORBIDDEN)
        for name in (*NEVER, "role", "status")
    ),
    *(
        Case(f"nor another's {name}", users.judge, update(USER, **{name: "x"}), EDITOR, FORBIDDEN)
        for name in NEVER
    ),
    *(
        Case(f"nor a new one's {name}", users.judge, create(USER, **{name: 9}), EDITOR, FORBIDDEN)
        for name in NEVER
    ),
    Case("the same value counts too", users.judge, update(OWN, role=3), EDITOR, FORBIDDEN),
    Case("others get a role", users.judge, update(USER, role=5), EDITOR),
    Case("others get a status", users.judge, update(USER, status="draft"), EDITOR),
    Case("a new one gets both", users.judge, create(USER, role=5, status="active"), EDITOR),
    Case("never role 1", users.judge, update(USER, role=1), EDITOR, FORBIDDEN),
    Case("a new one neither", users.judge, create(USER, role=1), EDITOR, FORBIDDEN),
    Case("nor by the public", users.judge, create(USER, role=1), PUBLIC, FORBIDDEN),
    Case("no administrator", users.judge, update(FIRST, title="x"), EDITOR, (302, 403)),
    Case("nor removed", users.judge, delete(FIRST), EDITOR, (303, 403)),
    Case("others may be", users.judge, delete(USER), EDITOR),
    Case("administrators may", users.judge, update(USER, role=1, token="t"), ADMIN),
    Case("nobody is the public", users.judge, update(USER, role=2), ADMIN, (12, 422)),
    Case("nobody new either", users.judge, create(USER, role=2), SYSTEM, (12, 422)),
    Case(
        "a reset token is set by no one",
        users.judge,
        update(USER, password_reset_token="x"),
        ADMIN,
        FORBIDDEN,
    ),
    Case("a secret of one's own", users.judge, update(OWN, **{"2fa_secret": "v1:x"}), EDITOR),
    Case("not of others", users.judge, update(USER, **{"2fa_secret": "v1:x"}), EDITOR, FORBIDDEN),
    Case(
        "not by administrators",
        users.judge,
        update(USER, **{"2fa_secret": "v1:x"}),
        ADMIN,
        FORBIDDEN,
    ),
    Case(
        "who may take it away",
        users.judge,
        update({**USER, "2fa_secret": "v1:x"}, **{"2fa_secret": None}),
        ADMIN,
    ),
    Case(
        "which others may not",
        users.judge,
        update({**USER, "2fa_secret": "v1:x"}, **{"2fa_secret": None}),
        EDITOR,
        FORBIDDEN,
    ),
    Case(
        "one's own goes",
        users.judge,
        update({**OWN, "2fa_secret": "v1:x"}, **{"2fa_secret": None}),
        EDITOR,
    ),
    Case(
        "unless the role asks for it",
        users.judge,
        update({**OWN, "2fa_secret": "v1:x"}, **{"2fa_secret": None}),
        structs.replace(EDITOR, enforces_2fa=True),
        (113, 401),
    ),
]
ROLE: Row = {"id": 5, "name": "writers"}
ROLES = [
    Case("a role goes", roles.judge, delete(ROLE), ADMIN),
    *(
        Case(f"role {id} stays", roles.judge, delete({**ROLE, "id": id}), actor, (3, 401))
        for id in (1, 2)
        for actor in (ADMIN, EDITOR)
    ),
    Case("role 1 changes", roles.judge, update({**ROLE, "id": 1}, name="x"), ADMIN),
    Case("for administrators", roles.judge, update({**ROLE, "id": 1}, name="x"), EDITOR, (10, 403)),
    Case("one's own", roles.judge, update({**ROLE, "id": 3}, name="x"), EDITOR, (10, 403)),
    Case("another's", roles.judge, update(ROLE, name="x"), EDITOR),
]
GRANT: Row = {"id": 5, "collection": "c", "role": 4, "status": None}
ROWS = [
    Case("another role's row", rows.judge, update(GRANT, read="full"), EDITOR),
    Case("the own role's", rows.judge, update({**GRANT, "role": 3}, read="x"), EDITOR, (10, 403)),
    Case("made the own role's", rows.judge, update(GRANT, role=3), EDITOR, (10, 403)),
    Case("a new one", rows.judge, create(GRANT, role=3), EDITOR, (10, 403)),
    Case("one that goes", rows.judge, delete({**GRANT, "role": 3}), EDITOR, (10, 403)),
    Case("the public's own", rows.judge, create(GRANT, role=2), PUBLIC, (10, 403)),
    Case("administrators may", rows.judge, update({**GRANT, "role": 1}, read="x"), ADMIN),
]
PRESET: Row = {"id": 5, "collection": "c", "user": 7, "role": None}
PRESETS = [
    Case("one's own", presets.judge, create(PRESET, user=7, collection="c"), EDITOR),
    Case("for another", presets.judge, create(PRESET, user=8), EDITOR, (10, 403)),
    Case("for a role", presets.judge, create(PRESET, user=7, role=3), EDITOR, (10, 403)),
    Case("for everybody", presets.judge, create(PRESET), EDITOR, (10, 403)),
    Case("changed", presets.judge, update(PRESET, title="x"), EDITOR),
    Case("given away", presets.judge, update(PRESET, user=8), EDITOR, (10, 403)),
    Case("made a role's", presets.judge, update(PRESET, role=3), EDITOR, (10, 403)),
    Case("a role's", presets.judge, update({**PRESET, "role": 3}, title="x"), EDITOR, (10, 403)),
    Case("everybody's", presets.judge, delete({**PRESET, "user": None}), EDITOR, (10, 403)),
    Case("removed", presets.judge, delete(PRESET), EDITOR),
    Case("the public's", presets.judge, create(PRESET, user=0), PUBLIC, (3, 401)),
    Case("by administrators", presets.judge, delete({**PRESET, "user": None, "role": 3}), ADMIN),
]


@pytest.mark.parametrize("case", [*USERS, *ROLES, *ROWS, *PRESETS], ids=str)
def test_who_may_write_what(case: Case) -> None:
    if case.error is None:
        case.judge(case.changed, case.actor)
        return
    with pytest.raises(ApiError) as raised:
        case.judge(case.changed, case.actor)
    assert (raised.value.code, raised.value.status) == case.error


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        (delete(FIRST), True),
        (update(FIRST, status="suspended"), True),
        (update(FIRST, role=3), True),
        (update(FIRST, role=None), True),
        (update(FIRST, title="x"), False),
        (update(FIRST, role=1, status="active"), False),
        (delete({**FIRST, "status": "draft"}), False),
        (update({**FIRST, "status": "draft"}, role=3), False),
        (delete(USER), False),
        (create(FIRST, role=1, status="active"), False),
    ],
)
def test_when_an_administrator_is_lost(changed: Changed, lost: bool) -> None:
    assert users.loses_administrator(changed) is lost


def test_a_new_role_may_little() -> None:
    granted = roles.default_rows(9)
    assert {row["role"] for row in granted} == {9}
    assert len(granted) == 16
    assert all(row["collection"].startswith("directus_") for row in granted)
