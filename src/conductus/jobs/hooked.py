"""Tells after-hooks what happened: the errands that writes leave for them."""

from __future__ import annotations

from datetime import datetime

from conductus.jobs.claims import Claim
from conductus.jobs.delivery import Undeliverable
from conductus.projects.events import told
from conductus.projects.project import Project


async def deliver(project: Project, claim: Claim, _: datetime) -> None:
    """Calls the hook that the errand names."""
    event = told(claim.payload)
    hook = project.hooks.find(event.listener, event.event)
    if hook is None:
        raise Undeliverable(f"There is no hook {event.listener!r} any more")
    await hook.call(event)
