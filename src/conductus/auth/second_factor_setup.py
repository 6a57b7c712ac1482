"""Setting up a second factor: what may be stored as its secret, and how an app learns it.

Source: authentication page §11.
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any, Final

import segno
from msgspec import Struct
from pyotp import TOTP

from conductus.auth import second_factor
from conductus.auth.otp_steps import find_last_step, keep_step
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.errors import OtpWrong, ValidationFailed
from conductus.projects.project import Project

FIELD: Final = "2fa_secret"


class Offer(Struct, frozen=True):
    """A new secret, and the same for an authenticator app: as address and as picture."""

    secret: str
    url: str
    svg: str


def offered(project: str, account: str) -> Offer:
    """A new secret for somebody's account in a project."""
    secret = second_factor.new_secret()
    url = TOTP(secret).provisioning_uri(name=account, issuer_name=project)
    picture = BytesIO()
    segno.make(url, micro=False).save(picture, kind="svg", scale=4, xmldecl=False)
    return Offer(secret, url, picture.getvalue().decode())


def judged_secret(secret: Any) -> str:
    """The secret as it is used. Raises `ValidationFailed` for what can be none."""
    text = "".join(secret.split()).upper().rstrip("=") if isinstance(secret, str) else ""
    if not second_factor.usable(text):
        raise ValidationFailed({FIELD: "Must be a secret as utils/2fa_secret gives them"})
    return text


def sealed_secret(secret: Any, key: str) -> str:
    """What is stored of a secret. Raises `ValidationFailed` for what can be none."""
    return second_factor.sealed(judged_secret(secret), key)


async def prove(project: Project, user: int, secret: str, otp: str, now: datetime) -> None:
    """Uses up a one-time password of that secret. Raises `OtpWrong` (112/404)."""
    dialect = project.database.dialect

    async def work(transaction: Transaction) -> Outcome[None]:
        last = await find_last_step(transaction, dialect, user)
        step = second_factor.verify(secret, otp, now, last)
        if step is None:
            raise OtpWrong
        await keep_step(transaction, dialect, user, step)
        return Outcome(None)

    await transact(project, work)
