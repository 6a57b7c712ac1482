"""Hashes of passwords: made with Argon2id, verified also as bcrypt. Off the event loop.

Old hashes are replaced when their password is shown at login. Source: authentication
page §3 and §8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, ParamSpec, TypeVar

from msgspec import Struct
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from conductus.config import PasswordsConfig
from conductus.errors import TooManyRequests, ValidationFailed
from conductus.schema.validation import check_validation

P = ParamSpec("P")
T = TypeVar("T")

MOST_WAITING: Final = 64
"""Hashings under way or waiting; by default, each takes a tenth of a second and 64 MiB."""
_THREADS: Final = 2
LONGEST_PASSWORD: Final = 4096
_BCRYPT_BYTES: Final = 72
_BCRYPT_COST: Final = 10
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}"
    "$kNQzDw/vji6zrOEDKfbAFw$85PvumhzxULA1N3DuxJFXm7q3EulYhhmzvAb1vcaoC0"
)


class Verdict(Struct, frozen=True):
    """Whether a password is right, and the hash to be stored from now on."""

    right: bool
    renewed: str | None = None


WRONG: Final = Verdict(False)


def is_password(text: str) -> bool:
    """Whether it can be hashed, and typed."""
    if not 0 < len(text) <= LONGEST_PASSWORD or "\0" in text:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def check_policy(policy: str | None, password: str) -> None:
    """Passes when the project's `password_policy`, a pattern as PCRE has them, allows it.

    Raises `ValidationFailed` (4/422) that begins with `password:`; 12/422 when the pattern
    cannot be used or takes too long.
    """
    if policy:
        check_validation(policy, password, "password")


class Passwords:
    """Hashes and verifies in threads of its own. Open it with `with`."""

    def __init__(self, cost: PasswordsConfig | None = None) -> None:
        cost = cost or PasswordsConfig()
        self._argon2 = Argon2Hasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self.nobodys_hash: Final = _NOBODYS_HASH.format(cost=cost)
        """It belongs to no password; its cost is that of a hash made today."""
        self._bcrypt = BcryptHasher()
        self._old_bcrypt = BcryptHasher(rounds=_BCRYPT_COST)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    def __enter__(self) -> Passwords:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def hash_secret(self, text: str) -> str:
        """The hash to be stored. Raises `TooManyRequests` when too many wait."""
        return await self._in_thread(self._argon2.hash, text)

    async def hash_bcrypt(self, text: str) -> str:
        """A hash as Directus 8 makes them. Raises `ValidationFailed` beyond 72 bytes."""
        if len(text.encode()) > _BCRYPT_BYTES:
            raise ValidationFailed({"string": f"bcrypt takes {_BCRYPT_BYTES} bytes"})
        made = await self._in_thread(self._old_bcrypt.hash, text)
        # The same algorithm under the name that PHP gives it.
        return f"$2y${made.split('$', 2)[2]}"

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Whether the password is that of the stored hash.

        Without a hash it takes as long, and is wrong.
        """
        return await self._in_thread(self._verify, password, stored or "")

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooManyRequests(1)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))
        finally:
            self._waiting -= 1

    def _verify(self, password: str, stored: str) -> Verdict:
        if self._argon2.identify(stored):
            return self._verify_argon2(password, stored)
        if self._bcrypt.identify(stored):
            return self._verify_bcrypt(password, stored)
        self._argon2.verify(password, self.nobodys_hash)
        return WRONG

    def _verify_argon2(self, password: str, stored: str) -> Verdict:
        if not self._argon2.verify(password, stored):
            return WRONG
        old = self._argon2.check_needs_rehash(stored)
        return Verdict(True, self._argon2.hash(password) if old else None)

    def _verify_bcrypt(self, password: str, stored: str) -> Verdict:
        raw = password.encode()
        try:
            right = self._bcrypt.verify(raw[:_BCRYPT_BYTES], stored)
        except ValueError:
            # A cost or salt that no bcrypt has.
            return WRONG
        if not right:
            return WRONG
        # What stands beyond the 72 bytes was never verified, so it must not be fixed.
        return Verdict(True, None if len(raw) > _BCRYPT_BYTES else self._argon2.hash(password))
