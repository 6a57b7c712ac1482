"""Who is asking."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ADMINISTRATOR_ROLE = 1
PUBLIC_ROLE = 2
NOBODY = 0


class Actor(Struct, frozen=True, kw_only=True):
    """A resolved asker. No credential is the public actor, not None."""

    user: int = NOBODY
    """Id in `directus_users`; 0 for nobody."""
    role: int | None = PUBLIC_ROLE
    ip: str = ""
    user_agent: str = ""
    credential: Literal["none", "jwt", "static", "cookie", "system"] = "none"
    session: int | None = None
    """Id in `directus_user_sessions`; None for static tokens and for nobody."""
    enforces_2fa: bool = False
    """The role asks for a second factor, set up or not."""

    @property
    def public(self) -> bool:
        """True when nobody is signed in."""
        return self.user == NOBODY and self.credential != "system"

    @property
    def administrator(self) -> bool:
        """True when everything is allowed."""
        return self.role == ADMINISTRATOR_ROLE or self.credential == "system"


SYSTEM = Actor(role=ADMINISTRATOR_ROLE, credential="system")
"""The server itself: installation, adoption, jobs."""
