"""A hasher, a rule for fields, a letter in other words, and a command."""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Any

from conductus.extensions import Registry, Services


def register(registry: Registry) -> None:
    """Everything that is neither a hook nor an endpoint."""
    registry.hasher("blake2", hash=blake2, matches=is_blake2)
    registry.mail_template(
        "reset-password",
        text="Subject: A new key for the pantry\n\nOpen {{ url }}\n",
        html="<p>Open <a href='{{ url }}'>the pantry</a></p>",
    )

    @registry.validation("ean")
    def ean(value: Any) -> bool:
        """The field states `$ean` as its validation."""
        digits = [int(digit) for digit in str(value) if digit.isdigit()]
        return len(digits) == 13 and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0

    @registry.command("restock")
    async def restock(services: Services, state: str) -> str:
        """`conductus plugin run restock stale`."""
        found = await services.items("loaves", f"filter[state]={state}&fields=id&limit=-1")
        for loaf in found:
            await services.delete("loaves", loaf["id"])
        return f"{len(found)} loaves went"


def blake2(text: str) -> str:
    """The hash of a text."""
    return hashlib.blake2b(text.encode()).hexdigest()


def is_blake2(text: str, hashed: str) -> bool:
    """Whether the hash is that of the text."""
    return compare_digest(blake2(text).encode(), hashed.encode())
