"""The server over a real port: what HTTP allows, what it answers, what it logs.

Reference: errors; authentication §8, CORS; projects and server §1; security, "Operations".
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.binary import Running
from tests.scenarios.test_cli import wait_until_idle
from tests.scenarios.wire import Wire, dialogue, heard, install, served

CLOSE = b"Host: a\r\nConnection: close\r\n"
JSON = CLOSE + b"Content-Type: application/json\r\n"
LOGIN = b"POST /main/auth/authenticate HTTP/1.1\r\n"
SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
}
PATIENT = "CONDUCTUS_CLIENT_SECONDS"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    install(f"sqlite:///{folder / 'main.db'}", folder)
    rules = (
        '\n[cors]\norigin = ["https://good.example"]\ncredentials = true\n'
        'exposed_headers = ["X-Request-Id"]\nheaders = ["X-Own"]\nmax_age = 600\n'
    )
    install(f"sqlite:///{folder / 'strict.db'}", folder, "strict")
    with (folder / "projects" / "strict.toml").open("a") as file:
        file.write(rules)
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[tuple[Running, Wire]]:
    """A server that waits two seconds for its clients."""
    with served(folder, **{PATIENT: "2"}) as (server, wire):
        yield server, wire


@pytest.fixture
def wire(running: tuple[Running, Wire]) -> Iterator[Wire]:
    with closing(running[1].another()) as wire:
        yield wire


def status(said: bytes) -> int:
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", said)
    assert found is not None, said[:200]
    return int(found[1])


def head(line: bytes, *headers: bytes) -> bytes:
    return line + b" HTTP/1.1\r\n" + CLOSE + b"".join(headers) + b"\r\n"


# -- requests as they may come --------------------------------------------------------

REQUESTS = {
    "the project's page": (head(b"GET /main/"), 200),
    "the project's page without a slash": (head(b"GET /main"), 200),
    "two slashes at the end": (head(b"GET /main//"), 404),
    "nothing between slashes": (head(b"GET //"), 404),
    "two slashes first": (head(b"GET //main/"), 404),
    "an empty name": (head(b"GET /main/items/"), 404),
    "a path with its host": (head(b"GET http://elsewhere.example/main/"), 200),
    "a path of 60 000 characters": (head(b"GET /main/items/" + b"a" * 60_000), 404),
    "a path of 30 000 segments": (head(b"GET /main/" + b"a/" * 30_000), 404),
    "a query of 60 000 characters": (head(b"GET /main/?" + b"a=b&" * 15_000), 200),
    "200 headers": (head(b"GET /main/", *(b"X-%d: a\r\n" % n for n in range(200))), 431),
    "a header that is no text": (head(b"GET /main/", b"Authorization: Bearer \xff\xfe\r\n"), 200),
    "an origin that is no text": (head(b"GET /main/", b"Origin: \xe9\r\n"), 200),
    "NUL in the path": (head(b"GET /main/items/a\0b"), 400),
    "NUL in the path, encoded": (head(b"GET /main/items/a%00b"), 422),
    "bytes that are no text in the path": (head(b"GET /main/items/\xff"), 400),
    "bytes that are no text in the path, encoded": (head(b"GET /main/items/%ff"), 422),
    "bytes that are no text in the query, encoded": (head(b"GET /main/users?a=%ff"), 401),
    "an unknown method": (head(b"BREW /main/"), 405),
    "TRACE": (head(b"TRACE /main/"), 405),
    "OPTIONS of everything": (head(b"OPTIONS *"), 200),
    "HTTP/1.0": (b"GET /server/ping HTTP/1.0\r\n\r\n", 200),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "a body without end": (LOGIN + JSON + b"Content-Length: 100\r\n\r\n{}", 400),
    "a body longer than it says": (LOGIN + JSON + b"Content-Length: 2\r\n\r\n{}GET /", 422),
    "a negative length": (LOGIN + JSON + b"Content-Length: -1\r\n\r\n{}", 400),
    "two lengths": (LOGIN + JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "a length that is no number": (LOGIN + JSON + b"Content-Length: 2e1\r\n\r\n{}", 400),
    "chunks without a size": (LOGIN + JSON + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "a chunk of endless size": (
        LOGIN + JSON + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        400,
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_whatever_comes_is_answered(wire: Wire, name: str) -> None:
    sent, expected = REQUESTS[name]
    said = dialogue(wire.port, sent, ends=name == "a body without end")
    assert status(said) == expected, said[:500]
    assert b"Traceback" not in said
    # And it serves on.
    assert wire.request("GET", "/server/ping").body == b"pong"


def test_a_path_may_be_written_in_utf8(wire: Wire) -> None:
    said = dialogue(wire.port, head("GET /main/items/é".encode(), bearer(wire)))
    assert "There is no collection 'é'" in said.decode()


def test_http_2_is_not_spoken(wire: Wire) -> None:
    assert dialogue(wire.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == b""


def test_http_1_0_gets_a_whole_answer_and_the_end(wire: Wire) -> None:
    said = dialogue(wire.port, b"GET /main/ HTTP/1.0\r\n\r\n")
    top, _, body = said.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in top.lower()
    assert json.loads(body)["public"] is True


def test_requests_may_come_in_a_row(wire: Wire) -> None:
    ping = b"GET /server/ping HTTP/1.1\r\nHost: a\r\n\r\n"
    said = dialogue(wire.port, ping * 20 + head(b"GET /server/ping"))
    assert said.count(b"HTTP/1.1 200 OK") == 21


@pytest.mark.parametrize("path", ["/main/", "/main/users", "/nope/", "/server/ping", "/main/nope"])
def test_head_is_get_without_a_body(wire: Wire, path: str) -> None:
    got, headed = wire.request("GET", path), wire.request("HEAD", path)
    assert headed.body == b""
    assert headed.status == got.status
    for name in ("content-length", "content-type", "cache-control", "vary"):
        assert headed.headers.get(name) == got.headers.get(name)


# -- sizes ----------------------------------------------------------------------------

MOST = 16 * 1024 * 1024


def test_a_body_that_says_to_be_too_large_is_refused_unread(wire: Wire) -> None:
    said = dialogue(wire.port, LOGIN + JSON + b"Content-Length: %d\r\n\r\n" % (MOST + 1))
    assert status(said) == 413
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["details"] == {"limit": MOST}


def test_a_body_in_chunks_is_refused_when_it_becomes_too_large(wire: Wire) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), 30) as line:
        line.sendall(LOGIN + JSON + b"Transfer-Encoding: chunked\r\n\r\n")
        # More is never sent: whoever waited for the end would wait in vain.
        for _ in range(17):
            line.sendall(b"100000\r\n%s\r\n" % (b" " * 0x100000))
        assert status(heard(line)) == 413


# -- slow clients -----------------------------------------------------------------------


def test_a_body_that_does_not_come_is_given_up(wire: Wire) -> None:
    said = dialogue(wire.port, LOGIN + JSON + b"Content-Length: 9\r\n\r\n{")
    assert status(said) == 408
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == 2


def test_a_head_that_does_not_end_is_given_up(wire: Wire) -> None:
    assert dialogue(wire.port, b"GET /main/ HTTP/1.1\r\nHost: a\r\nX-A: ") == b""


def test_a_connection_that_is_not_used_is_closed(wire: Wire) -> None:
    ping = b"GET /server/ping HTTP/1.1\r\nHost: a\r\n\r\n"
    assert status(dialogue(wire.port, ping)) == 200


def test_who_dawdles_hinders_nobody(wire: Wire) -> None:
    starts = (b"", b"GET / HTTP/1.1\r\nX-A", LOGIN + JSON + b"Content-Length: 9\r\n\r\n{")
    with ExitStack() as stack:
        for _ in range(100):
            for start in starts:
                line = socket.create_connection(("127.0.0.1", wire.port), 30)
                stack.enter_context(line)
                line.sendall(start)
            assert wire.afresh("GET", "/server/ping").status == 200


def test_who_does_not_read_gives_the_database_back(wire: Wire) -> None:
    key = {"field": "id", "type": "integer", "datatype": "INT", "length": 11}
    fields = [
        {**key, "primary_key": True, "auto_increment": True, "interface": "numeric"},
        {"field": "text", "type": "string", "datatype": "TEXT", "interface": "textarea"},
    ]
    assert wire.ask("POST", "/collections", {"collection": "long", "fields": fields}).status == 200
    rows = [{"text": "x" * 100_000}] * 40
    for _ in range(4):
        assert wire.ask("POST", "/items/long?fields=id", rows).status == 200
    request = b"GET /main/items/long?limit=-1 HTTP/1.1\r\nHost: a\r\n" + bearer(wire) + b"\r\n"
    with ExitStack() as stack:
        for _ in range(12):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            line.connect(("127.0.0.1", wire.port))
            line.sendall(request)
            assert line.recv(15) == b"HTTP/1.1 200 OK"
        # On a line of its own: the first has waited longer than this server does, perhaps.
        assert wire.afresh("GET", "/main/items/long?limit=-1&fields=id").status == 200
        # What was broken off is seen to be: the last chunk never came.
        line.settimeout(30)
        assert not heard(line).endswith(b"0\r\n\r\n")
    assert len(wire.afresh("GET", "/main/items/long?limit=-1&fields=id").data) == 160


def test_who_hangs_up_leaves_no_trace_but_a_line(running: tuple[Running, Wire], wire: Wire) -> None:
    for sent in (
        LOGIN + JSON + b"Content-Length: 9\r\n\r\n{",
        b"GET /main/users?limit=-1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /main/us",
    ):
        with socket.create_connection(("127.0.0.1", wire.port)) as line:
            line.sendall(sent)
    wait_until_idle(wire.url)
    assert not [line for line in running[0].err if "exception" in line]


# -- headers and logs -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/main/"),
        ("GET", "/main/users"),
        ("GET", "/nope/"),
        ("GET", "/main/nope/nope"),
        ("BREW", "/main/items/nope"),
        ("OPTIONS", "/nope/items"),
        ("GET", "/server/ping"),
        ("GET", "/server/nope"),
        ("GET", "/"),
    ],
)
def test_safe_headers_are_on_every_answer(wire: Wire, method: str, path: str) -> None:
    answer = wire.request(method, path)
    for name, value in SAFE.items():
        assert answer.headers[name] == value
    assert "Origin" in answer.headers["vary"].split(", ")
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


def test_the_id_of_a_request_is_in_answer_error_and_log(
    running: tuple[Running, Wire], wire: Wire
) -> None:
    answers = [
        wire.request("GET", path)
        for path in ("/main/", "/main/items/nope", "/nope/", "/server/ping", "/server/nope", "/")
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    for answer in answers:
        if answer.status >= 400:
            assert answer.json["error"]["request_id"] == answer.headers["x-request-id"]
    lines = {line["request_id"]: line for line in logged(running[0], wire) if "request_id" in line}
    for answer, name in zip(answers, ids, strict=True):
        assert lines[name]["status"] == answer.status
        assert lines[name]["ip"] == "127.0.0.1"


def test_every_line_of_the_log_is_json_and_holds_no_token(
    running: tuple[Running, Wire], wire: Wire
) -> None:
    canary = "Canary-token-of-a-url"
    for path in (
        f"/main/users?access_token={canary}",
        f"/main/users?%61ccess_token={canary}&a=%ff",
        f"/nope/?ACCESS_TOKEN={canary}",
        f"/main/invite/{canary}",
        f"/main/auth/password/reset/{canary}",
        f"/server/info?super_admin_token={canary}",
        "/main/items/%0a%22%7b",
    ):
        wire.afresh("GET", path)
    wire.afresh("POST", "/main/auth/authenticate", {"email": "a@b.c", "password": canary})
    lines = logged(running[0], wire)
    assert len([line for line in lines if line["event"] == "request"]) > 8
    assert canary not in "".join(running[0].err)
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)


# -- CORS -------------------------------------------------------------------------------

GOOD, EVIL = "https://good.example", "https://evil.example"
ALLOW = "access-control-allow-"


def cors(wire: Wire, method: str, path: str, origin: str | None) -> dict[str, str]:
    headers = {} if origin is None else {"origin": origin}
    found = wire.request(method, path, None, **headers).headers
    assert found["vary"] == "Origin"
    return {name: value for name, value in found.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/main/", "/main/nope", "/nope/", "/server/ping"])
def test_everybody_may_read_what_needs_no_cookie(wire: Wire, path: str) -> None:
    assert cors(wire, "GET", path, EVIL) == {f"{ALLOW}origin": EVIL}
    assert cors(wire, "GET", path, None) == {f"{ALLOW}origin": "*"}


@pytest.mark.parametrize("path", ["/strict/", "/strict/nope", "/strict/users"])
def test_credentials_are_for_listed_origins_alone(wire: Wire, path: str) -> None:
    told = {
        f"{ALLOW}origin": GOOD,
        f"{ALLOW}credentials": "true",
        "access-control-expose-headers": "X-Request-Id",
    }
    assert cors(wire, "GET", path, GOOD) == told
    assert cors(wire, "GET", path, EVIL) == {}
    assert cors(wire, "GET", path, None) == {}
    assert cors(wire, "OPTIONS", path, EVIL) == {}
    assert cors(wire, "OPTIONS", path, GOOD) == {
        **told,
        f"{ALLOW}methods": "GET, POST, PUT, PATCH, DELETE, HEAD, SEARCH",
        f"{ALLOW}headers": "X-Directus-Project, Content-Type, Authorization, X-Own",
        "access-control-max-age": "600",
    }


@pytest.mark.parametrize("path", ["/main/", "/main/nope/nope", "/nope/items/x", "/server/ping"])
def test_a_preflight_is_answered_for_any_path(wire: Wire, path: str) -> None:
    answer = wire.request("OPTIONS", path, None, origin=EVIL)
    assert (answer.status, answer.body) == (200, b"")
    assert cors(wire, "OPTIONS", path, EVIL) == {
        f"{ALLOW}origin": EVIL,
        f"{ALLOW}methods": "GET, POST, PUT, PATCH, DELETE, HEAD, SEARCH",
        f"{ALLOW}headers": "X-Directus-Project, Content-Type, Authorization",
    }


def test_a_query_in_a_body(wire: Wire) -> None:
    found = wire.ask("SEARCH", "/users", {"fields": ["id"], "filter": {"id": 1}})
    assert found.data == [{"id": 1}]
    assert found.headers["cache-control"] == "private, no-store"
    assert wire.ask("SEARCH", "/users", {}, **{"if-none-match": "*"}).status == 200


# -- many connections -------------------------------------------------------------------


def test_idle_connections_by_the_hundred(folder: Path, tmp_path: Path) -> None:
    # A data folder serves one server at a time.
    install(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    with served(tmp_path) as (_, wire), ExitStack() as stack:
        lines = [stack.enter_context(closing(wire.another())) for _ in range(1100)]
        for line in lines:
            line.connection.connect()
        # The last to come is served, and so is the first.
        assert lines[-1].request("GET", "/server/ping").status == 200
        assert lines[0].ask("GET", "/users").status == 200


def bearer(wire: Wire) -> bytes:
    return b"Authorization: Bearer " + wire.token.encode() + b"\r\n"


def logged(server: Running, wire: Wire) -> list[dict[str, Any]]:
    """Every line of the log until now."""
    last = wire.request("GET", "/server/ping").headers["x-request-id"]
    while not any(last in line for line in list(server.err)):
        assert server.process.poll() is None
    return [json.loads(line) for line in list(server.err)]
