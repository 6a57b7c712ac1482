"""Which address a request comes from. Pure. Source: authentication page §8 and §13."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


def client_ip(peer: str, forwarded_for: str, trusted: Collection[str]) -> str:
    """The peer; behind trusted proxies the right-most hop that is none of them.

    `trusted` holds addresses and networks (`10.0.0.0/8`). What clients claim further to
    the left is never looked at, nor is a hop that is no address.
    """
    if not trusted:
        return plain_address(peer)
    address = plain_address(peer)
    for hop in reversed(forwarded_for.split(",")):
        if not listed(address, trusted):
            return address
        claimed = plain_address(hop)
        if not claimed:
            return address
        address = claimed
    return address


@lru_cache(maxsize=1024)
def plain_address(text: str) -> str:
    """An address in its usual spelling, without port, brackets or zone; empty for none."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    # The same client, whichever family of socket it came in by.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def block_of(address: str) -> str:
    """What one client can choose its address from: IPv4 itself, of IPv6 the /64."""
    if ":" not in address:
        return address
    return str(ip_network(f"{address}/64", strict=False))


def listed(address: str, stated: Collection[str]) -> bool:
    """Whether an address is one of those stated, or in one of the networks."""
    return bool(address) and any(_within(address, one) for one in stated)


@lru_cache(maxsize=4096)
def _within(address: str, stated: str) -> bool:
    try:
        return ip_address(address) in ip_network(stated, strict=False)
    except ValueError:
        # A word that is no address trusts nobody.
        return False
