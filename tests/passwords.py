"""Passwords as tests keep them: real hashes, of the least cost that an operator may choose."""

from __future__ import annotations

from functools import cache

from pwdlib.hashers.argon2 import Argon2Hasher

from conductus.config import LIGHTEST_PASSWORDS

QUICK = LIGHTEST_PASSWORDS

VARIABLES = {
    "CONDUCTUS_PASSWORDS__MEMORY_KIB": str(QUICK.memory_kib),
    "CONDUCTUS_PASSWORDS__PASSES": str(QUICK.passes),
    "CONDUCTUS_PASSWORDS__LANES": str(QUICK.lanes),
}


@cache
def hash_of(password: str) -> str:
    """One hash of the password, always the same."""
    hasher = Argon2Hasher(
        time_cost=QUICK.passes, memory_cost=QUICK.memory_kib, parallelism=QUICK.lanes
    )
    return hasher.hash(password)
