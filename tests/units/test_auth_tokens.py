"""Which JSON Web Tokens are believed. Reference: authentication §4."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from conductus.auth.tokens import Claims, Signing, is_jwt, issue, read, verify
from conductus.config import AuthConfig
from conductus.errors import ExpiredToken, InvalidToken

SECRET = "n0t-the-secret-of-anybody-0123456789-abcdef"
NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
SHOP = Signing("shop", AuthConfig(secret_key=SECRET, public_key="tied"))
CLAIMS = {
    "type": "auth",
    "key": "tied",
    "project": "shop",
    "id": 7,
    "exp": int(NOW.timestamp()) + 1200,
    "ttl": 20,
    "sid": "3.abc",
}


def token(*, secret: str = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not ...}
    header = {"typ": "JWT", "alg": algorithm}
    return jwt.encode(header, claims, OctKey.import_key(secret), [algorithm])


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    def part(value: Any) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(CLAIMS)}.{signature}"


def test_a_token_says_what_clients_and_the_reference_want() -> None:
    made = issue(SHOP, user=7, session="3.abc", minutes=20, now=NOW)
    found = jwt.decode(made, OctKey.import_key(SECRET), ["HS256"])
    assert found.header == {"typ": "JWT", "alg": "HS256"}
    assert found.claims == CLAIMS


def test_after_a_refresh_it_says_whether_a_second_factor_is_due() -> None:
    made = issue(SHOP, user=7, session="3.abc", minutes=20, now=NOW, needs_2fa=False)
    assert jwt.decode(made, OctKey.import_key(SECRET), ["HS256"]).claims["needs2FA"] is False
    assert verify(SHOP, made, NOW).needs_2fa is False


def test_a_token_is_good_until_it_expires() -> None:
    made = issue(SHOP, user=7, session="3.abc", minutes=20, now=NOW)
    last = NOW + timedelta(minutes=20) - timedelta(seconds=1)
    assert verify(SHOP, made, last).id == 7
    with pytest.raises(ExpiredToken):
        verify(SHOP, made, NOW + timedelta(minutes=20))
    assert read(SHOP, made, Claims).sid == "3.abc"


FORGED = {
    "no algorithm": unsigned({"typ": "JWT", "alg": "none"}),
    "no algorithm, odd case": unsigned({"typ": "JWT", "alg": "nOnE"}),
    "no algorithm stated": unsigned({"typ": "JWT"}),
    "no signature": unsigned({"typ": "JWT", "alg": "HS256"}),
    "a signature of nothing": unsigned({"typ": "JWT", "alg": "HS256"}, "AAAA"),
    "another algorithm": token(algorithm="HS512"),
    "another secret": token(secret=SECRET[::-1]),
    "another project": token(project="shop2"),
    "another key": token(key="untied"),
    "a token for resetting": token(type="reset_password"),
    "an invitation": token(type="invitation"),
    "an SSO request": token(type="request_token"),
    "no type": token(type=...),
    "no session": token(sid=...),
    "no user": token(id=...),
    "a user that is text": token(id="7"),
    "a user that is true": token(id=True),
    "no expiry": token(exp=...),
    "an expiry that is text": token(exp="never"),
    "expired and another project": token(exp=1, project="shop2"),
    "cut short": token()[:-2],
    "one part": "abc",
    "empty": "",
    "dots": "..",
    "a long one": token(sid="3." + "a" * 4000),
    "a deep header": urlsafe_b64encode(b"[" * 1400).decode() + ".e30.AAAA",
    "letters beyond ASCII": "é.è.ê",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_invalid(forged: str) -> None:
    with pytest.raises(InvalidToken):
        verify(SHOP, forged, NOW)


@given(st.text() | st.lists(st.text(), min_size=3, max_size=3).map(".".join))
def test_no_text_does_more_than_being_invalid(text: str) -> None:
    is_jwt(text)
    with pytest.raises(InvalidToken):
        verify(SHOP, text, NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (token(), True),
        (unsigned({"typ": "JWT", "alg": "none"}), True),
        (unsigned({"typ": "JOSE"}), False),
        (unsigned({"alg": "HS256"}), False),
        ("a.b.c", False),
        ("a.b", False),
        (token() + ".d", False),
        ("0123456789abcdef", False),
        ("", False),
    ],
)
def test_what_has_no_shape_of_a_jwt_is_a_static_token(text: str, expected: bool) -> None:
    assert is_jwt(text) is expected
