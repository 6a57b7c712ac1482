"""A door between a server and its database that can be shut, and whose lines can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url


class Gate:
    """Passes bytes on to a database; `shut` refuses new lines, `cut` breaks the open ones."""

    def __init__(self, host: str, port: int) -> None:
        self._beyond = (host, port)
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self.port = 0
        self.passed = 0
        """Lines that were let through."""
        self.open()

    def open(self) -> None:
        """Lets new lines in, at the same port as ever."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(50)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._start(self._let_in, listener)

    def shut(self) -> None:
        """Refuses new lines and cuts the open ones: the database is away."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone would leave the thread waiting.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self) -> None:
        """Breaks every open line in the midst of whatever it carries."""
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Shuts the door for good."""
        self.shut()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _let_in(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._beyond)
                with self._lock:
                    self._lines |= {near, far}
                    self.passed += 1
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while part := source.recv(1 << 16):
                target.sendall(part)
        except OSError:
            pass
        finally:
            for line in (source, target):
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._lines.discard(source)
            source.close()


@contextmanager
def gate(url: str) -> Iterator[tuple[Gate, str]]:
    """A gate before the database at `url`, and the address that leads through it."""
    address = make_url(url)
    assert address.host is not None
    ports = {"postgresql": 5432, "mysql": 3306}
    door = Gate(address.host, address.port or ports[address.get_backend_name()])
    try:
        through = address.set(host="127.0.0.1", port=door.port)
        yield door, through.render_as_string(hide_password=False)
    finally:
        door.close()
