"""A letter to be written: which template, to whom, with what. Rendering is the mail room's."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from conductus.projects.project import Project


class Letter(Struct, frozen=True, kw_only=True):
    """One mail to one address."""

    id: str
    """The same each time that the letter is sent again."""
    template: str
    to: str
    name: str = ""
    """Of whoever lives there."""
    reply_to: str = ""
    """Where answers go, if not to the sender."""
    data: Mapping[str, Any]
    """What the template may name."""
    markup: str = ""
    """HTML that a user wrote: `content` in the template of HTML, where it stays as it is."""


class SendLetter(Protocol):
    """Sends a letter now."""

    def __call__(self, project: Project, letter: Letter, /) -> Awaitable[None]:
        """Raises `Undeliverable` for good, anything else for a try later."""
        ...
