"""One-time passwords (RFC 6238) and how their secrets are kept. Pure.

A time step is accepted once: who verifies stores the step and states it the next time.
Secrets are stored sealed; those that Directus 8 stored plainly are read as they are.
Source: authentication page §3 and §11.
"""

from __future__ import annotations

import binascii
from base64 import b32decode
from datetime import datetime
from hmac import compare_digest
from typing import Final

from pyotp import TOTP, random_base32

from conductus.auth import sealing

STEP_SECONDS: Final = 30
WINDOW: Final = 2
"""Steps that a clock may be early or late."""
DIGITS: Final = 6
SHORTEST_SECRET: Final = 16
LONGEST_SECRET: Final = 44
"""Characters of base32; longer ones would not fit into the column once they are sealed."""
_PURPOSE: Final = b"conductus second factor"


def new_secret() -> str:
    """A new random secret in base32, 160 bits."""
    return random_base32()


def usable(secret: str) -> bool:
    """Whether the text can be a secret: base32 of a sensible length."""
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        return False
    try:
        b32decode(secret + "=" * (-len(secret) % 8))
    except (binascii.Error, ValueError):
        return False
    return True


def verify(secret: str, otp: str, now: datetime, last_step: int | None) -> int | None:
    """The time step that the one-time password belongs to; None when it is wrong.

    Steps up to `last_step`, the one accepted last, are used up.
    """
    given = otp.strip().replace(" ", "")
    if not usable(secret) or len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    totp = TOTP(secret)
    current = int(now.timestamp()) // STEP_SECONDS
    found = None
    # All of the window, whatever was found: the time tells nothing.
    for step in range(max(0, current - WINDOW), current + WINDOW + 1):
        right = compare_digest(totp.generate_otp(step), given)
        if right and found is None and (last_step is None or step > last_step):
            found = step
    return found


def sealed(secret: str, key: str) -> str:
    """What is stored of a secret; `key` is the project's `auth.secret_key`."""
    return sealing.sealed(secret, key, _PURPOSE)


def opened(stored: str, key: str) -> str:
    """The secret that was stored; empty when it was sealed with another key."""
    if not stored.startswith(sealing.MARK):
        return stored
    return sealing.opened(stored, key, _PURPOSE) or ""
