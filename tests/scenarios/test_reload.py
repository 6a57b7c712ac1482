"""New settings without a pause: SIGHUP. Source: projects and server page, §5."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx2

from tests.postbox import eventually
from tests.scenarios.binary import serving

TOKEN = "a token of its own"
SHOWN = {"authorization": f"Bearer {TOKEN}"}


class Caller:
    """Asks again and again, with a connection for each request; keeps what went wrong."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self.answered = 0
        self.wrong: list[str] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Caller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            try:
                answer = httpx2.get(self._url, timeout=30)
            except httpx2.HTTPError as error:
                self.wrong.append(repr(error))
                continue
            self.answered += 1
            if answer.status_code != 200:
                self.wrong.append(answer.text)


async def test_new_settings_are_taken_without_losing_a_request(tmp_path: Path) -> None:
    settings = tmp_path / "conductus.toml"
    with serving("--data", tmp_path) as server:
        metrics = f"{server.url}/server/metrics"

        def opened() -> bool:
            return httpx2.get(metrics, headers=SHOWN, timeout=30).status_code == 200

        assert not opened()
        with Caller(f"{server.url}/server/projects") as caller:
            # What cannot be used is told, and changes nothing.
            settings.write_text("colour = 1\n")
            server.process.send_signal(signal.SIGHUP)
            await eventually(lambda: "configuration refused" in "".join(server.err))
            assert "colour" in "".join(server.err)

            settings.write_text(f'[metrics]\ntoken = "{TOKEN}"\n')
            server.process.send_signal(signal.SIGHUP)
            await eventually(lambda: "configuration taken" in "".join(server.err))
            await eventually(opened)
            # Both workers answer for a while; then it is the new one alone.
            before = caller.answered
            await eventually(lambda: caller.answered > before + 50 and opened())
        assert caller.wrong == []
        assert server.stop() == 0
