"""Observations and states of pools as Prometheus counts them.

The workers of one server add up: each counts into files that are mapped into its memory,
and whoever is asked sums the files of all. That is the mode of the library for several
processes; it is on where the environment names a folder (`FOLDER_VARIABLE`) before the
first meter is made.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from conductus.projects.project import Project
from conductus.telemetry import (
    Delivered,
    DeliveryFailed,
    DeliveryParked,
    Observation,
    ProjectUnavailable,
    RequestFailed,
    RequestServed,
    SnapshotLoaded,
    TaskFailed,
)

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
POOL_SECONDS: Final = 5.0
NO_PROJECT: Final = ""
NO_ROUTE: Final = "none"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """Counts what it is told; an `Observer`."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._own = own
        self._requests = Counter(
            "conductus_requests",
            "Requests that were answered.",
            ("project", "method", "route", "status"),
            registry=own,
        )
        self._seconds = Histogram(
            "conductus_request_seconds",
            "How long requests took, until the last byte was handed over.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=own,
        )
        self._faults = Counter(
            "conductus_faults", "Faults of the server.", ("place",), registry=own
        )
        self._snapshots = Counter(
            "conductus_snapshot_loads",
            "How often a schema was read anew.",
            ("project",),
            registry=own,
        )
        self._snapshot_seconds = Counter(
            "conductus_snapshot_load_seconds", "Time spent on that.", ("project",), registry=own
        )
        self._unavailable = Counter(
            "conductus_project_unavailable",
            "How often a project could not be used.",
            ("project",),
            registry=own,
        )
        self._deliveries = Counter(
            "conductus_deliveries",
            "Tries to do what was left for later.",
            ("project", "kind", "result"),
            registry=own,
        )
        self._pool = Gauge(
            "conductus_pool_connections",
            "Connections to databases.",
            ("project", "state"),
            registry=own,
            multiprocess_mode="livesum",
        )

    def __call__(self, observation: Observation, /) -> None:
        """Takes note."""
        match observation:
            case RequestServed():
                self._served(observation)
            case RequestFailed():
                self._faults.labels("request").inc()
            case TaskFailed():
                self._faults.labels("task").inc()
            case SnapshotLoaded(project=project, seconds=seconds):
                self._snapshots.labels(project).inc()
                self._snapshot_seconds.labels(project).inc(seconds)
            case ProjectUnavailable(project=project):
                self._unavailable.labels(project).inc()
            case Delivered(project=project, kind=kind):
                self._deliveries.labels(project, kind, "done").inc()
            case DeliveryFailed(project=project, kind=kind):
                self._deliveries.labels(project, kind, "failed").inc()
            case DeliveryParked(project=project, kind=kind):
                self._deliveries.labels(project, kind, "parked").inc()
            case _:
                return

    async def beside(self, project: Project) -> None:
        """Looks at the pool of an open project until it is cancelled."""
        try:
            while True:
                for state, count in project.database.connections().items():
                    self._pool.labels(project.key, state).set(count)
                await asyncio.sleep(POOL_SECONDS)
        finally:
            for state in project.database.connections():
                self._pool.labels(project.key, state).set(0)

    def text(self) -> bytes:
        """Everything that all workers counted, as Prometheus reads it."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is None:
            counted = self._own
        else:
            _forget_the_dead(Path(folder))
            counted = CollectorRegistry()
            MultiProcessCollector(counted, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(counted)

    def _served(self, served: RequestServed) -> None:
        route = served.route or NO_ROUTE
        project = served.project or NO_PROJECT
        # A client may call its method anything.
        method = served.method if served.method in _METHODS else "other"
        self._requests.labels(project, method, route, str(served.status)).inc()
        self._seconds.labels(method, route).observe(served.seconds)


_METHODS: Final = frozenset({"GET", "HEAD", "SEARCH", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _forget_the_dead(folder: Path) -> None:
    """Takes the connections of workers that died out of the sum."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
