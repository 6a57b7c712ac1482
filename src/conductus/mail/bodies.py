"""Bodies of messages: templates that users wrote, rendered in a process of its own.

The sandbox bounds the work that a template says, and not what it takes to read one: some
hundred kilobytes of operators in a row are more than the stack holds, which ends a process.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Struct

from conductus import apart
from conductus.errors import ValidationFailed

LONGEST_CONTENT: Final = 256 * 1024
"""Characters of a body, rendered."""
MEMORY_BYTES: Final = 512 * 1024 * 1024
CPU_SECONDS: Final = 3
_SECONDS: Final = 30.0
_PROCESSES: Final = 2


class Body(Struct, frozen=True):
    """What is to be rendered."""

    template: str
    data: dict[str, Any]
    html: bool
    """Whether values are escaped."""


class Bodies:
    """Renders bodies, a few at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_PROCESSES)

    async def rendered(self, body: Body) -> str:
        """The text. Raises `ValidationFailed` for a template that gives none, or too much."""
        async with self._free:
            content = await _said(body)
        if content is None:
            raise ValidationFailed({"body": "Cannot be rendered as a template"})
        if len(content) > LONGEST_CONTENT:
            # It is kept once for each recipient.
            raise ValidationFailed({"body": f"Takes {LONGEST_CONTENT} characters, rendered"})
        return content


async def _said(body: Body) -> str | None:
    """What the process makes of a body; None where it makes nothing."""
    process = await apart.started("conductus.mail.body_process")
    try:
        async with asyncio.timeout(_SECONDS):
            content, _ = await process.communicate(msgspec.json.encode(body))
    except TimeoutError:
        return None
    finally:
        await apart.ended(process)
    return content.decode() if process.returncode == 0 else None
