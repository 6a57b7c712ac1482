"""When a client signs in, renews its token and signs in again."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import httpx2
import msgspec
import pytest

from conductus.client.calls import Request, get
from conductus.client.sessions import AHEAD_SECONDS, Exchange, Password, Session


def token(expires: float, name: str = "t") -> str:
    claims = urlsafe_b64encode(msgspec.json.encode({"exp": expires, "name": name})).decode()
    return f"head.{claims.rstrip('=')}.signature"


def answer(status: int, body: Any) -> httpx2.Response:
    request = httpx2.Request("POST", "http://x.test/")
    return httpx2.Response(status, json=body, request=request)


def given(name: str, expires: float = 1000) -> httpx2.Response:
    return answer(200, {"data": {"token": token(expires, name)}})


def refusal(code: int, status: int = 401) -> httpx2.Response:
    return answer(status, {"error": {"code": code, "message": "no"}})


def run(exchange: Exchange, answers: Sequence[httpx2.Response]) -> list[Request]:
    """What is asked, when it is answered so."""
    asked: list[Request] = []
    waiting = iter(answers)
    try:
        asked.append(next(exchange))
        while True:
            asked.append(exchange.send(next(waiting)))
    except StopIteration:
        assert next(waiting, None) is None
        return asked


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_static_token_is_shown_and_never_renewed() -> None:
    session = Session("static")
    assert run(session.ready(), []) == []
    assert session.headers(get("x")) == {"authorization": "Bearer static"}
    assert not session.refuses(refusal(101))
    assert not session.signed_in


def test_who_has_an_account_signs_in_once_and_renews_in_time() -> None:
    clock = Clock()
    codes = ["123456"]
    session = Session(account=Password("a@x.test", "secret", codes.pop), clock=clock)
    (login,) = run(session.ready(), [given("first", 1000)])
    assert (login.path, login.anonymous) == ("auth/authenticate", True)
    assert login.body == {"email": "a@x.test", "password": "secret", "otp": "123456"}
    assert session.headers(login) == {}
    clock.now = 1000 - AHEAD_SECONDS
    assert run(session.ready(), []) == []
    clock.now += 1
    (renewal,) = run(session.ready(), [given("second", 2000)])
    assert (renewal.path, renewal.body) == ("auth/refresh", {"token": token(1000, "first")})
    assert session.token == token(2000, "second")


def test_where_a_token_cannot_be_renewed_the_account_signs_in_anew() -> None:
    clock = Clock()
    session = Session(account=Password("a@x.test", "secret"), clock=clock)
    run(session.ready(), [given("first", 100)])
    clock.now = 200
    asked = run(session.ready(), [refusal(101), given("second", 300)])
    assert [request.path for request in asked] == ["auth/refresh", "auth/authenticate"]


@pytest.mark.parametrize(
    ("response", "refused"),
    [
        (refusal(101), True),
        (refusal(102), True),
        (refusal(3), False),
        (refusal(101, 403), False),
        (answer(401, "no"), False),
        (given("x"), False),
    ],
)
def test_what_means_that_the_token_is_good_no_more(
    response: httpx2.Response, refused: bool
) -> None:
    session = Session(account=Password("a@x.test", "secret"), clock=Clock())
    assert session.refuses(response) is refused


def test_of_several_that_were_refused_one_signs_in() -> None:
    session = Session(account=Password("a@x.test", "secret"), clock=Clock())
    run(session.ready(), [given("first")])
    old = session.token
    assert len(run(session.again(old), [given("second")])) == 1
    assert run(session.again(old), []) == []


@pytest.mark.parametrize("odd", ["", "x", "a.b.c", "a.eyJ9.c", "a.e30.c"])
def test_a_token_that_says_nothing_of_its_end_is_kept(odd: str) -> None:
    session = Session(account=Password("a@x.test", "secret"), clock=Clock())
    run(session.ready(), [answer(200, {"data": {"token": odd or "opaque"}})])
    assert run(session.ready(), []) == []
