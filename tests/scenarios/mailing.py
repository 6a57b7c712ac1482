"""A live project whose mail comes into a postbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

from conductus.config import Jobs, MailConfig, ServerConfig
from conductus.telemetry import Observation
from tests.postbox import Postbox, part, postbox
from tests.scenarios.shop import HOST, Live, live

SENDER = "Shop <shop@example.com>"


class Mailing(Live):
    """The project, its mail, and what its server tells."""

    box: Postbox
    seen: list[Observation]

    async def link(self, number: int = 1) -> str:
        """The link in the message of that number, which both its forms hold."""
        message = await self.box.message(number)
        (plain,) = links(part(message, "plain"))
        assert {plain} == {link.replace("&amp;", "&") for link in links(part(message, "html"))}
        return plain


def links(text: str) -> list[str]:
    return re.findall(r"https?://[^\s\"<]+", text)


def addressed(message: EmailMessage) -> str:
    return str(message["to"])


def to(box: Postbox) -> MailConfig:
    """Every letter goes there."""
    return MailConfig(
        transport="smtp", sender=SENDER, host="127.0.0.1", port=box.port, security="none"
    )


def posting(mail: MailConfig) -> ServerConfig:
    """A server that has its mail leave so."""
    return ServerConfig(mail=mail, public_url=HOST, jobs=Jobs(poll_seconds=60))


@asynccontextmanager
async def mailing(
    url: str,
    folder: Path,
    *,
    mail: MailConfig | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Mailing]:
    """A project that sends what it has to say to a server of its own."""
    async with postbox() as box:
        config = posting(mail or to(box))
        seen: list[Observation] = []
        async with live(
            url, folder, config=config, environment=environment, observer=seen.append
        ) as world:
            mailing = Mailing(world.client, world.server)
            mailing.token, mailing.box, mailing.seen = world.token, box, seen
            yield mailing
