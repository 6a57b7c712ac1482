"""The body of `POST /server/projects`, as a typed value. Pure but for paths.

The names are those of the reference; what is not known is refused, so that nobody believes
that it was heeded. Source: projects page §1.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from conductus.auth.passwords import is_password
from conductus.config import ConfigInvalid, check_key, database_url, new_project_config
from conductus.database.url import DatabaseURL, Server, parse
from conductus.errors import BodyInvalid, DatabaseUnusable, ProjectKeyInvalid, ValidationFailed
from conductus.http.body import JSONObject
from conductus.projects.setup import Login, Tables, Wanted, checked_email

TOKEN: Final = "super_admin_token"  # noqa: S105 - a name
_STATIC_TOKEN: Final = re.compile(r"[!-~]{16,255}")
_WORD: Final = re.compile(r"[A-Za-z0-9_+/-]{1,64}")


class NewProject(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What clients send."""

    project: str
    super_admin_token: str = ""
    private: bool = False
    existing: bool = False
    force: bool = False
    force_confirm: str = ""
    db_type: Literal["mysql", "postgresql", "sqlite"] | None = None
    db_url: str = ""
    db_host: str = "localhost"
    db_port: int | None = None
    db_name: str = ""
    db_user: str = ""
    db_password: str = ""
    user_email: str | None = None
    user_password: str | None = None
    user_token: str | None = None
    project_name: str | None = None
    app_url: str | None = None
    locale: str | None = None
    timezone: str | None = None

    def __repr__(self) -> str:
        return f"NewProject({self.project!r})"


def wanted(body: JSONObject) -> Wanted:
    """The project that a body asks for.

    Raises `ValidationFailed` (4/422), `ProjectKeyInvalid` (22/400), `DatabaseUnusable`
    (19/400) for an address that cannot be right.
    """
    try:
        asked = msgspec.convert(body, NewProject, strict=False)
    except msgspec.ValidationError as error:
        raise _problem(str(error)) from error
    try:
        check_key(asked.project)
    except ConfigInvalid as error:
        raise ProjectKeyInvalid(str(error)) from error
    problems = dict(_problems(asked))
    if problems:
        raise ValidationFailed(problems)
    stated = {
        "project_name": asked.project_name,
        "project_url": asked.app_url,
        "default_locale": asked.locale,
    }
    return Wanted(
        key=asked.project,
        url=_address(asked),
        login=_login(asked),
        tables=_tables(asked),
        private=asked.private,
        settings={key: value for key, value in stated.items() if value},
    )


def located(found: Wanted, data: Path) -> DatabaseURL:
    """Where the database is, whatever a relative path starts at."""
    return parse(database_url(new_project_config(found.url), data))


def _problems(asked: NewProject) -> Any:
    """Field → what is wrong with it."""
    needed = {
        "user_email": asked.user_email or asked.existing,
        "user_password": asked.user_password or asked.existing,
        "db_name": asked.db_name or asked.db_url,
    }
    for name, given in needed.items():
        if not given:
            yield name, "This value is required"
    if asked.user_password and not is_password(asked.user_password):
        yield "user_password", "This is no password"
    if bool(asked.user_email) != bool(asked.user_password) and asked.existing:
        yield "user_password", "Goes with user_email"
    if asked.user_token is not None and not _STATIC_TOKEN.fullmatch(asked.user_token):
        yield "user_token", "Needs 16 to 255 printable characters without blanks"
    for name in ("locale", "timezone"):
        value = getattr(asked, name)
        if value is not None and not _WORD.fullmatch(value):
            yield name, "Takes letters, digits, '_', '-', '+' and '/'"
    for name in ("project_name", "app_url"):
        value = getattr(asked, name)
        if value is not None and ("\0" in value or len(value) > 255):
            yield name, "Takes 255 characters"
    if asked.existing and asked.force:
        yield "force", "Goes not with existing"
    if asked.force and asked.force_confirm != asked.project:
        yield "force_confirm", "Must be the key of the project: its system tables are dropped"


def _login(asked: NewProject) -> Login:
    email = None if asked.user_email is None else _email(asked.user_email)
    return Login(
        email,
        asked.user_password,
        asked.user_token,
        asked.locale or "en-US",
        asked.timezone or "UTC",
    )


def _email(stated: str) -> str:
    try:
        return checked_email(stated)
    except ValidationFailed:
        raise ValidationFailed({"user_email": "This is no e-mail address"}) from None


def _tables(asked: NewProject) -> Tables:
    if asked.force:
        return Tables.REPLACE
    return Tables.USE if asked.existing else Tables.REFUSE


def _address(asked: NewProject) -> str:
    if asked.db_url:
        if asked.db_type and parse(asked.db_url).driver != asked.db_type:
            raise DatabaseUnusable("`db_url` and `db_type` contradict each other")
        return asked.db_url
    if asked.db_type == "sqlite":
        return f"sqlite:///{asked.db_name}"
    return Server(
        driver=asked.db_type or "mysql",
        host=asked.db_host,
        port=asked.db_port,
        username=asked.db_user,
        password=asked.db_password,
        database=asked.db_name,
    ).address


def _problem(message: str) -> ValidationFailed | BodyInvalid:
    """What msgspec says, as a message for the field that it names."""
    unknown = re.search(r"unknown field `(\w+)`", message)
    missing = re.search(r"missing required field `(\w+)`", message)
    at = re.search(r"`\$\.(\w+)`", message)
    if unknown:
        return ValidationFailed({unknown[1]: "There is no such parameter"})
    if missing:
        return ValidationFailed({missing[1]: "This value is required"})
    if at:
        return ValidationFailed({at[1]: message.partition(" - at ")[0]})
    return ValidationFailed("The body cannot be read")
