"""Where a token is looked for, and where a request comes from. Reference: authentication §2, §8."""

from __future__ import annotations

from base64 import b64encode

import pytest

from conductus.auth.address import block_of, client_ip
from conductus.auth.credentials import Credentials, of_request, storable, without_token
from conductus.config import TokenSource


def basic(pair: str) -> str:
    return "Basic " + b64encode(pair.encode()).decode()


EVERY: tuple[TokenSource, ...] = ("body", "query", "basic", "bearer", "cookie")
COOKIE = "directus-shop-session"


@pytest.mark.parametrize(
    ("authorization", "query", "expected"),
    [
        ("", "", ""),
        ("Bearer abc", "", "abc"),
        ("bearer abc", "", "abc"),
        ("BEARER   abc ", "", "abc"),
        ("Bearer", "", ""),
        ("Bearer abc", "access_token=def", "def"),
        ("Bearer abc", "a=1&access_token=d%2Ef&b=2", "d.f"),
        ("Bearer abc", "access_token=", "abc"),
        ("Bearer abc", "my_access_token=def", "abc"),
        ("Bearer abc", "q=access_token", "abc"),
        ("", "access_token=one&access_token=two", "one"),
        (basic("abc:"), "", "abc"),
        (basic("abc:abc"), "", "abc"),
        (basic("abc:other"), "", ""),
        (basic("abc"), "", "abc"),
        (basic("abc:abc:abc"), "", ""),
        ("Basic ???", "", ""),
        ("Basic w6k", "", ""),
        ("Digest abc", "", ""),
        ("abc", "", ""),
    ],
)
def test_the_first_source_that_has_a_token_counts(
    authorization: str, query: str, expected: str
) -> None:
    headers = {b"authorization": authorization.encode()} if authorization else {}
    assert of_request(headers, query, {}, EVERY, COOKIE) == Credentials(expected)


def shown(*sources: TokenSource, without: str = "") -> tuple[str, bool]:
    """What a request that shows a token in every place shows."""
    headers = {
        b"authorization": b"" if without == "header" else b"Bearer bearer",
        b"cookie": b"a=b; directus-shop-session=cookie; directus-main-session=other",
    }
    found = of_request(headers, "access_token=query", {"access_token": "body"}, sources, COOKIE)
    return found.token, found.cookie


def test_every_source_can_be_switched_off() -> None:
    assert shown(*EVERY) == ("body", False)
    assert shown("query", "basic", "bearer", "cookie") == ("query", False)
    assert shown("basic", "bearer", "cookie") == ("bearer", False)
    assert shown("basic", "cookie") == ("cookie", True)
    assert shown("basic", "bearer", "cookie", without="header") == ("cookie", True)
    assert shown("basic") == ("", False)
    assert shown() == ("", False)


def test_basic_credentials_that_hold_no_token_hide_the_cookie() -> None:
    cases: tuple[tuple[str, tuple[TokenSource, ...], Credentials], ...] = (
        (basic("abc:other"), EVERY, Credentials("")),
        (basic("abc:other"), ("cookie",), Credentials("c", cookie=True)),
        ("Bearer", EVERY, Credentials("c", cookie=True)),
        ("Digest abc", EVERY, Credentials("c", cookie=True)),
    )
    for header, sources, expected in cases:
        headers = {b"authorization": header.encode(), b"cookie": b"directus-shop-session=c"}
        assert of_request(headers, "", {}, sources, COOKIE) == expected


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": 7}, {"a": "b"}])
def test_a_body_without_a_token_is_passed_over(body: dict[str, object]) -> None:
    assert of_request({}, "access_token=query", body, EVERY, COOKIE).token == "query"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("a=1", "a=1"),
        ("access_token=x", ""),
        ("a=1&access_token=x&b=2&access_token=y", "a=1&b=2"),
        ("q=access_token", "q=access_token"),
        ("my_access_token=x", "my_access_token=x"),
    ],
)
def test_the_query_goes_on_without_its_token(query: str, expected: str) -> None:
    assert without_token(query) == expected


def test_bytes_that_are_no_text_make_no_fault() -> None:
    headers = {b"authorization": b"Bearer \xff\xfe", b"cookie": b"\xff=\xfe; directus-shop-session"}
    found = of_request(headers, "access_token=%ff%00", {}, EVERY, COOKIE)
    assert found.token == "\ufffd\0"
    assert not storable(found.token)


@pytest.mark.parametrize(
    ("token", "expected"),
    [("a", True), ("é", True), ("", False), ("a\0", False), ("\udcff", False), ("a" * 256, False)],
)
def test_only_what_a_column_holds_is_looked_for(token: str, expected: bool) -> None:
    assert storable(token) is expected


def test_credentials_tell_themselves_apart() -> None:
    assert Credentials("a") == Credentials("a") != Credentials("a", cookie=True)
    assert hash(Credentials("a")) == hash(Credentials("a"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.9", "", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", ("10.0.0.1",), "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", ("10.0.0.0/8",), "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, nonsense", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", ("10.0.0.1",), "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1", ("nonsense", "10.0.0.1"), "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("::1", "2001:db8::1", ("::1",), "2001:db8::1"),
        ("", "198.51.100.1", ("10.0.0.1",), ""),
        ("/run/conductus.sock", "198.51.100.1", (), ""),
    ],
)
def test_the_client_is_the_right_most_hop_that_nobody_trusts(
    peer: str, forwarded: str, trusted: tuple[str, ...], expected: str
) -> None:
    assert client_ip(peer, forwarded, trusted) == expected


def test_addresses_that_one_client_can_choose_from_are_one() -> None:
    assert block_of("2001:db8::1") == block_of("2001:db8::ffff:2") != block_of("2001:db8:0:1::1")
    assert block_of("203.0.113.9") != block_of("203.0.113.8")
    assert block_of("") == ""
