"""A provider of single sign-on that speaks OAuth 2 and tells of people in words of its own.

Chosen by `[auth.sso.NAME]` with `plugin = "guild"`, `client_id` and `client_secret`.
"""

from __future__ import annotations

from typing import Any

from conductus.extensions import Registry


def register(registry: Registry) -> None:
    """Where the guild is is the plugin's own setting."""
    url = registry.settings.get("url", "https://guild.example.com")
    registry.sso_provider(
        "guild",
        authorize_url=f"{url}/oauth2/authorize",
        token_url=f"{url}/oauth2/token",
        userinfo_url=f"{url}/userinfo",
        scope="openid",
        claims=claims,
    )


async def claims(told: Any) -> dict[str, Any]:
    """What the guild tells, as OpenID Connect would say it."""
    baker = told["baker"]
    return {
        "email": baker["mail"],
        "email_verified": baker["sworn_in"],
        "given_name": baker["first"],
        "family_name": baker["last"],
    }
