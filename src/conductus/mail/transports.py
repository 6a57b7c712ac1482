"""Where messages go: to an SMTP server, into a folder, into the log."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Final, assert_never

from conductus.config import MailConfig, MailSecurity, write_private
from conductus.jobs.delivery import Undeliverable
from conductus.telemetry import MailLogged, Observer

_PORTS: Final[dict[MailSecurity, int]] = {"starttls": 587, "tls": 465, "none": 25}
_PERMANENT: Final = 500
_TEMPORARY_REFUSALS: Final = frozenset({421, 450, 451, 452})


class Transports:
    """Takes messages away as a configuration says."""

    def __init__(self, data: Path, observer: Observer) -> None:
        self._data = data
        self._observer = observer

    async def take(self, project: str, config: MailConfig, message: EmailMessage, id: str) -> None:
        """Hands a message over. Raises `Undeliverable` for good, anything else for later."""
        match config.transport:
            case "smtp":
                await _send(config, message)
            case "file":
                folder = self._data / config.folder
                await asyncio.to_thread(_write, folder / f"{id}.eml", message)
            case "log":
                self._log(project, message)
            case "none":
                # Not for good: what waits is sent once somebody configures it.
                raise ConnectionError("mail is not configured: set `mail.transport`")
            case _:
                assert_never(config.transport)

    def _log(self, project: str, message: EmailMessage) -> None:
        body = message.get_body(("plain",))
        text = str(body.get_content()) if body is not None else ""
        self._observer(MailLogged(project, str(message["to"]), str(message["subject"]), text))


async def _send(config: MailConfig, message: EmailMessage) -> None:
    import aiosmtplib

    sender = parseaddr(config.sender)[1]
    try:
        await aiosmtplib.send(
            message,
            sender=sender,
            recipients=[address.addr_spec for address in message["to"].addresses],
            hostname=config.host,
            port=config.port or _PORTS[config.security],
            username=config.user or None,
            password=config.password or None,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=ssl.create_default_context(),
            timeout=config.timeout_seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = {refused.code for refused in error.recipients}
        if codes & _TEMPORARY_REFUSALS:
            raise
        raise Undeliverable(f"the mail server refuses the recipient ({_codes(codes)})") from error
    except aiosmtplib.SMTPResponseException as error:
        # A wrong password is for the operator to put right, so it is tried again.
        if error.code < _PERMANENT or isinstance(error, aiosmtplib.SMTPAuthenticationError):
            raise
        raise Undeliverable(f"the mail server refuses the message ({error.code})") from error


async def reach(config: MailConfig) -> None:
    """Signs in to the SMTP server, and leaves. Raises `OSError`, `aiosmtplib.SMTPException`."""
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=config.host,
        port=config.port or _PORTS[config.security],
        username=config.user or None,
        password=config.password or None,
        use_tls=config.security == "tls",
        start_tls=config.security == "starttls",
        tls_context=ssl.create_default_context(),
        timeout=config.timeout_seconds,
    )
    async with client:
        await client.noop()


def _codes(codes: set[int]) -> str:
    return ", ".join(map(str, sorted(codes)))


def _write(path: Path, message: EmailMessage) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, message.as_string())
