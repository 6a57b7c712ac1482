"""Peers in the same run: other servers over the same blog.

Installed ones (`python -m bench peers install`) are started and seeded here; any other is given
as a URL with an adapter, and has to hold the same blog.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bench import conductus
from bench.databases import Database, SQLite
from bench.peers import datasette, pocketbase
from bench.peers.install import program
from bench.processes import Cores
from bench.targets import Target
from bench.workloads import CONDUCTUS, Adapter
from bench.world import World

ADAPTERS = {
    "conductus": CONDUCTUS,
    "pocketbase": pocketbase.ADAPTER,
    "datasette": datasette.ADAPTER,
}


class Peer(Struct, frozen=True):
    """A server that somebody else started."""

    name: str
    port: int
    prefix: str
    adapter: Adapter


def peer_of(value: str) -> Peer:
    """The peer that `NAME=URL[,ADAPTER]` means; the name is the adapter when none is given."""
    name, _, rest = value.partition("=")
    url, _, adapter = rest.partition(",")
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost") or parts.port is None:
        raise ValueError("a peer's URL is http://127.0.0.1:PORT[/prefix]")
    return Peer(name, parts.port, parts.path.rstrip("/"), _adapter(adapter or name))


def _adapter(name: str) -> Adapter:
    if name in ADAPTERS:
        return ADAPTERS[name]
    if not name.endswith(".json"):
        raise ValueError(f"no adapter {name!r}: {', '.join(ADAPTERS)}, or a .json file")
    return msgspec.json.decode(Path(name).read_bytes(), type=Adapter)


def external(peer: Peer) -> Target:
    """A peer given as a URL, as a target; another Conductus has the bench's administrator."""
    if peer.adapter is CONDUCTUS:
        return conductus.target(peer.name, peer.port, None, peer.prefix.strip("/"))
    return Target(peer.name, peer.port, peer.adapter, prefix=peer.prefix)


def local(
    database: Database, world: World, cores: Cores, folder: Path
) -> Iterator[tuple[str, AbstractContextManager[Target]]]:
    """The installed peers that can serve a database, by name, not yet started."""
    if not isinstance(database, SQLite):
        return
    if (path := program("pocketbase")) is not None:
        yield "pocketbase", pocketbase.pocketbase(path, world, cores, folder)
    if (path := program("datasette")) is not None:
        yield "datasette", datasette.datasette(path, database, cores, folder)
