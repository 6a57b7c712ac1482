"""Places of the journal as clients are told them: sealed.

Places count what happens in the whole project, which is nobody's business: so a client gets
one that says nothing and differs each time, and gives it back.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sealed(place: int, key: str) -> str:
    """The text that a client keeps; `key` is the project's secret."""
    return _fernet(key).encrypt(str(place).encode()).decode()


def find_place(text: str, key: str) -> int | None:
    """The place that a client gives back; None for what is none of this project's."""
    try:
        return int(_fernet(key).decrypt(text.encode()))
    except (InvalidToken, UnicodeError):
        return None


@lru_cache(maxsize=256)
def _fernet(key: str) -> Fernet:
    derived = HKDF(SHA256(), 32, None, b"conductus: places of the journal").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
