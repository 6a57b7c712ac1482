"""A project's settings: rows of `directus_settings` as typed values.

A row that is missing, empty or not what its setting needs gives the setting's fallback: no
value in that table can make a request fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

TOKEN_MINUTES = 20
EMPTY_LIMIT = 20
TEN_YEARS_MINUTES = 10 * 365 * 24 * 60
SIGN_OUT_MINUTES = 10080
LOGIN_ATTEMPTS = 25


class Settings(Struct, frozen=True, kw_only=True):
    """What the server itself reads of the settings; `raw` has every row."""

    project_name: str
    project_url: str
    default_limit: int
    sort_null_last: bool
    q_words: bool
    """A search is for each of its words."""
    telemetry: bool
    auth_token_ttl: int
    """Minutes."""
    auto_sign_out: int
    """Minutes that a session lives without being used."""
    login_attempts_allowed: int
    """0 for no bound."""
    password_policy: str | None
    trusted_proxies: tuple[str, ...]
    file_naming: str
    asset_url_naming: str
    file_mimetype_whitelist: tuple[str, ...]
    """Empty: every type."""
    assets_public: bool
    """Who knows the address of a file gets it."""
    thumbnail_cache_ttl: int | None
    """Seconds; None: as it is configured."""
    raw: Mapping[str, str | None]


def settings(rows: Iterable[tuple[str, str | None]], key: str) -> Settings:
    """The settings that these rows state; `key` names a project without a name."""
    raw = dict(rows)
    return Settings(
        project_name=raw.get("project_name") or key,
        project_url=raw.get("project_url") or "",
        default_limit=_positive(raw, "default_limit", EMPTY_LIMIT),
        sort_null_last=_flag(raw, "sort_null_last", fallback=True),
        q_words=_flag(raw, "q_words", fallback=False),
        telemetry=_flag(raw, "telemetry", fallback=True),
        auth_token_ttl=_positive(raw, "auth_token_ttl", TOKEN_MINUTES),
        auto_sign_out=_sign_out(raw),
        login_attempts_allowed=_attempts(raw),
        password_policy=raw.get("password_policy") or None,
        trusted_proxies=_words(raw, "trusted_proxies"),
        file_naming=raw.get("file_naming") or "uuid",
        asset_url_naming=raw.get("asset_url_naming") or "private_hash",
        file_mimetype_whitelist=_words(raw, "file_mimetype_whitelist"),
        assets_public=_flag(raw, "assets_public", fallback=True),
        thumbnail_cache_ttl=_cache_ttl(raw),
        raw=raw,
    )


def _number(raw: Mapping[str, str | None], name: str) -> int | None:
    text = (raw.get(name) or "").strip()
    # `int` also takes underscores and foreign digits, and has no bound.
    plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10
    return int(text) if plain else None


def _positive(raw: Mapping[str, str | None], name: str, fallback: int) -> int:
    number = _number(raw, name)
    return number if number is not None and number > 0 else fallback


def _sign_out(raw: Mapping[str, str | None]) -> int:
    if "auto_sign_out" not in raw:
        return SIGN_OUT_MINUTES
    return _positive(raw, "auto_sign_out", TEN_YEARS_MINUTES)


def _attempts(raw: Mapping[str, str | None]) -> int:
    if "login_attempts_allowed" not in raw:
        return LOGIN_ATTEMPTS
    return _positive(raw, "login_attempts_allowed", 0)


def _cache_ttl(raw: Mapping[str, str | None]) -> int | None:
    number = _number(raw, "thumbnail_cache_ttl")
    return number if number is not None and number >= 0 else None


def _flag(raw: Mapping[str, str | None], name: str, *, fallback: bool) -> bool:
    text = (raw.get(name) or "").strip().lower()
    return text in ("1", "true", "on", "yes") if text else fallback


def _words(raw: Mapping[str, str | None], name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in (raw.get(name) or "").split(",") if word.strip())
