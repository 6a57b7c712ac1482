"""What becomes a log line, and what must never stand in one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from conductus.telemetry import (
    Log,
    Observation,
    ProjectOpened,
    ProjectUnavailable,
    RequestFailed,
    RequestServed,
    ServerStopped,
    TaskFailed,
    redacted,
)


def written(observation: Observation) -> dict[str, Any]:
    stream = io.StringIO()
    Log("json", stream)(observation)
    line: dict[str, Any] = json.loads(stream.getvalue())
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is UTC
    return line


def served(**facts: Any) -> RequestServed:
    stated = RequestServed(request_id="r1", method="GET", path="/", status=200, seconds=0.0015)
    return structs.replace(stated, **facts)


@pytest.mark.parametrize(
    ("observation", "line"),
    [
        (
            served(project="main", user=3),
            {
                "level": "info",
                "event": "request",
                "request_id": "r1",
                "method": "GET",
                "path": "/",
                "status": 200,
                "seconds": 0.0015,
                "ip": "",
                "project": "main",
                "user": 3,
            },
        ),
        (
            ProjectOpened("main", 0.1234567891),
            {"level": "info", "event": "project opened", "project": "main", "seconds": 0.123457},
        ),
        (
            ProjectUnavailable("main", "away"),
            {
                "level": "warning",
                "event": "project unavailable",
                "project": "main",
                "reason": "away",
            },
        ),
        (ServerStopped(), {"level": "info", "event": "server stopped"}),
    ],
)
def test_an_observation_is_one_line(observation: Observation, line: dict[str, Any]) -> None:
    assert written(observation) == line


def test_a_request_line_hides_what_a_client_spells_in_codes() -> None:
    assert written(served(path="/p/x?%74oken=abc"))["path"] == "/p/x?%74oken=***"


def test_bytes_that_are_no_text_are_written_as_codes() -> None:
    path = b"/p/items/\xff?q=\xed".decode("utf-8", "surrogateescape")
    assert written(served(path=path))["path"] == "/p/items/\\udcff?q=\\udced"


def test_an_answer_that_is_our_fault_is_an_error() -> None:
    assert written(served(status=503))["level"] == "error"


def test_a_fault_brings_its_traceback_and_the_request() -> None:
    try:
        raise ValueError("at /x?access_token=abc")
    except ValueError as error:
        failed = RequestFailed(request_id="r1", method="GET", path="/x?token=abc", error=error)
        task = TaskFailed("watch main", error)
    line = written(failed)
    assert (line["request_id"], line["path"], line["level"]) == ("r1", "/x?token=***", "error")
    assert "test_telemetry.py" in line["exception"]
    assert "abc" not in json.dumps(line)
    assert written(task)["task"] == "watch main"


def test_the_console_form_is_for_people() -> None:
    stream = io.StringIO()
    Log("console", stream)(served(path="/main/items/a?access_token=abc"))
    (line,) = stream.getvalue().splitlines()
    assert "request" in line
    assert "/main/items/a?access_token=***" in line
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/p/items/a?access_token=abc", "/p/items/a?access_token=***"),
        ("/p/items/a?x=1&ACCESS_TOKEN=abc&y=2", "/p/items/a?x=1&ACCESS_TOKEN=***&y=2"),
        ("/p/items/a?acc%65ss_%74oken=abc", "/p/items/a?acc%65ss_%74oken=***"),
        ("/server/info?super_admin_token=a%20b", "/server/info?super_admin_token=***"),
        ("/p/users/invite/eyJ.a.b?x=1", "/p/users/invite/***?x=1"),
        ("mysql://root:hush@127.0.0.1/d", "mysql://root:***@127.0.0.1/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("/p/items/tokens?filter[a]=1", "/p/items/tokens?filter[a]=1"),
    ],
)
def test_secrets_are_taken_out(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_a_line_is_written_in_one_piece() -> None:
    """Several processes write to one place, and where nothing is buffered, at once."""
    pieces: list[str] = []

    class Pieces(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    for log_format in ("console", "json"):
        Log(log_format, Pieces())(ServerStopped())
    assert [piece.count("\n") for piece in pieces] == [1, 1]
    assert all(piece.endswith("\n") for piece in pieces)


def test_lines_of_requests_wait_for_others_and_for_nothing_else() -> None:
    stream, waiting = io.StringIO(), list[Callable[[], None]]()
    log = Log("json", stream, waiting.append)
    for number in range(3):
        log(served(request_id=f"r{number}"))
    assert (stream.getvalue(), len(waiting)) == ("", 1)
    log(ServerStopped())
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["request", "request", "request", "server stopped"]
    waiting.pop()()
    assert len(stream.getvalue().splitlines()) == 4
    log(served(request_id="last"))
    waiting.pop()()
    assert '"last"' in stream.getvalue().splitlines()[-1]


def test_no_more_lines_are_written_at_once_than_a_pipe_takes_in_one_piece() -> None:
    pieces: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str, /) -> int:
            pieces.append(text)
            return len(text)

    log = Log("console", Stream(), lambda _: None)
    for number in range(100):
        log(served(path=f"/{'x' * number}"))
    log.flush()
    assert sum(piece.count("\n") for piece in pieces) == 100
    assert 2 < len(pieces) < 20
    assert all(len(piece.encode()) <= 4096 and piece.endswith("\n") for piece in pieces)
