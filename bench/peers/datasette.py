"""Datasette on the very SQLite file that Conductus serves: read by id and lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.databases import SQLite
from bench.processes import Cores, free_port, serving
from bench.targets import Target
from bench.workloads import Adapter

# It pages by the last key seen; the keys of the blog have no gaps, so an offset is a key.
_LIST = "/blog/articles.json?_shape=array&_size={limit}&_next={offset}&_nocount=1&_nofacet=1"
ADAPTER = Adapter(
    {
        "by_id": "/blog/articles/{id}.json?_shape=array",
        "list_20": _LIST,
        "list_100": _LIST,
    },
    compares=False,
)


@contextmanager
def datasette(program: Path, database: SQLite, cores: Cores, folder: Path) -> Iterator[Target]:
    """Datasette, serving."""
    port = free_port()
    command = [
        str(program), "serve", str(database.path), "--host", "127.0.0.1", "--port", str(port),
        "--setting", "suggest_facets", "off",
    ]  # fmt: skip
    with serving(command, port, cores.server, folder / "datasette.log", {}) as server:
        yield Target("datasette", port, ADAPTER, server)
