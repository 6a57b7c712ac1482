"""Passwords as tests keep them: real hashes that cost next to nothing.

They guard nothing, and worlds are entered by the thousand. A server that is started gets the
least cost that an operator may choose; it makes the hash of who logs in anew.
"""

from __future__ import annotations

from functools import cache

from msgspec.structs import force_setattr
from pwdlib.hashers.argon2 import Argon2Hasher

from conductus.config import LIGHTEST_PASSWORDS, PasswordsConfig


def _least() -> PasswordsConfig:
    """The least that Argon2 can do, which no settings can ask for."""
    cost = PasswordsConfig()
    for parameter, value in (("memory_kib", 8), ("passes", 1), ("lanes", 1)):
        force_setattr(cost, parameter, value)
    return cost


QUICK = _least()

VARIABLES = {
    "CONDUCTUS_PASSWORDS__MEMORY_KIB": str(LIGHTEST_PASSWORDS.memory_kib),
    "CONDUCTUS_PASSWORDS__PASSES": str(LIGHTEST_PASSWORDS.passes),
    "CONDUCTUS_PASSWORDS__LANES": str(LIGHTEST_PASSWORDS.lanes),
}


@cache
def hash_of(password: str) -> str:
    """One hash of the password, always the same."""
    hasher = Argon2Hasher(
        time_cost=QUICK.passes, memory_cost=QUICK.memory_kib, parallelism=QUICK.lanes
    )
    return hasher.hash(password)
