"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PATIENCE_SECONDS = 20


async def eventually(holds: Callable[[], bool]) -> None:
    """Waits for what others do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.01)


class Postbox:
    """What came in; `refusal` is answered instead, when it is set."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refusal: str | None = None
        self.rejected: set[str] = set()
        self.logins: list[tuple[bytes, bytes]] = []
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.rejected:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusal is not None:
            return self.refusal
        self.envelopes.append(envelope)
        return "250 OK"

    def login(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"letmein", handled=False)

    @property
    def messages(self) -> list[EmailMessage]:
        """Everything that came, read as a mail reader does."""
        return [read(envelope) for envelope in self.envelopes]

    async def message(self, number: int = 1) -> EmailMessage:
        """The message of that number, once it has come."""
        await eventually(lambda: len(self.envelopes) >= number)
        return self.messages[number - 1]


def read(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    """The text of a message as `plain` or `html`."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@asynccontextmanager
async def postbox(**options: Any) -> AsyncIterator[Postbox]:
    """A server; its port is `port`."""
    box = Postbox()

    def serve() -> SMTP:
        return SMTP(box, authenticator=box.login, hostname="mail.test", **options)

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    try:
        box.port = server.sockets[0].getsockname()[1]
        yield box
    finally:
        server.close()
