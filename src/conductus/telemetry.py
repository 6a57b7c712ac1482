"""What is worth telling, as values, and how it becomes a log line.

Whoever sees something hands an `Observation` to an `Observer`; `Log` alone decides what is
written and how. Nothing secret is written: tokens are taken out of paths and texts.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO, assert_never
from urllib.parse import unquote

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import asdict

HIDDEN = "***"
WRITTEN_AT_ONCE = 4000
"""Characters: a pipe takes 4096 bytes in one piece, so that lines of workers do not mix."""
_SECRET_PARAMETERS = frozenset({"access_token", "token", "super_admin_token", "password"})
_PARAMETER = re.compile(r"([^=&?#;\s]+)=([^&#\s]+)")
_TOKEN_IN_PATH = re.compile(r"(/(?:invite|password/reset)/)[^/?\s]+")
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]*@")


class ServerStarted(Struct, frozen=True):
    """The server listens."""

    address: str
    workers: int


class ConfigurationTaken(Struct, frozen=True):
    """Workers with the new settings take the place of the old ones."""


class ConfigurationRefused(Struct, frozen=True):
    """The new settings cannot be used; the old ones stay."""

    reason: str


class ServerStopped(Struct, frozen=True):
    """The server has answered its last request."""


class ProjectOpened(Struct, frozen=True):
    """A worker has connected to a project's database."""

    project: str
    seconds: float


class ProjectClosed(Struct, frozen=True):
    """A worker has let a project go."""

    project: str


class ProjectUnavailable(Struct, frozen=True):
    """A project could not be opened or looked at."""

    project: str
    reason: str


class SnapshotLoaded(Struct, frozen=True):
    """A worker has taken a new look at a project's schema and settings."""

    project: str
    version: int
    collections: int
    seconds: float


class RequestServed(Struct, frozen=True, kw_only=True):
    """A request was answered."""

    request_id: str
    method: str
    path: str
    """With its query string; tokens are taken out when it is written."""
    status: int
    seconds: float
    ip: str = ""
    project: str | None = None
    user: int | None = None
    route: str = ""
    """The pattern that it matched; what counts requests goes by it, no line has it."""
    traceparent: str = ""
    """Whose part it is, as the client says (W3C Trace Context); no line has it either."""


class RequestFailed(Struct, frozen=True, kw_only=True):
    """A request met a fault of the server."""

    request_id: str
    method: str
    path: str
    error: BaseException
    project: str | None = None


class TaskFailed(Struct, frozen=True):
    """Work in the background met a fault."""

    task: str
    error: BaseException


class Delivered(Struct, frozen=True):
    """An errand of the outbox was done."""

    project: str
    kind: str
    errand: str
    attempt: int


class DeliveryFailed(Struct, frozen=True):
    """An errand failed and is tried again later."""

    project: str
    kind: str
    errand: str
    attempt: int
    problem: str


class DeliveryParked(Struct, frozen=True):
    """An errand failed for good; its row stays for a while."""

    project: str
    kind: str
    errand: str
    attempt: int
    problem: str


class Swept(Struct, frozen=True):
    """What a project keeps no longer was removed."""

    project: str
    what: str
    removed: int
    seconds: float


class PluginSkipped(Struct, frozen=True):
    """A plugin that the server can do without could not be loaded."""

    plugin: str
    problem: str


class SignInRefused(Struct, frozen=True):
    """A provider of single sign-on could not be asked, or did not answer as it must."""

    project: str
    provider: str
    problem: str


class StorageFailed(Struct, frozen=True):
    """The storage of a project did not do what it was asked."""

    project: str
    key: str
    problem: str


class MailLogged(Struct, frozen=True):
    """A letter, written here because mail is not sent."""

    project: str
    to: str
    subject: str
    text: str


Observation = (
    ServerStarted
    | ServerStopped
    | ConfigurationTaken
    | ConfigurationRefused
    | ProjectOpened
    | ProjectClosed
    | ProjectUnavailable
    | SnapshotLoaded
    | RequestServed
    | RequestFailed
    | TaskFailed
    | Delivered
    | DeliveryFailed
    | DeliveryParked
    | MailLogged
    | PluginSkipped
    | SignInRefused
    | StorageFailed
    | Swept
)


Later = Callable[[Callable[[], None]], object]


class Observer(Protocol):
    """Is told what happened. Never raises, never waits."""

    def __call__(self, observation: Observation, /) -> None:
        """Takes note."""
        ...


def silent(observation: Observation) -> None:
    """An observer for commands and tests that need none."""


def all_of(*observers: Observer) -> Observer:
    """An observer that tells each of several."""

    def tell(observation: Observation) -> None:
        for observer in observers:
            observer(observation)

    return tell


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
        self._request_line = _json_line if log_format == "json" else _console_line
        self._write = structlog.wrap_logger(
            # A line in one piece: other processes write to the same place.
            structlog.WriteLogger(stream or sys.stderr),
            processors=[*processors(), renderer(log_format, stream or sys.stderr)],
            wrapper_class=structlog.BoundLogger,
        )

    def __call__(self, observation: Observation) -> None:
        """Writes one line."""
        if isinstance(observation, RequestServed):
            # One for each request: making the line the general way costs more than many
            # a request does.
            self._add(self._request_line(observation))
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
        if self._size + len(line) > WRITTEN_AT_ONCE:
            self.flush()
        self._lines.append(line)
        self._size += len(line)
        if self._later is None:
            self.flush()
        elif len(self._lines) == 1:
            self._later(self.flush)


def redacted(text: str) -> str:
    """The text without the tokens and passwords that a URL may carry."""
    text = _PARAMETER.sub(_parameter, text)
    text = _TOKEN_IN_PATH.sub(rf"\1{HIDDEN}", text)
    return _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)


def _parameter(found: re.Match[str]) -> str:
    # A client may write any letter of the name as its code.
    secret = unquote(found[1]).lower() in _SECRET_PARAMETERS
    return f"{found[1]}={HIDDEN}" if secret else found[0]


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


def _json_line(served: RequestServed) -> str:
    facts = asdict(served)
    del facts["route"], facts["traceparent"]
    facts |= {
        # A client may send bytes that are no text.
        "path": _shown(served.path).encode("utf-8", "backslashreplace").decode(),
        "seconds": round(served.seconds, 6),
        "level": _level(served),
        "timestamp": _timestamp(),
        "event": "request",
    }
    return msgspec.json.encode(facts).decode() + "\n"


def _console_line(served: RequestServed) -> str:
    # Whatever a client may put into its path stays on the line.
    path = _shown(served.path).encode("unicode_escape").decode()
    who = f" user={served.user}" if served.user else ""
    return (
        f"{_timestamp()} [{_level(served):<5}] request {served.method} {path} "
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


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _known(observation: Struct) -> dict[str, Any]:
    return {name: value for name, value in asdict(observation).items() if value is not None}


def processors() -> list[Callable[..., Any]]:
    """What each event goes through on its way into a line."""
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]


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
