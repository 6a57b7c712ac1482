"""The hashers that the utilities offer by name. Source: projects page §2.

`core` is what fields of type `hash` are verified with; the digests are for data of old.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Final, Protocol

from conductus.auth.passwords import Passwords
from conductus.errors import HasherUnknown

_SLOW: Final = frozenset({"core", "bcrypt"})
# S324: whoever asks for these hashers says so, and no password of ours is kept with them.
_DIGESTS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "md5": lambda text: hashlib.md5(text).hexdigest(),  # noqa: S324
    "sha1": lambda text: hashlib.sha1(text).hexdigest(),  # noqa: S324
    "sha224": lambda text: hashlib.sha224(text).hexdigest(),
    "sha256": lambda text: hashlib.sha256(text).hexdigest(),
    "sha384": lambda text: hashlib.sha384(text).hexdigest(),
    "sha512": lambda text: hashlib.sha512(text).hexdigest(),
}


class Hasher(Protocol):
    """A hasher that is not built in."""

    async def hash(self, text: str) -> str:
        """The hash of a text."""
        ...

    async def matches(self, text: str, hashed: str) -> bool:
        """Whether the hash is that of the text."""
        ...


class Hashers:
    """Hashes and matches texts by the name of a hasher."""

    def __init__(
        self,
        passwords: Passwords,
        find: Callable[[str, str], Hasher | None] = lambda project, name: None,  # noqa: ARG005
    ) -> None:
        """`find` gives the hasher of that name that a project has besides the built-in ones."""
        self._passwords = passwords
        self._find = find

    async def hash(self, text: str, hasher: str, project: str) -> str:
        """The hash of a text. Raises `HasherUnknown` (1000/422)."""
        if hasher in _SLOW:
            return await self._passwords.hash_bcrypt(text)
        if hasher not in _DIGESTS and (other := self._find(project, hasher)) is not None:
            return await other.hash(text)
        return _digest(hasher)(text.encode())

    async def matches(self, text: str, hashed: str, hasher: str, project: str) -> bool:
        """Whether the hash is that of the text. Raises `HasherUnknown` (1000/422)."""
        if hasher in _SLOW:
            return (await self._passwords.verify(text, hashed)).right
        if hasher not in _DIGESTS and (other := self._find(project, hasher)) is not None:
            return await other.matches(text, hashed)
        made = _digest(hasher)(text.encode())
        return compare_digest(made.encode(), hashed.lower().encode())


def _digest(hasher: str) -> Callable[[bytes], str]:
    found = _DIGESTS.get(hasher)
    if found is None:
        raise HasherUnknown(hasher)
    return found
