"""How passwords are kept, and how often one may guess. Reference: authentication §8."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import bcrypt
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from conductus.auth import passwords
from conductus.auth.passwords import WRONG, Passwords, check_policy
from conductus.config import LIGHTEST_PASSWORDS, PasswordsConfig
from conductus.errors import ApiError, TooManyRequests, ValidationFailed

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def keeper() -> Iterator[Passwords]:
    with Passwords() as opened:
        yield opened


def php_hash(password: bytes) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


async def test_a_hash_is_argon2id_and_verifies(keeper: Passwords) -> None:
    stored = await keeper.hash_secret("pässword")
    assert stored.startswith("$argon2id$")
    assert (await keeper.verify("pässword", stored)).right
    assert (await keeper.verify("pässword", stored)).renewed is None
    assert await keeper.verify("passwort", stored) == WRONG


async def test_a_hash_made_by_php_verifies_and_is_renewed(keeper: Passwords) -> None:
    stored = php_hash(b"secret")
    found = await keeper.verify("secret", stored)
    assert found.right
    assert (await keeper.verify("secret", found.renewed)).right
    assert await keeper.verify("Secret", stored) == WRONG


async def test_of_long_passwords_bcrypt_knows_the_beginning(keeper: Passwords) -> None:
    stored = php_hash(b"a" * 72)
    assert (await keeper.verify("a" * 80, stored)).right
    # Renewing would fix what was never verified.
    assert (await keeper.verify("a" * 80, stored)).renewed is None
    assert (await keeper.verify("a" * 72, stored)).renewed is not None
    assert await keeper.verify("a" * 71, stored) == WRONG


async def test_old_parameters_are_renewed(keeper: Passwords) -> None:
    stored = Argon2Hasher(time_cost=1, memory_cost=1024).hash("secret")
    renewed = (await keeper.verify("secret", stored)).renewed
    assert renewed is not None
    assert not Argon2Hasher().check_needs_rehash(renewed)


@pytest.mark.parametrize(
    "stored",
    [None, "", "secret", "$2y$10$short", "$2y$99$" + "a" * 53, "$argon2id$v=19$m=1,t=1,p=1", "\0"],
)
async def test_what_is_no_hash_has_no_password(keeper: Passwords, stored: str | None) -> None:
    assert await keeper.verify("secret", stored) == WRONG


@pytest.mark.parametrize("cost", [PasswordsConfig(), LIGHTEST_PASSWORDS])
async def test_a_hash_costs_what_is_configured(cost: PasswordsConfig) -> None:
    wanted = Argon2Hasher(
        time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
    )
    with Passwords(cost) as keeper:
        made = await keeper.hash_secret("secret")
        # Nobody can tell by the clock who has no password.
        for stored in (made, keeper.nobodys_hash):
            assert Argon2Hasher.identify(stored)
            assert not wanted.check_needs_rehash(stored)


@pytest.mark.parametrize(
    "cost", [{"memory_kib": 19_455}, {"memory_kib": 19_456, "passes": 1}, {"lanes": 0}]
)
def test_no_hash_may_cost_too_little(cost: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        PasswordsConfig(**cost)


async def test_the_line_before_the_hasher_is_bounded(
    keeper: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    with pytest.raises(TooManyRequests):
        await keeper.hash_secret("secret")


STRONG = r"/(?=^.{8,}$)(?=.*\d)(?=.*[a-z])(?=.*[A-Z])(?=.*[!@#$%^&*()_+}{';'?>.<,])(?!.*\s).*$/"


@pytest.mark.parametrize(
    ("policy", "password", "passes"),
    [
        (None, "a", True),
        ("", "a", True),
        ("/^.{8,}$/", "1234567", False),
        ("/^.{8,}$/", "12345678", True),
        (STRONG, "Abcdef1!", True),
        (STRONG, "Abcdef1 !", False),
        (STRONG, "abcdef1!", False),
        (STRONG, "Abcdefg!", False),
        ("/^[a-z:]+$/", "a:b", True),
        ("/^[a-z:]+$/", "A:b", False),
        ("/^[a-z:]+$/i", "A:b", True),
        ("#^a/b$#", "a/b", True),
    ],
)
def test_a_policy_is_a_pattern_with_delimiters(
    policy: str | None, password: str, passes: bool
) -> None:
    if passes:
        check_policy(policy, password)
        return
    with pytest.raises(ValidationFailed, match=r"^password: "):
        check_policy(policy, password)


@pytest.mark.parametrize("policy", ["/(a+)+$/", "/(a|aa)+$/", "/(.*a){30}$/"])
def test_a_policy_that_never_ends_is_ended(policy: str) -> None:
    with pytest.raises(ApiError):
        check_policy(policy, "a" * 4000 + "!")
