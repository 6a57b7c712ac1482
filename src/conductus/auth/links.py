"""Where links and redirections may lead: to the server itself and to named origins.

Pure. An address is taken only when nothing about it can be read in two ways, as browsers
and libraries do not agree on what is odd. Source: authentication page §7 and §9, [FIX].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

from conductus.errors import ValidationFailed

_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?#].*)?",
    re.IGNORECASE,
)
_PATH: Final = re.compile(r"/(?![/\\]).*|/")
_PRINTED: Final = re.compile(r"[!-\[\]-~]*")
"""ASCII without blanks, controls and the backslash."""
_LONGEST: Final = 2000
_DEFAULT_PORTS: Final[Mapping[str, str]] = {"http": "80", "https": "443"}


def origin_of(url: str) -> str | None:
    """Scheme, host and port of an absolute address, spelt in one way; None for any other."""
    found = _URL.fullmatch(url) if _plain(url) else None
    if found is None:
        return None
    scheme = found["scheme"].lower()
    port = (found["port"] or "").lstrip("0")
    shown = f":{port}" if port and port != _DEFAULT_PORTS[scheme] else ""
    return f"{scheme}://{found['host'].lower()}{shown}"


class Destinations:
    """Where a project's links may lead."""

    def __init__(self, base_url: str, others: Iterable[str]) -> None:
        self._base_url = base_url
        self._own = origin_of(base_url)
        self._allowed = {self._own, *map(origin_of, others)} - {None}

    def find(self, url: str) -> str | None:
        """The address, absolute; None when it may not be led to."""
        if _plain(url) and _PATH.fullmatch(url) is not None:
            return f"{self._own}{url}"
        return url if origin_of(url) in self._allowed else None

    def checked(self, name: str, url: object) -> str:
        """The address, absolute. Raises `ValidationFailed` (4/422) when it is not allowed."""
        found = self.find(url) if isinstance(url, str) else None
        if found is None:
            raise ValidationFailed({name: "Must be an address of this server, or an allowed one"})
        return found


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """The address with more parameters, before its fragment."""
    address, mark, fragment = url.partition("#")
    return f"{_appended(address, parameters)}{mark}{fragment}"


def with_query_at_end(url: str, parameters: Mapping[str, str]) -> str:
    """The address with more parameters at its very end.

    Apps that keep their route in the fragment read them there.
    """
    return _appended(url, parameters)


def _appended(address: str, parameters: Mapping[str, str]) -> str:
    before, mark, query = address.partition("?")
    kept = f"{query.rstrip('&')}&" if mark and query.rstrip("&") else ""
    return f"{before}?{kept}{urlencode(parameters)}"


def _plain(url: str) -> bool:
    return 0 < len(url) <= _LONGEST and _PRINTED.fullmatch(url) is not None
