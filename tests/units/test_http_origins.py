"""Which pages may make a browser use its cookie. Reference: authentication §6.2, CSRF."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.config import CorsConfig
from conductus.http.origins import may_use_cookies

NOBODY = CorsConfig()
NAMED = CorsConfig(origin=("*", "https://app.example"))


@pytest.mark.parametrize(
    ("origin", "host", "secure", "allowed"),
    [
        ("https://cms.example", "cms.example", True, True),
        ("https://cms.example:443", "cms.example", True, True),
        ("https://cms.example", "cms.example:443", True, True),
        ("https://CMS.example", "cms.EXAMPLE", True, True),
        ("https://cms.example:8443", "cms.example", True, False),
        ("https://cms.example", "cms.example:8443", True, False),
        # Whoever can forge pages in the clear must not reach what came over HTTPS …
        ("http://cms.example", "cms.example", True, False),
        # … and behind a proxy only the page knows that it did.
        ("https://cms.example", "cms.example", False, True),
        ("http://cms.example", "cms.example", False, True),
        ("http://127.0.0.1:8055", "127.0.0.1:8055", False, True),
        ("http://[::1]:8055", "[::1]:8055", False, True),
        ("http://[::1]:8055", "[::2]:8055", False, False),
        ("http://localhost:8055", "127.0.0.1:8055", False, False),
        ("https://cms.example.evil.example", "cms.example", True, False),
        ("https://evilcms.example", "cms.example", True, False),
        ("https://evil.example/cms.example", "cms.example", True, False),
        ("https://evil.example\\@cms.example", "cms.example", True, False),
        ("ftp://cms.example", "cms.example", False, False),
        ("file://", "", False, False),
        ("null", "cms.example", False, False),
        ("", "cms.example", False, False),
        ("https://", "", False, False),
        ("https://[::1", "[::1", False, False),
        ("https://cms.example:x", "cms.example:x", False, False),
        ("https://cms.example:99999", "cms.example:99999", False, False),
    ],
)
def test_a_page_of_the_server_itself(origin: str, host: str, secure: bool, allowed: bool) -> None:
    assert may_use_cookies(origin, None, host, NOBODY, secure=secure) is allowed


@pytest.mark.parametrize(
    ("origin", "config", "allowed"),
    [
        ("https://app.example", NAMED, True),
        ("https://app.example:443", NAMED, False),
        ("http://app.example", NAMED, False),
        ("https://other.example", NAMED, False),
        ("*", NAMED, False),
        ("https://app.example", NOBODY, False),
        ("https://app.example", CorsConfig(enabled=False, origin=("https://app.example",)), False),
    ],
)
def test_a_page_that_is_named(origin: str, config: CorsConfig, allowed: bool) -> None:
    assert may_use_cookies(origin, None, "cms.example", config, secure=True) is allowed


@pytest.mark.parametrize(
    ("referer", "allowed"),
    [
        ("https://cms.example/admin/?a=b#c", True),
        ("https://app.example/x", True),
        ("https://evil.example/https://cms.example/", False),
        ("https://cms.example@evil.example/", False),
        ("https://cms.example:pass@evil.example/", False),
        ("//cms.example/", False),
        ("/admin", False),
        ("about:blank", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_without_an_origin_the_referrer_tells(referer: str | None, allowed: bool) -> None:
    assert may_use_cookies(None, referer, "cms.example", NAMED, secure=True) is allowed


@given(st.text(), st.text(), st.text())
def test_no_text_does_more_than_being_refused(origin: str, referer: str, host: str) -> None:
    may_use_cookies(origin, referer, host, NAMED, secure=True)
    may_use_cookies(None, referer, host, NAMED, secure=False)
