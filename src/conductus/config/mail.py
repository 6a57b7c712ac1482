"""How mail leaves: of the server, and of a project."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Literal

from msgspec import Struct

MailTransport = Literal["none", "smtp", "file", "log"]
MailSecurity = Literal["starttls", "tls", "none"]


class MailConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How mail leaves."""

    transport: MailTransport = "none"
    sender: str = ""
    """An address, or a name with one: `Shop <shop@example.com>`."""
    host: str = ""
    port: int = 0
    """0: 587, with `tls` 465, with `none` 25."""
    security: MailSecurity = "starttls"
    user: str = ""
    password: str = ""
    folder: str = "outgoing-mail"
    """Of the transport `file`; a relative one is in the data folder."""
    timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.transport == "smtp" and not self.host:
            raise ValueError("the transport `smtp` needs a `host`")
        if self.is_configured and "@" not in parseaddr(self.sender)[1]:
            raise ValueError("`sender` must be an e-mail address, or a name with one")

    def __repr__(self) -> str:
        return f"MailConfig({self.transport!r})"

    @property
    def is_configured(self) -> bool:
        """Whether mail can leave."""
        return self.transport != "none"
