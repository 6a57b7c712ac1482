"""Recovery codes in the place of one-time passwords. Source: authentication page §11."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest

from conductus.database.opening import open_database
from tests.scenarios.shop import Live
from tests.scenarios.test_two_factors import ME, log_in, offered, refused

PATH = f"{ME}/recovery_codes"
WRONG = (112, 404)


@pytest.fixture
async def guarded(empty: Live) -> Live:
    """A project whose administrator has a second factor."""
    assert (await set_up(empty)).status_code == 200
    return empty


async def set_up(world: Live) -> Any:
    secret = await offered(world)
    return await world.ask("PATCH", ME, json={"2fa_secret": secret})


async def made(world: Live) -> list[str]:
    """New codes."""
    answer = await world.ask("POST", PATH)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    codes: list[str] = answer.json()["data"]["recovery_codes"]
    return codes


async def test_a_code_lets_in_once(guarded: Live) -> None:
    codes = await made(guarded)
    assert len(set(codes)) == 10
    assert refused(await log_in(guarded)) == (111, 404)
    # Without the dashes and in small letters too, but whole.
    first, second, third = codes[:3]
    assert refused(await log_in(guarded, otp=first[:-1])) == WRONG
    assert (await log_in(guarded, otp=first)).status_code == 200
    assert refused(await log_in(guarded, otp=first)) == WRONG
    typed = second.replace("-", " ").lower()
    assert (await log_in(guarded, otp=typed)).status_code == 200
    assert refused(await log_in(guarded, otp=second)) == WRONG
    answers = await asyncio.gather(*(log_in(guarded, otp=third) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 404]


async def test_a_code_is_nothing_without_the_password(guarded: Live) -> None:
    (code, *_) = await made(guarded)
    assert refused(await log_in(guarded, otp=code, password="wrong")) == (100, 404)
    assert (await log_in(guarded, otp=code)).status_code == 200


async def test_new_codes_take_the_place_of_those_before(guarded: Live) -> None:
    (old, *_), (new, *_) = await made(guarded), await made(guarded)
    assert refused(await log_in(guarded, otp=old)) == WRONG
    assert (await log_in(guarded, otp=new)).status_code == 200


@pytest.mark.parametrize("again", [{"2fa_secret": None}, {"2fa_secret": pyotp.random_base32()}])
async def test_codes_go_with_the_second_factor(guarded: Live, again: dict[str, Any]) -> None:
    (code, *_) = await made(guarded)
    assert (await guarded.ask("PATCH", ME, json={"title": "x"})).status_code == 200
    assert (await guarded.ask("PATCH", ME, json=again)).status_code == 200
    assert (await set_up(guarded)).status_code == 200
    assert refused(await log_in(guarded, otp=code)) == WRONG


async def test_codes_are_ones_own_and_stored_as_hashes(guarded: Live, project_url: str) -> None:
    other = {"email": "bob@example.org", "status": "active", "role": 1}
    bob = (await guarded.ask("POST", "/users", json=other)).json()["data"]["id"]
    assert refused(await guarded.ask("POST", f"/users/{bob}/recovery_codes")) == (10, 403)
    for path in (PATH, "/users/1/recovery_codes"):
        assert refused(await guarded.client.post(f"/main{path}")) == (3, 401)
    codes = await made(guarded)
    database = await open_database(project_url)
    try:
        rows = await database.fetch("SELECT * FROM conductus_recovery_codes")
    finally:
        await database.close()
    assert len(rows) == len(codes)
    kept = str(rows) + (await guarded.ask("GET", "/revisions?limit=-1")).text
    assert [code for code in codes if code in kept or code.replace("-", "") in kept] == []


async def test_who_has_no_second_factor_needs_no_codes(empty: Live) -> None:
    assert refused(await empty.ask("POST", PATH)) == (4, 422)
