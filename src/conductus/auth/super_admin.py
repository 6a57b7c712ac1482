"""The super-admin token, which opens the making and removing of projects.

The operator sets it, or who makes the first project does: then its hash is in the file
`super-admin` of the data folder. Source: projects page §1.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from conductus.auth.address import block_of
from conductus.auth.passwords import Passwords, is_password
from conductus.config import SHORTEST_TOKEN, RateLimitConfig, write_private
from conductus.errors import Unauthorized, ValidationFailed
from conductus.tallies.throttle import Pace, Throttle

FILE: Final = "super-admin"
PACE: Final = Pace(10, 30)
"""Wrong tokens from one address: so many in a row, then one after so many seconds."""
_HERE: Final = RateLimitConfig()


class SuperAdmin:
    """Who may make and remove projects."""

    def __init__(self, data: Path, stated: str, passwords: Passwords, tried: Throttle) -> None:
        """`stated`: the token of the settings, if there is one."""
        self._path = data / FILE
        self._stated = stated.encode()
        self._passwords = passwords
        self._tried = tried

    @property
    def is_set(self) -> bool:
        """Whether there is a token that must be shown."""
        return bool(self._stated) or self._path.exists()

    async def check(self, shown: str, ip: str) -> None:
        """Raises `Unauthorized` (3/401), and `TooManyRequests` (7/429) for who guesses."""
        now, who = datetime.now(UTC), block_of(ip)
        await self._tried.take(who, now, _HERE)
        if not await self._is_right(shown):
            raise Unauthorized("The super-admin token is needed")
        await self._tried.forgive(who, now, _HERE)

    @asynccontextmanager
    async def claimed(self, token: str) -> AsyncIterator[None]:
        """The token is the one from now on, unless what is done meanwhile fails.

        Raises `ValidationFailed` for one that is too short.
        """
        if len(token) < SHORTEST_TOKEN or not is_password(token):
            message = f"Needs {SHORTEST_TOKEN} characters or more"
            raise ValidationFailed({"super_admin_token": message})
        write_private(self._path, await self._passwords.hash_secret(token))
        try:
            yield
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise

    async def _is_right(self, shown: str) -> bool:
        if self._stated:
            return hmac.compare_digest(shown.encode("utf-8", "replace"), self._stated)
        try:
            stored = self._path.read_text()
        except OSError:
            stored = None
        if not is_password(shown):
            return False
        return (await self._passwords.verify(shown, stored)).right
