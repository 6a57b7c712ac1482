"""`conductus openapi`"""

from __future__ import annotations

import sys

from conductus.cli.opened import ProjectKey, opened
from conductus.cli.places import DataFolder
from conductus.openapi import kept
from conductus.projects.project import Project


def show_document(*, project: ProjectKey = None, data: DataFolder = None) -> None:
    """Write the OpenAPI document of a project to standard output: all of it, as JSON."""

    async def work(found: Project) -> bytes:
        return kept.whole((await found.current()).schema, found.key)

    sys.stdout.write(opened(project, data, work).decode() + "\n")
