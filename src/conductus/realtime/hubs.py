"""The hubs of the open projects of one worker."""

from __future__ import annotations

from conductus.config import Watch
from conductus.errors import DatabaseUnreachable
from conductus.projects.project import Project
from conductus.realtime.hub import ComputingOf, Hub
from conductus.telemetry import Observer


class Hubs:
    """One hub for each open project."""

    def __init__(self, watch: Watch, observer: Observer, computing: ComputingOf) -> None:
        self._watch = watch
        self._observer = observer
        self.computing = computing
        self._hubs: dict[Project, Hub] = {}

    async def beside(self, project: Project) -> None:
        """Tells of the changes of an open project; until cancelled."""
        hub = Hub(project, self._watch, self._observer, self.computing)
        self._hubs[project] = hub
        try:
            await hub.run()
        finally:
            del self._hubs[project]

    def of(self, project: Project) -> Hub:
        """The hub of an open project. Raises `DatabaseUnreachable` for one that is closing."""
        hub = self._hubs.get(project)
        if hub is None:
            raise DatabaseUnreachable("The project is being closed: try again")
        return hub

    def end(self) -> None:
        """The worker stops: ends every subscription."""
        for hub in self._hubs.values():
            hub.end()
