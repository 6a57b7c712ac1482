"""`If-Match` and `If-None-Match`: whether a resource is the version that is meant.

Source: SCIM page §8 (ETag); RFC 7644 §3.14; RFC 9110 §13.
"""

from __future__ import annotations

import re
from typing import Final

from conductus.items.rows import Item
from conductus.scim import companions, reading
from conductus.scim.attributes import Kind
from conductus.scim.companions import Seen
from conductus.scim.desk import Desk
from conductus.scim.refusals import VersionDiffers
from conductus.scim.resources import version

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


class Precondition:
    """What a write asks of the version that it finds."""

    def __init__(self, stated: str | None = None) -> None:
        """`stated` is the value of `If-Match`, or of `version` in a bulk."""
        self._stated = stated
        self.seen: Seen | None = None
        """The row as it was when it was compared; None where nothing was asked."""

    async def row(self, desk: Desk, kind: Kind, id: str) -> Item:
        """The row of a resource. Raises `ResourceNotFound`, `VersionDiffers`."""
        compared = self._stated is not None and self._stated.strip() != "*"
        found = await reading.row(desk, kind, id, members=False)
        if not compared:
            return found
        self.seen = await companions.seen(desk, kind, int(found["id"]))
        found = await reading.row(desk, kind, id)
        if not matches(self._stated or "", version(kind, found)):
            raise VersionDiffers
        return found


def matches(stated: str, version: str | None) -> bool:
    """Whether one of the tags is the version; they are compared as weak ones."""
    if version is None:
        return False
    tags = _TAG.findall(stated) or [f'"{stated.strip()}"']
    return stated.strip() == "*" or _TAG.findall(version)[0] in tags
