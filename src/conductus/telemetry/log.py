"""Observations as lines: this module alone decides what is written and how."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO, assert_never

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import asdict

from conductus.telemetry.observations import (
    ConfigurationRefused,
    ConfigurationTaken,
    Delivered,
    DeliveryFailed,
    DeliveryParked,
    MailLogged,
    Observation,
    PluginSkipped,
    ProjectClosed,
    ProjectOpened,
    ProjectUnavailable,
    RequestFailed,
    RequestServed,
    ServerStarted,
    ServerStopped,
    SignInRefused,
    SnapshotLoaded,
    StorageFailed,
    Swept,
    TaskFailed,
)
from conductus.telemetry.redaction import redacted

_WRITTEN_AT_ONCE = 4000
"""Characters: a pipe takes 4096 bytes in one piece, so that lines of workers do not mix."""
_SECONDS = len("2031-02-03T04:05:06")

Later = Callable[[Callable[[], None]], object]


class Log:
    """Writes observations as lines, for people (`console`) or for programs (`json`)."""

    def __init__(
        self, log_format: str, stream: TextIO | None = None, later: Later | None = None
    ) -> None:
        """`later` does something a moment from now; with it, lines of requests wait for others.

        Writing is a system call, which costs as much as many a request does otherwise.
        """
        self._stream = stream or sys.stderr
        self._later = later
        self._lines: list[str] = []
        self._size = 0
        self._clock = _Clock()
        self._request_line = _json_line if log_format == "json" else _console_line
        self._write = structlog.wrap_logger(
            # A line in one piece: other processes write to the same place.
            structlog.WriteLogger(stream or sys.stderr),
            processors=[*processors(self._clock), renderer(log_format, stream or sys.stderr)],
            wrapper_class=structlog.BoundLogger,
        )

    def __call__(self, observation: Observation) -> None:
        """Writes one line."""
        if isinstance(observation, RequestServed):
            # One for each request: making the line the general way costs more than many
            # a request does.
            self._add(self._request_line(observation, self._clock()))
            return
        self.flush()
        level, event, facts = _told(observation)
        getattr(self._write, level)(event, **facts)

    def flush(self) -> None:
        """Writes the lines that wait."""
        if self._lines:
            lines, self._lines, self._size = self._lines, [], 0
            self._stream.write("".join(lines))

    def _add(self, line: str) -> None:
        if self._size + len(line) > _WRITTEN_AT_ONCE:
            self.flush()
        self._lines.append(line)
        self._size += len(line)
        if self._later is None:
            self.flush()
        elif len(self._lines) == 1:
            self._later(self.flush)


def _told(observation: Observation) -> tuple[str, str, dict[str, Any]]:
    """Level, event and facts of the line."""
    match observation:
        case RequestFailed() | TaskFailed():
            facts = _known(observation)
            error = facts.pop("error")
            trace = "".join(traceback.format_exception(error))
            name = "request failed" if isinstance(observation, RequestFailed) else "task failed"
            return "error", name, facts | {"error": repr(error), "exception": trace}
        case RequestServed():
            return _level(observation), "request", _known(observation)
        case ProjectUnavailable():
            return "warning", "project unavailable", _known(observation)
        case ServerStarted():
            return "info", "server started", _known(observation)
        case ConfigurationTaken():
            return "info", "configuration taken", {}
        case ConfigurationRefused():
            return "error", "configuration refused", _known(observation)
        case ServerStopped():
            return "info", "server stopped", {}
        case ProjectOpened():
            return "info", "project opened", _known(observation)
        case ProjectClosed():
            return "info", "project closed", _known(observation)
        case SnapshotLoaded():
            return "info", "snapshot loaded", _known(observation)
        case Delivered():
            return "info", "delivered", _known(observation)
        case DeliveryFailed():
            return "warning", "delivery failed", _known(observation)
        case DeliveryParked():
            return "error", "delivery parked", _known(observation)
        case PluginSkipped():
            return "warning", "plugin skipped", _known(observation)
        case SignInRefused():
            return "warning", "sign in refused", _known(observation)
        case StorageFailed():
            return "error", "storage failed", _known(observation)
        case Swept():
            return "info", "swept", _known(observation)
        case MailLogged():
            return "info", "mail logged", _known(observation)
        case _:
            assert_never(observation)


def _json_line(served: RequestServed, timestamp: str) -> str:
    facts = asdict(served)
    del facts["route"], facts["traceparent"]
    facts |= {
        # A client may send bytes that are no text.
        "path": _shown(served.path).encode("utf-8", "backslashreplace").decode(),
        "seconds": round(served.seconds, 6),
        "level": _level(served),
        "timestamp": timestamp,
        "event": "request",
    }
    return msgspec.json.encode(facts).decode() + "\n"


def _console_line(served: RequestServed, timestamp: str) -> str:
    path = _shown(served.path)
    if "\\" in path or not (path.isascii() and path.isprintable()):
        # Whatever a client may put into its path stays on the line.
        path = path.encode("unicode_escape").decode()
    who = f" user={served.user}" if served.user else ""
    return (
        f"{timestamp} [{_level(served):<9}] request {served.method} {path} "
        f"{served.status} {served.seconds * 1000:.1f} ms ip={served.ip}{who} "
        f"request_id={served.request_id}\n"
    )


def _shown(path: str) -> str:
    # Looking for the words first is cheaper than three patterns.
    low = path.lower()
    suspect = "token" in low or "password" in low or "/invite/" in low or "://" in low or "%" in low
    return redacted(path) if suspect else path


def _level(served: RequestServed) -> str:
    return "error" if served.status >= 500 else "info"


class _Clock:
    """Tells the time as lines do. To spell it out takes longer than all the rest of a line."""

    def __init__(self) -> None:
        self._second = 0
        self._spelled = ""

    def __call__(self) -> str:
        second, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
        if second != self._second or not self._spelled:
            self._second = second
            self._spelled = datetime.fromtimestamp(second, UTC).isoformat()[:_SECONDS]
        return f"{self._spelled}.{milliseconds:03}Z"


def _known(observation: Struct) -> dict[str, Any]:
    return {name: value for name, value in asdict(observation).items() if value is not None}


def processors(clock: Callable[[], str] | None = None) -> list[Callable[..., Any]]:
    """What each event goes through on its way into a line."""
    tell = clock or _Clock()

    def stamp(_logger: object, _method: str, event: dict[str, Any]) -> Mapping[str, Any]:
        event["timestamp"] = tell()
        return event

    return [structlog.processors.add_log_level, stamp, _redact]


def _redact(_logger: object, _method: str, event: dict[str, Any]) -> Mapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redacted(value)
        elif isinstance(value, float):
            event[name] = round(value, 6)
    return event


def renderer(log_format: str, stream: TextIO) -> Callable[..., Any]:
    """What makes the line."""
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())
