"""Logging in with a second factor. Reference: authentication §3, §8, §11, §13.

Security, "Identity": OTP guessing or replay.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pyotp import TOTP

from conductus.auth.login import OF_ONE_TIME_PASSWORDS
from conductus.auth.second_factor import new_secret, sealed
from conductus.config import project_config
from tests.scenarios.shop import KEY, PASSWORD, Live
from tests.scenarios.signing_in import (
    USERS,
    actions,
    allow_failures,
    another_worker,
    change,
    log_in,
    new_user,
    refused,
)

ADA = "ada@example.org"


def otp(secret: str, **later: float) -> str:
    """The one-time password of a moment."""
    return TOTP(secret).at(datetime.now(UTC) + timedelta(**later))


def wrong(secret: str) -> str:
    """Six digits that are not those of any moment near this one."""
    near = {otp(secret, seconds=30 * step) for step in range(-4, 5)}
    return next(guess for guess in map("{:06}".format, range(100)) if guess not in near)


async def guarded(world: Live, url: str, stored: str) -> int:
    """A user with a second factor, as it is stored."""
    user = await new_user(world, ADA)
    await change(url, sa.update(USERS).where(USERS.c.id == user).values({"2fa_secret": stored}))
    return user


@pytest.mark.parametrize("kept", ["plain", "sealed"])
async def test_a_second_factor_is_asked_for_and_each_step_taken_once(
    empty: Live, project_url: str, tmp_path: Path, kept: str
) -> None:
    secret = new_secret()
    key = project_config(tmp_path / "data", KEY, {}).auth.secret_key
    user = await guarded(empty, project_url, secret if kept == "plain" else sealed(secret, key))
    for nothing in ({}, {"otp": None}, {"otp": ""}, {"otp": "  "}):
        assert refused(await log_in(empty.client, ADA, **nothing)) == (111, 404), nothing
    # Whoever does not know the password is not told that there is a second factor.
    assert refused(await log_in(empty.client, ADA, "wrong")) == (100, 404)
    async with another_worker(tmp_path / "data") as other:
        shown = otp(secret)
        answer = await log_in(empty.client, ADA, otp=shown)
        assert answer.status_code == 200, answer.text
        # The secret is never told, masked it is.
        assert secret not in answer.text
        assert answer.json()["data"]["user"]["2fa_secret"] not in (None, secret)
        for client in (other, empty.client):
            assert refused(await log_in(client, ADA, otp=shown)) == (112, 404)
        # An earlier step than the last one is used up too.
        assert refused(await log_in(other, ADA, otp=otp(secret, seconds=-60))) == (112, 404)
        later = otp(secret, seconds=60)
        # By cookie as by token; digits may come as a number.
        mode = {"mode": "cookie"}
        assert (await log_in(other, ADA, otp=later, **mode)).status_code == 200
        assert refused(await log_in(empty.client, ADA, otp=later)) == (112, 404)
    assert await actions(empty, user) == [
        "invalid-credentials",
        "authenticate",
        *["invalid-credentials"] * 3,
        "authenticate",
        "invalid-credentials",
    ]


async def test_otp_guessing_suspends(empty: Live, project_url: str) -> None:
    secret = new_secret()
    user = await guarded(empty, project_url, secret)
    await allow_failures(empty, project_url, 1)
    assert refused(await log_in(empty.client, ADA, otp=wrong(secret))) == (112, 404)
    assert refused(await log_in(empty.client, ADA, otp=wrong(secret))) == (103, 404)
    assert refused(await log_in(empty.client, ADA, otp=otp(secret))) == (103, 404)
    assert await actions(empty, user) == ["invalid-credentials"] * 2


async def test_otp_guessing_has_to_wait(empty: Live, project_url: str) -> None:
    secret = new_secret()
    await guarded(empty, project_url, secret)
    await allow_failures(empty, project_url, 0)
    for _ in range(OF_ONE_TIME_PASSWORDS.most):
        assert refused(await log_in(empty.client, ADA, otp=wrong(secret))) == (112, 404)
    answer = await log_in(empty.client, ADA, otp=otp(secret))
    assert refused(answer) == (7, 429)
    assert int(answer.headers["retry-after"]) > 60
    # Others are not kept from logging in.
    await new_user(empty, "bob@example.org")
    assert (await log_in(empty.client, "bob@example.org")).status_code == 200


async def test_a_secret_sealed_with_another_key_lets_nobody_in(
    empty: Live, project_url: str
) -> None:
    secret = new_secret()
    await guarded(empty, project_url, sealed(secret, "another key " * 4))
    assert refused(await log_in(empty.client, ADA, PASSWORD, otp=otp(secret))) == (112, 404)
