"""A session of the published JavaScript client."""

from __future__ import annotations

from typing import Any

from tests.node.packages import lines

Steps = dict[str, Any]
"""Name of a step → what the client's call returned, or `Failed`."""


class Failed(tuple[int, str]):
    """Code and message of an error, as the client tells them."""


def session(*arguments: str) -> Steps:
    """Runs the session to its end; what each step gave."""
    taken = lines("session.cjs", *arguments)
    steps = {line["step"]: _outcome(line) for line in taken}
    assert len(steps) == len(taken), "two steps have the same name"
    return steps


def _outcome(line: dict[str, Any]) -> Any:
    if "gave" in line:
        return line["gave"]
    return Failed((int(line["failed"]["code"]), line["failed"]["message"]))
