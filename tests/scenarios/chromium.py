"""A real browser without a window, asked over the protocol of its own tools."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.databases import SkipReason, in_ci

PATIENCE_SECONDS = 60.0
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-port=0"),
)


class Tab:
    """One page, and every address that it asked for."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.addresses: list[str] = []
        self.troubles: list[str] = []
        """What the page complained about."""

    def command(self, method: str, **params: Any) -> Any:
        """What the browser answers."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._heard(message)

    def open(self, address: str) -> None:
        """Goes there, remembering what is asked for from now on."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.command(f"{domain}.enable")
        # Workers ask for things too.
        flat = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}
        self.command("Target.setAutoAttach", **flat)
        self.command("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What the page's own JavaScript says."""
        found = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Returns what is true when it is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.value(expression)):
            assert time.monotonic() < deadline, (expression, self.troubles)
            time.sleep(0.05)
        return found

    def write(self, text: str) -> None:
        """In place of all that stands where the cursor is."""
        self._press("a", 65, modifiers=2)
        self.command("Input.insertText", text=text)
        # An editor may have closed a bracket that was closed already.
        self._press("Delete", 46)

    def _press(self, key: str, code: int, **more: Any) -> None:
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key,
                         windowsVirtualKeyCode=code, **more)  # fmt: skip

    def _heard(self, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.addresses.append(message["params"]["request"]["url"])
            case "Target.attachedToTarget":
                self.addresses.append(message["params"]["targetInfo"]["url"])
            case "Runtime.exceptionThrown":
                self.troubles.append(json.dumps(message["params"]))
            case "Log.entryAdded" if message["params"]["entry"]["level"] != "verbose":
                self.troubles.append(json.dumps(message["params"]))


@contextmanager
def chromium(folder: Path) -> Iterator[Tab]:
    """A tab of a browser that has its profile in the folder."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if binary is None:
        if in_ci():
            pytest.fail(SkipReason.CHROMIUM_NOT_FOUND, pytrace=False)
        pytest.skip(SkipReason.CHROMIUM_NOT_FOUND)
    process = subprocess.Popen(
        [binary, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            with connect(_tab(process), max_size=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=PATIENCE_SECONDS)
            process.kill()


def _tab(process: subprocess.Popen[str]) -> str:
    """Where the first tab listens, as the browser says when it is up."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        found = re.search(r"DevTools listening on ws://([^/]+)/", line)
        if found is not None:
            with urllib.request.urlopen(f"http://{found[1]}/json/list") as answer:
                tabs = json.load(answer)
            return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
    raise AssertionError("".join(said))
