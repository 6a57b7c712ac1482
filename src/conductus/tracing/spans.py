"""Observations as spans, sent to a collector over OTLP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from conductus import __version__
from conductus.telemetry import Observation, ProjectOpened, RequestServed, SnapshotLoaded

_NANOSECONDS: Final = 1_000_000_000
_PATH: Final = "/v1/traces"
Attributes = Mapping[str, str | int]


class Spans:
    """Makes a span of each observation that says how long something took; an `Observer`.

    Open it with `with`: what is still to be sent is sent at the end.
    """

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the collector's address, without the path of traces."""
        resource = Resource.create({SERVICE_NAME: "conductus", SERVICE_VERSION: __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + _PATH)
        # Sent by a thread of its own, in batches; what it cannot hold is dropped.
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("conductus", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def __enter__(self) -> Spans:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._provider.shutdown()

    def __call__(self, observation: Observation, /) -> None:
        """Takes note."""
        match observation:
            case RequestServed():
                self._request(observation)
            case SnapshotLoaded(project=project, seconds=seconds):
                self._span("load snapshot", seconds, {"conductus.project": project})
            case ProjectOpened(project=project, seconds=seconds):
                self._span("open project", seconds, {"conductus.project": project})
            case _:
                return

    def _request(self, served: RequestServed) -> None:
        # Neither path nor query: keys of items and filters are nobody's business there.
        attributes: dict[str, str | int] = {
            "http.request.method": served.method,
            "http.response.status_code": served.status,
            "conductus.request_id": served.request_id,
        }
        if served.route:
            attributes["http.route"] = served.route
        if served.project is not None:
            attributes["conductus.project"] = served.project
        self._span(
            f"{served.method} {served.route}".rstrip(),
            served.seconds,
            attributes,
            kind=SpanKind.SERVER,
            context=self._propagator.extract({"traceparent": served.traceparent}),
            failed=served.status >= 500,
        )

    def _span(
        self,
        name: str,
        seconds: float,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        context: Context | None = None,
        failed: bool = False,
    ) -> None:
        end = time.time_ns()
        start = end - int(seconds * _NANOSECONDS)
        span = self._tracer.start_span(
            name, context=context, kind=kind, attributes=attributes, start_time=start
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)
