"""`python -m bench schema-size`: what a large schema costs.

The same server on 500 collections of 20 fields and on 5: how long until it answers, how much
memory it takes, and at what rate it answers an item by id, measured in turn: in the very
first moment, and once each connection of PostgreSQL has prepared what it is asked for, which
is done for each collection and takes the first seconds.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from bench.conductus import PROJECT, adopt, sign_in, started
from bench.databases import fill
from bench.load import Job
from bench.measure import loaded
from bench.processes import Cores, Server, cores
from bench.report import tell
from bench.run import Servers, existing
from bench.targets import Refused, ask
from bench.world import FIRST_MOMENT, SEED, sentence

SIZES = (5, 500)
ROWS = 100
WARMING = 6
ROUNDS = 6
SECONDS = 1.5
TEXTS = 10
NUMBERS = 4


class Started(Struct, frozen=True):
    """A server on a schema of some size, and how long its first answers took."""

    collections: int
    server: Server
    adopted_seconds: float
    first_answer_seconds: float
    first_item_seconds: float


async def measure(servers: Servers, databases: Sequence[str]) -> int:
    """Print the comparison for each database; the exit status."""
    chosen = cores()
    for kind in databases:
        async with AsyncExitStack() as stack:
            running = [
                await stack.enter_async_context(_running(servers, kind, size, chosen))
                for size in SIZES
            ]
            rates = _rates(running, chosen)
            print(_text(kind, running, rates), flush=True)
    return 0


@asynccontextmanager
async def _running(
    servers: Servers, kind: str, collections: int, chosen: Cores
) -> AsyncIterator[Started]:
    with tempfile.TemporaryDirectory(prefix="conductus-bench-") as path:
        folder = Path(path)
        database = servers.database(kind, f"schema{collections}", folder)
        async with existing(database):
            tell(f"{kind}: making {collections} collections")
            await fill(database, [(table, _rows()) for table in _tables(collections)])
            began = time.perf_counter()
            adopt(database, folder / "data")
            adopted = time.perf_counter() - began
            began = time.perf_counter()
            with started(database, folder / "data", chosen, folder) as server:
                answered = time.perf_counter() - began
                headers = sign_in(server.port)
                ask(server.port, "GET", _path(1, 1), headers=headers)
                item = time.perf_counter() - began
                yield Started(collections, server, adopted, answered, item)


def _tables(collections: int) -> list[sa.Table]:
    metadata = sa.MetaData()
    return [_table(metadata, number) for number in range(1, collections + 1)]


def _table(metadata: sa.MetaData, number: int) -> sa.Table:
    """Twenty columns; every table but the first points to the one before."""
    parent: list[sa.Column[int]] = [sa.Column("parent", sa.Integer)]
    if number > 1:
        parent = [sa.Column("parent", sa.ForeignKey(f"{_name(number - 1)}.id"), index=True)]
    return sa.Table(
        _name(number),
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(f"text_{place}", sa.String(100)) for place in range(TEXTS)),
        *(sa.Column(f"number_{place}", sa.Integer) for place in range(NUMBERS)),
        sa.Column("body", sa.Text),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("visible", sa.Boolean),
        sa.Column("day", sa.Date),
        *parent,
    )


def _name(number: int) -> str:
    return f"thing_{number:03}"


def _rows() -> list[tuple[Any, ...]]:
    rng = random.Random(SEED)
    return [
        (
            key,
            *(sentence(rng, 4) for _ in range(TEXTS)),
            *(rng.randrange(1_000_000) for _ in range(NUMBERS)),
            sentence(rng, 50),
            Decimal(rng.randrange(100_000)).scaleb(-2),
            rng.random() < 0.5,
            FIRST_MOMENT.date(),
            rng.randint(1, ROWS),
        )
        for key in range(1, ROWS + 1)
    ]


def _path(number: int, key: int) -> str:
    return f"/{PROJECT}/items/{_name(number)}/{key}"


def _rates(running: Sequence[Started], chosen: Cores) -> dict[int, list[float]]:
    """Items by id per second, from all collections at random, in turn."""
    rates: dict[int, list[float]] = {one.collections: [] for one in running}
    for number in range(1, WARMING + ROUNDS + 1):
        tell(f"round {number} of {WARMING + ROUNDS}")
        for one in running:
            outcome = loaded(Job(one.server.port, _requests(one), chosen.load, seconds=SECONDS))
            if outcome.errors:
                raise Refused(outcome.first_error)
            rates[one.collections].append(outcome.rate)
    return rates


def _requests(one: Started) -> list[bytes]:
    rng = random.Random(SEED)
    (header,) = sign_in(one.server.port).items()
    paths = (
        _path(rng.randint(1, one.collections), rng.randint(1, ROWS)) for _ in range(4 * SIZES[-1])
    )
    return [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header[0]}: {header[1]}\r\n\r\n".encode()
        for path in paths
    ]


def _text(kind: str, running: Sequence[Started], rates: dict[int, list[float]]) -> str:
    small, large = (rates[size] for size in SIZES)
    ratios = [right / left for left, right in zip(small, large, strict=True)]
    warm = {size: median(rates[size][WARMING:]) for size in SIZES}
    lines = [
        f"{kind}, {one.collections} collections: adopted in {one.adopted_seconds:.2f} s,"
        f" first answer after {one.first_answer_seconds:.2f} s,"
        f" first item after {one.first_item_seconds:.2f} s,"
        f" {one.server.memory_mib():.0f} MiB, {warm[one.collections]:.0f} items/s"
        for one in running
    ]
    return "\n".join(
        [
            *lines,
            f"{kind}: rate of the large schema to the small one: {median(ratios[WARMING:]):.2f},"
            f" in the first {SECONDS} s {ratios[0]:.2f}",
        ]
    )
