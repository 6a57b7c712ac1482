"""Where a token is looked for, and where a request comes from. Reference: authentication §2, §8."""

from __future__ import annotations

from base64 import b64encode

import pytest

from conductus.auth.address import block_of, client_ip
from conductus.auth.credentials import Credentials, of_request, presented, storable


def basic(pair: str) -> str:
    return "Basic " + b64encode(pair.encode()).decode()


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
    assert presented(of_request(headers, query)) == expected


def test_bytes_that_are_no_text_make_no_fault() -> None:
    shown = presented(of_request({b"authorization": b"Bearer \xff\xfe"}, "access_token=%ff%00"))
    assert shown == "\ufffd\0"
    assert not storable(shown)


@pytest.mark.parametrize(
    ("token", "expected"),
    [("a", True), ("é", True), ("", False), ("a\0", False), ("\udcff", False), ("a" * 256, False)],
)
def test_only_what_a_column_holds_is_looked_for(token: str, expected: bool) -> None:
    assert storable(token) is expected


def test_credentials_tell_themselves_apart() -> None:
    assert Credentials("Bearer a") == Credentials("Bearer a") != Credentials("", "a")
    assert hash(Credentials("Bearer a")) == hash(Credentials("Bearer a"))


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
