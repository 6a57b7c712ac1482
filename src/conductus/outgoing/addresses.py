"""Which addresses may be called when somebody other than the operator chose them.

Only what anybody on the internet can reach too: nothing private, and none of the forms that
lead there in disguise. The operator may allow more, by host or by network.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
# How ISATAP begins the half of an address that ends with one of IPv4.
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
# Public by their numbers, yet machines of some clouds find their own hosts there.
_METADATA: Final = (IPv4Network("168.63.129.16/32"), IPv4Network("192.0.0.0/24"))


class Allowed:
    """What may be called: public addresses, and the hosts and networks that are named here."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        """Takes `10.1.0.0/16`, `10.1.2.3` and `hooks.internal`."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for word in named:
            try:
                networks.append(ip_network(word))
            except ValueError:
                hosts.add(_plain(word))
        self._networks = tuple(networks)
        self._hosts = frozenset(hosts)

    def host(self, name: str) -> bool:
        """Whether every address of a host may be called."""
        return _plain(name) in self._hosts

    def names(self, host: str) -> bool:
        """Whether a host, or an address, is named here: what is public is not meant."""
        try:
            return self._named(ip_address(host))
        except ValueError:
            return self.host(host)

    def address(self, text: str) -> bool:
        """Whether an address may be called."""
        address = ip_address(text)
        return self._named(address) or all(
            self._named(part) or _is_public(part) for part in _parts(address)
        )

    def _named(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _parts(address: Address) -> tuple[Address, ...]:
    """The addresses at which a packet to this one may arrive."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _NAT64:
        return (low,)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return (address, low)
    return (address,)


def _is_public(address: Address) -> bool:
    # `is_global` alone is no answer: it holds for multicast, and for what lies in no block
    # that was ever given out. Teredo, being private, is refused whole.
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    inside = address.is_multicast or any(address in network for network in _METADATA)
    return address.is_global and not inside


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")
