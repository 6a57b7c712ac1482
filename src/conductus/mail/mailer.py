"""Letters become messages, and leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any, Final

from conductus.config import MailConfig, ProjectConfig
from conductus.jobs.delivery import Undeliverable
from conductus.jobs.letters import Letter
from conductus.mail.templates import Rendered, Templates, TemplateUnusable
from conductus.mail.transports import Transports
from conductus.projects.project import Project
from conductus.projects.settings import Settings
from conductus.schema.validation import is_email

_LONGEST_LINE: Final = 990
"""Of a message; RFC 5322 allows 998."""


class Mailer:
    """Sends the letters of every project, each in its own way."""

    def __init__(self, server: MailConfig, templates: Templates, transports: Transports) -> None:
        self._server = server
        self._templates = templates
        self._transports = transports

    def is_configured(self, project: ProjectConfig) -> bool:
        """Whether a project's mail can leave."""
        return mail_config(self._server, project).is_configured

    async def send(self, project: Project, letter: Letter) -> None:
        """Sends a letter now. Raises `Undeliverable` for good, anything else for later."""
        config = mail_config(self._server, project.config)
        if not config.is_configured:
            raise ConnectionError("mail is not configured: set `mail.transport`")
        data = {**_common((await project.current()).settings), **letter.data}
        try:
            rendered = self._templates.render(project.key, letter.template, data, letter.markup)
        except TemplateUnusable as error:
            # Tried again: somebody may mend the file.
            raise RuntimeError(str(error)) from error
        message = composed(config.sender, letter, rendered, datetime.now(UTC))
        await self._transports.take(project.key, config, message, letter.id)


def mail_config(server: MailConfig, project: ProjectConfig) -> MailConfig:
    """How a project's mail leaves."""
    return project.mail if project.mail.is_configured else server


def composed(sender: str, letter: Letter, rendered: Rendered, now: datetime) -> EmailMessage:
    """The message. No value can add a header: line breaks in one are refused, not folded."""
    name, address = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(_literal(name), addr_spec=address)
        message["To"] = _recipient(letter.to, letter.name)
        if letter.reply_to:
            message["Reply-To"] = _recipient(letter.reply_to)
        message["Subject"] = _literal(rendered.subject)
        message["Date"] = format_datetime(now)
        # The same for each try, so that readers can tell what came twice.
        message["Message-ID"] = f"<{letter.id}@{address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable("the address cannot stand in a message") from error
    message.set_content(rendered.text, cte=_encoding(rendered.text))
    message.add_alternative(rendered.html, subtype="html", cte=_encoding(rendered.html))
    return message


def _encoding(text: str) -> str:
    """How a part is written: as it is where that is allowed, so that links stay whole."""
    plain = text.isascii() and all(len(line) <= _LONGEST_LINE for line in text.splitlines())
    return "7bit" if plain else "quoted-printable"


def is_mailable(address: str) -> bool:
    """Whether a letter can be sent to that address, and goes to no other.

    In a header comments are left out of an address, and encoded words decoded.
    """
    if not is_email(address) or not address.isprintable():
        return False
    try:
        return Address(addr_spec=address).addr_spec == address
    except (ValueError, IndexError, MessageError):
        return False


def _recipient(address: str, name: str = "") -> Address:
    if not is_mailable(address):
        raise Undeliverable("the recipient is no e-mail address")
    return Address(_literal(name), addr_spec=address)


def _literal(text: str) -> str:
    """A text in which nothing is an encoded word (RFC 2047).

    `email` decodes those on their way into a header, line breaks and all.
    """
    return text.replace("=?", "= ?")


def _common(settings: Settings) -> Mapping[str, Any]:
    """What every template may name."""
    return {
        "project_name": settings.project_name,
        "project_url": settings.project_url,
        "settings": dict(settings.raw),
    }
