"""Calls to addresses that a user gave lead to public servers, or to none.

Everything is tried on a server that listens on loopback, where nobody has business: what it
hears is what came through.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
import pytest
from msgspec import Struct, field

from conductus.outgoing.addresses import Allowed
from conductus.outgoing.client import (
    AddressRefused,
    AnswerEncoded,
    AnswerTooLarge,
    Resolve,
    guarded,
    trusted,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

REFUSED = (
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1"),
    *("127.255.255.254", "168.63.129.16", "169.254.1.1", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1"),
    *("198.51.100.7", "203.0.113.9", "224.0.0.1", "224.0.1.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1"),
    *("ff0e::1", "100::1", "2001:db8::1", "5f00::1"),
    # The same in disguise: mapped, compatible, NAT64 (both), 6to4, Teredo, ISATAP.
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    *("2600::5efe:7f00:1", "2600::200:5efe:a00:1"),
)
PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"),
    *("64:ff9b::808:808", "2002:808:808::1"),
)

HOSTS = (
    *("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "0.0.0.0", "0", "127.1"),
    *("2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1."),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"),
    *("[0:0:0:0:0:0:0:1]", "example.com@127.0.0.1", "example.com:80@127.0.0.1"),
    *(
        "example.com%40127.0.0.1@127.0.0.1",
        "ⓛocalhost",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
    ),
)
"""Spellings of this machine; a library may refuse some, and none may come through."""

SCHEMES = ("file:///etc/passwd", "ftp://{here}/", "gopher://{here}/", "ws://{here}/", "//{here}/")


class Listener(Struct):
    """What stands on loopback."""

    answer: bytes
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(answer: bytes = OK) -> AsyncIterator[Listener]:
    listener = Listener(answer)
    # On both families, so that no spelling is harmless for want of a listener.
    async with await asyncio.start_server(listener.meet, "127.0.0.1", 0) as server:
        listener.port = server.sockets[0].getsockname()[1]
        async with await asyncio.start_server(listener.meet, "::1", listener.port):
            yield listener


def found(**hosts: Sequence[str]) -> Resolve:
    """A resolver that knows these, and answers otherwise each time that it is asked."""
    left = {name.replace("_", "."): list(addresses) for name, addresses in hosts.items()}

    async def resolve(host: str, port: int) -> Sequence[str]:
        return (left[host].pop(0),)

    return resolve


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_refused(address: str) -> None:
    assert not Allowed().address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address: str) -> None:
    assert Allowed().address(address)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("64:ff9b::a01:203", True),
        ("2002:a01:203::", True),
        ("fd00::1", True),
        ("fd01::1", False),
    ],
)
def test_the_operator_allows_networks(address: str, allowed: bool) -> None:
    assert Allowed(("10.1.0.0/16", "fd00::/64")).address(address) is allowed


def test_the_operator_allows_hosts() -> None:
    allowed = Allowed(("Hooks.internal.",))
    assert allowed.host("hooks.INTERNAL")
    assert not allowed.host("more.hooks.internal")
    assert not allowed.address("10.0.0.1")


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_this_machine_comes_through(host: str) -> None:
    name, at, rest = host.rpartition("@")
    async with listening() as there, httpx2.AsyncClient(**guarded(Allowed())) as client:
        with pytest.raises((httpx2.TransportError, httpx2.InvalidURL)):
            await client.get(f"http://{name}{at}{rest}:{there.port}/")
        assert there.heard == []


async def test_names_that_nobody_answers_for_hold_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        answered.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    async with httpx2.AsyncClient(**guarded(Allowed())) as client:
        calls = [asyncio.ensure_future(client.get(f"http://n{n}.test/")) for n in range(64)]
        try:
            # All of them have come to where they wait.
            for _ in range(1000):
                await asyncio.sleep(0)
            # Others have work for threads too: files that come in, to begin with.
            async with asyncio.timeout(10):
                assert await asyncio.to_thread(lambda: not answered.is_set())
        finally:
            answered.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(one) for one in found} == {httpx2.ConnectError}


@pytest.mark.parametrize("url", SCHEMES)
async def test_no_other_scheme_comes_through(url: str) -> None:
    async with listening() as there, httpx2.AsyncClient(**guarded(Allowed())) as client:
        with pytest.raises((httpx2.TransportError, httpx2.InvalidURL)):
            await client.get(url.format(here=f"127.0.0.1:{there.port}"))
        assert there.heard == []


@pytest.mark.parametrize("word", ["127.0.0.0/8", "127.0.0.1", "localhost"])
async def test_what_the_operator_allows_comes_through(word: str) -> None:
    host = "localhost" if word == "localhost" else "127.0.0.1"
    async with listening() as there, httpx2.AsyncClient(**guarded(Allowed((word,)))) as client:
        answer = await client.get(f"http://{host}:{there.port}/")
        assert (answer.status_code, answer.text, len(there.heard)) == (200, "ok", 1)


async def test_what_the_operator_named_is_called_wherever_it_is() -> None:
    async with listening() as there, httpx2.AsyncClient(**trusted()) as client:
        assert (await client.get(f"http://127.0.0.1:{there.port}/")).text == "ok"


async def test_one_bad_address_among_good_ones_refuses_the_host() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ("8.8.8.8", "127.0.0.1")

    async with httpx2.AsyncClient(**guarded(Allowed(), resolve=resolve)) as client:
        with pytest.raises(AddressRefused):
            await client.get("http://mixed.example/")


async def test_a_name_that_changes_its_answer_gains_nothing() -> None:
    """DNS rebinding: what was judged is what is connected to, and a second look is judged too."""
    allowed = Allowed(("127.0.0.1",))
    resolve = found(rebinding_example=["127.0.0.1", "::1"])
    async with (
        listening() as there,
        httpx2.AsyncClient(**guarded(allowed, resolve=resolve)) as client,
    ):
        url = f"http://rebinding.example:{there.port}/"
        assert (await client.get(url)).text == "ok"
        with pytest.raises(AddressRefused):
            await client.get(url)
        assert len(there.heard) == 1


async def test_a_host_is_tried_by_all_its_addresses() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ("127.0.0.9", "::1")

    allowed = Allowed(("127.0.0.0/8", "::1"))
    async with (
        listening() as there,
        httpx2.AsyncClient(**guarded(allowed, resolve=resolve)) as client,
    ):
        assert (await client.get(f"http://two.example:{there.port}/")).text == "ok"


async def test_a_name_that_nobody_knows_is_an_error_of_connecting() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("unknown")

    async with httpx2.AsyncClient(**guarded(Allowed(), resolve=resolve)) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get("http://nowhere.example/")


async def test_redirections_are_not_followed_unasked_and_judged_when_asked() -> None:
    async with listening() as inside:
        url = f"http://secret.example:{inside.port}/"
        moved = f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()
        resolve = found(front_example=["127.0.0.1"] * 2, secret_example=["::1"])
        async with listening(moved) as front:
            options = guarded(Allowed(("127.0.0.1",)), resolve=resolve)
            async with httpx2.AsyncClient(**options) as client:
                first = f"http://front.example:{front.port}/"
                assert (await client.get(first)).status_code == 302
                with pytest.raises(AddressRefused):
                    await client.get(first, follow_redirects=True)
        assert inside.heard == []


async def test_redirections_have_an_end() -> None:
    async with listening(b"") as there:
        url = f"http://127.0.0.1:{there.port}/"
        there.answer = (
            f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        async with httpx2.AsyncClient(**guarded(Allowed(("127.0.0.1",)))) as client:
            with pytest.raises(httpx2.TooManyRedirects):
                await client.get(url, follow_redirects=True)
        assert len(there.heard) == 6


async def test_answers_have_a_size() -> None:
    body = b"x" * 100_000
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
    async with listening(answer) as there:
        url = f"http://127.0.0.1:{there.port}/"
        allowed = Allowed(("127.0.0.1",))
        async with httpx2.AsyncClient(**guarded(allowed, largest=100_000)) as client:
            assert (await client.get(url)).content == body
        async with httpx2.AsyncClient(**guarded(allowed, largest=99_999)) as client:
            with pytest.raises(AnswerTooLarge):
                await client.get(url)


async def test_answers_are_not_blown_up() -> None:
    bomb = gzip.compress(b"x" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with listening(head + bomb) as there, httpx2.AsyncClient(**trusted()) as client:
        with pytest.raises(AnswerEncoded):
            await client.get(f"http://127.0.0.1:{there.port}/")
        assert b"accept-encoding: identity" in there.heard[0].lower()


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as there, listening() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with httpx2.AsyncClient(**guarded(Allowed(("127.0.0.1",)))) as client:
            await client.get(f"http://127.0.0.1:{there.port}/")
        assert (len(there.heard), proxy.heard) == (1, [])
