"""Texts that only this project can read and nobody can change. Pure.

What was sealed for one purpose cannot be opened for another.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK: Final = "v1:"
_NONCE_BYTES: Final = 12


def sealed(text: str, key: str, purpose: bytes) -> str:
    """The text, sealed; `key` is the project's `auth.secret_key`."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    box = nonce + _cipher(key, purpose).encrypt(nonce, text.encode(), None)
    return MARK + urlsafe_b64encode(box).decode()


def opened(box: str, key: str, purpose: bytes) -> str | None:
    """The text; None when it was sealed with another key or for another purpose."""
    try:
        raw = urlsafe_b64decode(box.removeprefix(MARK))
        nonce, content = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        return _cipher(key, purpose).decrypt(nonce, content, None).decode()
    except (binascii.Error, InvalidTag, ValueError):
        return None


def _cipher(key: str, purpose: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
    return AESGCM(derived)
