"""What a hash of a password costs those who guess, and the server."""

from __future__ import annotations

from msgspec import Struct

LEAST_MEMORY_KIB = 19_456
LEAST_WORK = 2 * LEAST_MEMORY_KIB
"""Memory times passes. Source: OWASP, Password Storage Cheat Sheet."""


class PasswordsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters of Argon2id. Hashes made by others are made anew when their user logs in.

    Source: RFC 9106 §4, whose second recommendation stands here.
    """

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        if self.memory_kib < LEAST_MEMORY_KIB or self.memory_kib * self.passes < LEAST_WORK:
            raise ValueError(
                f"`memory_kib` must be {LEAST_MEMORY_KIB} or more, "
                f"and {LEAST_WORK} or more times `passes`"
            )
        if not 1 <= self.lanes <= 64:
            raise ValueError("`lanes` must be from 1 to 64")


LIGHTEST_PASSWORDS = PasswordsConfig(memory_kib=LEAST_MEMORY_KIB, passes=2, lanes=1)
"""The least that may be chosen: for tests, which make and enter many projects."""
