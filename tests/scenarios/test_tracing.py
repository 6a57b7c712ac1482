"""Spans, as a collector gets them over OTLP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from conductus.config import ServerConfig, TracingConfig
from tests.scenarios.forked import conductus
from tests.scenarios.shop import live

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """A server that keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.paths: set[str] = set()
        self.port = 0

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            found.take(self.path, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_requests_become_spans_of_the_callers_trace(
    collector: Collector, tmp_path: Path
) -> None:
    tracing = TracingConfig(endpoint=f"http://127.0.0.1:{collector.port}/")
    config = ServerConfig(tracing=tracing)
    async with live(f"sqlite:///{tmp_path}/main.db", tmp_path / "data", config=config) as world:
        told = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        answer = await world.ask("GET", "/users/1?fields=email", headers=told)
        assert answer.status_code == 200
        await world.ask("GET", "/users/1", headers={"traceparent": "nonsense"})
    assert collector.paths == {"/v1/traces"}
    followed, alone = collector.named("GET users/{id}")
    assert followed.trace_id.hex() == TRACE
    assert followed.parent_span_id.hex() == PARENT
    assert alone.trace_id.hex() not in ("", TRACE)
    assert not alone.parent_span_id
    assert followed.kind == Span.SPAN_KIND_SERVER
    assert followed.status.code == Status.STATUS_CODE_UNSET
    assert 0 < followed.end_time_unix_nano - followed.start_time_unix_nano < 60e9
    assert attributes(followed) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "users/{id}",
        "conductus.project": "main",
        "conductus.request_id": answer.headers["x-request-id"],
    }
    assert len(collector.named("open project")) == 1
    assert collector.named("load snapshot")


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    done = conductus("start", "--data", tmp_path, CONDUCTUS_TRACING__ENDPOINT="collector:4318")
    assert (done.code, "must begin with https://" in done.complaint) == (1, True)
