"""What a run found: a table per database to read, JSON to compare runs with."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.measure import Effort, Slice
from bench.processes import Cores
from bench.workloads import WORKLOADS
from bench.world import World

BUSY_GENERATOR = 0.9
PACKAGES = ("granian", "uvloop", "asyncpg", "asyncmy", "msgspec", "sqlalchemy", "starlette")


class Line(Struct, frozen=True):
    """One target doing one workload: medians over the rounds. `ratio` is its rate to the limit's.

    `database_ratio` is its database CPU per request to the limit's; None is "not known".
    """

    workload: str
    target: str
    rate: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    p50_ms: float
    p99_ms: float
    server_us: float | None
    database_us: float | None
    database_ratio: float | None
    memory_mib: float | None
    errors: int
    first_error: str
    generator_bound: bool


class DatabaseReport(Struct, frozen=True):
    """All lines of one database, and every slice that they are made of."""

    database: str
    version: str
    lines: list[Line]
    restricted: list[Line]
    """Those of roles that are kept to rules; the administrator is their limit."""
    differences: list[str]
    notes: list[str]
    failures: list[str]
    slices: list[Slice]

    def complaints(self) -> list[str]:
        """Why these rates are not all a result."""
        refused = [
            f"ERRORS: {line.target}, {line.workload}: {line.first_error.strip()}"
            for line in (*self.lines, *self.restricted)
            if line.errors
        ]
        different = [f"DIFFERENT: {one}" for one in self.differences]
        return [*(f"FAILED: {one}" for one in self.failures), *refused, *different]


class Report(Struct, frozen=True):
    """A whole run and the machine that it ran on."""

    when: dt.datetime
    commit: str
    machine: dict[str, str]
    packages: dict[str, str]
    cores: Cores
    effort: Effort
    world: World
    databases: list[DatabaseReport]
    notes: list[str]
    failures: list[str]

    def complaints(self) -> list[str]:
        """Why this run is not a result: what failed, and what is not comparable."""
        return [*self.failures, *(line for one in self.databases for line in one.complaints())]


def lines(slices: Sequence[Slice], limit: str = "limit") -> list[Line]:
    """The medians, in the order of the workloads, the limit first.

    `limit` is the target that the others are compared with.
    """
    groups: dict[tuple[str, str], list[Slice]] = {}
    for one in slices:
        groups.setdefault((one.workload, one.target), []).append(one)
    return [
        _line(groups[key], groups.get((key[0], limit), []))
        for workload in WORKLOADS
        for key in sorted(
            (k for k in groups if k[0] == workload.name),
            key=lambda k: (k[1] != limit, k[1] != "conductus", k[1]),
        )
    ]


def _line(own: list[Slice], limits: list[Slice]) -> Line:
    by_round = {one.round: one for one in limits}
    pairs = [(one, by_round[one.round]) for one in own if one.round in by_round]
    ratios = [one.rate / limit.rate for one, limit in pairs if limit.rate]
    database = _median([one.database_us for one in own])
    limit_database = _median([one.database_us for one in limits])
    return Line(
        workload=own[0].workload,
        target=own[0].target,
        rate=median(one.rate for one in own),
        ratio=_median(ratios),
        ratio_low=min(ratios, default=None),
        ratio_high=max(ratios, default=None),
        p50_ms=median(one.outcome.p50_ms for one in own),
        p99_ms=median(one.outcome.p99_ms for one in own),
        server_us=_median([one.server_us for one in own]),
        database_us=database,
        database_ratio=database / limit_database if database and limit_database else None,
        memory_mib=max((one.memory_mib for one in own if one.memory_mib is not None), default=None),
        errors=sum(one.outcome.errors for one in own),
        first_error=next((s.outcome.first_error for s in own if s.outcome.first_error), ""),
        generator_bound=any(one.outcome.cpu_share > BUSY_GENERATOR for one in own),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


HEADINGS = (
    "workload", "target", "req/s", "ratio", "low..high", "p50 ms", "p99 ms", "server µs", "db µs",
    "db ratio", "MiB", "errors",
)  # fmt: skip


def text(report: DatabaseReport) -> str:
    """The tables of one database, with what has to be known about it."""
    found = table(f"\n{report.version}", report.lines)
    if report.restricted:
        found += table("\nratios to an administrator's rate", report.restricted)
    return "\n".join([found, *report.complaints(), *report.notes])


def table(head: str, lines: Sequence[Line]) -> str:
    """Lines below each other under a head."""
    rows = [HEADINGS, *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    written = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([head, *written])


def _cells(line: Line) -> tuple[str, ...]:
    spread = "-"
    if line.ratio_low is not None and line.ratio_high is not None:
        spread = f"{line.ratio_low:.2f}..{line.ratio_high:.2f}"
    return (
        line.workload,
        line.target,
        f"{line.rate:.0f}{'*' if line.generator_bound else ''}"
        if line.rate >= 100
        else f"{line.rate:.1f}",
        _shown(line.ratio, 2),
        spread,
        f"{line.p50_ms:.2f}",
        f"{line.p99_ms:.2f}",
        _shown(line.server_us, 0),
        _shown(line.database_us, 0),
        _shown(line.database_ratio, 2),
        _shown(line.memory_mib, 0),
        str(line.errors),
    )


def _shown(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


LEGEND = """\
ratio: requests/s to the limit's in the same round, median and range over rounds
µs: CPU time per request, of the server's processes and of the database's threads
MiB: resident memory of the server's processes, shared pages counted once
*: the load generator was busy all the time, the rate is its own"""


def tell(line: str) -> None:
    """Progress, apart from the results."""
    print(line, file=sys.stderr, flush=True)


def written(report: Report, path: Path) -> None:
    """Keep a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


def machine() -> dict[str, str]:
    """Where it ran."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def packages() -> dict[str, str]:
    """The versions that the rates depend on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def commit() -> str:
    """The commit that was measured, marked when the tree has changes."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
