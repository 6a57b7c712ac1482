"""Addresses of databases: every form that is taken, and what is said of the others."""

from __future__ import annotations

import ssl

import pytest

from conductus.database.opening import open_database
from conductus.database.url import DatabaseURL, parse
from conductus.errors import DatabaseUnreachable, DatabaseUnusable

GOOD = [
    ("sqlite:///data.db", DatabaseURL("sqlite", "data.db")),
    ("sqlite:////var/lib/data.db", DatabaseURL("sqlite", "/var/lib/data.db")),
    (
        "sqlite:///a/b.db?synchronous=full",
        DatabaseURL("sqlite", "a/b.db", options={"synchronous": "full"}),
    ),
    (
        "postgresql://ann:p%40ss@db.example:6432/shop",
        DatabaseURL("postgresql", "shop", "db.example", 6432, "ann", "p@ss"),
    ),
    ("postgres://ann@[::1]/shop", DatabaseURL("postgresql", "shop", "::1", None, "ann")),
    ("postgresql+asyncpg:///shop", DatabaseURL("postgresql", "shop")),
    (
        "postgresql:///shop?host=/run/postgresql",
        DatabaseURL("postgresql", "shop", options={"host": "/run/postgresql"}),
    ),
    ("mysql://root@127.0.0.1/shop", DatabaseURL("mysql", "shop", "127.0.0.1", None, "root")),
    (
        "mariadb://root@db/shop?charset=utf8mb4",
        DatabaseURL("mysql", "shop", "db", None, "root", options={"charset": "utf8mb4"}),
    ),
]
BAD = [
    ("", "cannot be understood"),
    ("shop.db", "cannot be understood"),
    ("postgresql://host:port/shop", "cannot be understood"),
    ("oracle://host/shop", "must begin with one of: mariadb, mysql, postgres, postgresql, sqlite"),
    ("sqlite://data.db", "three slashes"),
    ("sqlite://", "must be a file"),
    ("sqlite:///:memory:", "must be a file"),
    ("sqlite:///data.db?synchronous=off", "`normal` or `full`"),
    ("sqlite:///data%00.db", "NUL"),
    ("sqlite:///data.db?mode=ro", "takes no option 'mode'"),
    ("postgresql://host", "names no database"),
    ("postgresql://host/shop?options=-c%20x", "takes no option 'options'"),
    ("postgresql://host/shop?ssl=perhaps", "`ssl` must be one of"),
    ("postgresql://host/shop?ssl=require&ssl=disable", "given twice"),
    ("postgresql://host/shop?statement_cache_size=many", "must be a number"),
    ("mysql://host/shop?charset=latin1", "utf8mb4"),
    ("mysql://host/shop?ssl=prefer", "cannot prefer"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_an_address_is_taken_apart(text: str, expected: DatabaseURL) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_bad_address_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(DatabaseUnusable, match=sentence):
        parse(text)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "oracle", "mysql://x:y"])
def test_no_message_tells_the_password(scheme: str) -> None:
    text = f"{scheme}://ann:opensesame@host:9x/shop?ssl=odd"
    with pytest.raises(DatabaseUnusable) as caught:
        parse(text)
    assert "opensesame" not in repr(caught.value) + caught.value.message


def test_a_parsed_address_does_not_show_its_password() -> None:
    url = parse("mysql://ann:opensesame@host/shop")
    assert url.password == "opensesame"
    assert "opensesame" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    ("mode", "verifies", "names"),
    [
        ("require", ssl.CERT_NONE, False),
        ("true", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_encryption_proves_as_much_as_asked(
    mode: str, verifies: ssl.VerifyMode, names: bool
) -> None:
    context = parse(f"mysql://host/shop?ssl={mode}").tls_context()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (verifies, names)


@pytest.mark.parametrize("query", ["", "?ssl=disable", "?sslmode=false"])
def test_no_encryption_unless_asked(query: str) -> None:
    assert parse(f"mysql://host/shop{query}").tls_context() is None


def test_unreadable_certificates_are_said() -> None:
    with pytest.raises(DatabaseUnusable, match="ssl_ca"):
        parse("mysql://host/shop?ssl=verify-full&ssl_ca=/nowhere").tls_context()


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
async def test_nobody_at_the_address_is_unreachable(scheme: str) -> None:
    # Port 9 is "discard": nothing listens there.
    with pytest.raises(DatabaseUnreachable) as caught:
        await open_database(f"{scheme}://ann:opensesame@127.0.0.1:9/shop")
    assert "opensesame" not in caught.value.message
