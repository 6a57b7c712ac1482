"""How identity providers keep users and groups."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from conductus.config.sso import ADMINISTRATOR_ROLE, PUBLIC_ROLE


class ScimConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Provisioning by SCIM 2.0, below `/P/scim/v2`."""

    mode: Literal["compat", "strict"] = "compat"
    """`compat`: resources as Directus 8 has them; `strict`: identifiers as the RFC has them."""
    default_role: int | None = None
    """The role of new users, and of those who leave a group."""
    passwords: bool = True
    """Providers may set passwords."""
    revive_deleted: bool = False
    """Who is made again after a deletion is the same user, instead of a conflict."""
    detach_on_delete: bool = False
    """A group is removed although it has members, who then have the default role."""

    def __post_init__(self) -> None:
        if self.default_role in (ADMINISTRATOR_ROLE, PUBLIC_ROLE):
            raise ValueError("`default_role` cannot be that of administrators, nor of the public")
