"""Codes for who has lost the device of a second factor: each stands in for one login.

They are shown once, when they are made; what is kept are their hashes. They are random
enough that a plain hash gives nothing away. Source: authentication page §11.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from typing import Final

from conductus.auth.accounts import Accounts
from conductus.auth.failures import Visit, note
from conductus.auth.session_rows import hashed
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.errors import ValidationFailed
from conductus.items.history import Deed
from conductus.projects.recovery_codes import keep_codes, use_code

CODES: Final = 10
_BYTES: Final = 10
_LETTERS: Final = 16
_GROUP: Final = 4


async def make_codes(visit: Visit, user: int) -> list[str]:
    """New codes of a user, in the place of those before.

    Raises `ValidationFailed` (4/422) for a user without a second factor.
    """
    dialect = visit.project.database.dialect
    accounts = Accounts(visit.snapshot.schema, dialect)
    codes = [_new_code() for _ in range(CODES)]

    async def work(transaction: Transaction) -> Outcome[None]:
        account = await accounts.locked(transaction, user)
        if account is None or not account.otp_secret:
            raise ValidationFailed({"2fa_secret": "Set up a second factor first"})
        await keep_codes(transaction, dialect, user, (_hash(user, code) for code in codes))
        await note(transaction, visit, accounts, Deed.UPDATE, user)
        return Outcome(None)

    await transact(visit.project, work)
    return codes


async def redeem(transaction: Transaction, visit: Visit, user: int, text: str) -> bool:
    """Uses up the code that was typed; False when the user has no such code."""
    code = "".join(letter for letter in text.upper() if letter.isalnum())
    if len(code) != _LETTERS or not code.isascii():
        return False
    return await use_code(transaction, visit.project.database.dialect, user, _hash(user, code))


def _new_code() -> str:
    """80 random bits in letters and digits that are not mistaken for each other."""
    letters = b32encode(secrets.token_bytes(_BYTES)).decode()
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))


def _hash(user: int, code: str) -> str:
    return hashed(f"{user} {code.replace('-', '')}")
