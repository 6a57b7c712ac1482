"""Which servers may be called where a user gave the address."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from msgspec import Struct

HOST_PATTERN = re.compile(
    r"(?=.{1,253}\.?$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE
)


class OutgoingConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which servers may be called where a user gave the address: webhooks, imports of files."""

    allow: tuple[str, ...] = ()
    """Hosts and networks besides the public ones: `hooks.internal`, `10.1.0.0/16`."""

    def __post_init__(self) -> None:
        check_hosts("allow", self.allow)


def check_hosts(setting: str, words: Iterable[str]) -> None:
    """Raises `ValueError` for a word that is neither a host nor a network."""
    for word in words:
        if not _is_network(word) and HOST_PATTERN.fullmatch(word) is None:
            raise ValueError(f"`{setting}` takes hosts and networks, and {word!r} is neither")


def _is_network(word: str) -> bool:
    try:
        ip_network(word)
    except ValueError:
        return False
    return True
