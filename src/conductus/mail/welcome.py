"""The letter to who administers a new project: that it is there, and where."""

from __future__ import annotations

from datetime import datetime

from conductus.jobs.claims import Claim
from conductus.jobs.letters import Letter
from conductus.mail.mailer import Mailer
from conductus.projects.install import WELCOME
from conductus.projects.project import Project


class Welcome:
    """Writes that letter, in which no password is."""

    def __init__(self, mailer: Mailer, base_url: str) -> None:
        self._mailer = mailer
        self._base_url = base_url

    async def deliver(self, project: Project, claim: Claim, now: datetime) -> None:
        """Sends it."""
        email = str(claim.payload["email"])
        data = {"email": email, "url": f"{self._base_url}/{project.key}/"}
        letter = Letter(id=claim.id, template=WELCOME, to=email, data=data)
        await self._mailer.send(project, letter)
