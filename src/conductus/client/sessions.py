"""Who asks, and for how long the server believes it. No I/O.

What has to be asked is yielded, the answer is sent in: so clients that wait and clients
that do not share this.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Generator
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from conductus.client.calls import Request, data
from conductus.client.errors import Refused, Unintelligible

AHEAD_SECONDS: Final = 30
"""So long before it expires, a token is changed for a new one."""
_INVALID, _EXPIRED = 101, 102

Exchange = Generator[Request, httpx2.Response, None]


class Password(Struct, frozen=True):
    """An account that signs in by password."""

    email: str
    password: str
    otp: Callable[[], str] | None = None
    """Says the one-time password of this moment, for accounts with a second factor."""


class Session:
    """The token that requests show, and how another one is had."""

    def __init__(
        self,
        token: str = "",
        account: Password | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self._account = account
        self._clock = clock
        self._expires: float | None = None

    @property
    def signed_in(self) -> bool:
        """Whether there is a session on the server that a logout would end."""
        return self._account is not None and self.token != ""

    def headers(self, request: Request) -> dict[str, str]:
        """What says who asks."""
        if request.anonymous or not self.token:
            return {}
        return {"authorization": f"Bearer {self.token}"}

    def ready(self) -> Exchange:
        """Signs in where nobody is, renews a token that is about to expire."""
        if self._account is None:
            return
        if not self.token:
            yield from self._sign_in(self._account)
        elif self._expires is not None and self._clock() > self._expires - AHEAD_SECONDS:
            yield from self._renew(self._account)

    def refuses(self, response: httpx2.Response) -> bool:
        """Whether the server believes the token no more, and another one can be had."""
        if self._account is None or response.status_code != httpx2.codes.UNAUTHORIZED:
            return False
        try:
            data(response)
        except Refused as refused:
            return refused.code in (_INVALID, _EXPIRED)
        except Unintelligible:
            return False
        return False

    def again(self, refused: str) -> Exchange:
        """Signs in again, unless somebody did since that token was refused."""
        if self._account is not None and self.token == refused:
            yield from self._sign_in(self._account)

    def forget(self) -> None:
        """Nobody is signed in any more."""
        self.token, self._expires = "", None

    def _sign_in(self, account: Password) -> Exchange:
        body: dict[str, Any] = {"email": account.email, "password": account.password}
        if account.otp is not None:
            body["otp"] = account.otp()
        self._take(data((yield _asked("auth/authenticate", body))))

    def _renew(self, account: Password) -> Exchange:
        response = yield _asked("auth/refresh", {"token": self.token})
        if response.is_success:
            self._take(data(response))
        else:
            yield from self._sign_in(account)

    def _take(self, answer: Any) -> None:
        self.token = answer["token"]
        self._expires = _expiry(self.token)


def _asked(path: str, body: dict[str, Any]) -> Request:
    return Request(method="POST", path=path, body=body, anonymous=True)


def _expiry(token: str) -> float | None:
    """When a token says that it ends; only the server can tell whether it says the truth."""
    try:
        part = token.split(".")[1]
        claims = msgspec.json.decode(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None
