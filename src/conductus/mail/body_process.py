"""A process that renders one body: a `Body` as JSON comes in, its text goes out.

`python -m conductus.mail.body_process`. A template that cannot be rendered is told by the exit
code alone.
"""

from __future__ import annotations

import sys
from typing import Final

import msgspec
from minijinja import Environment, TemplateError

from conductus.apart import be_bounded
from conductus.mail.bodies import CPU_SECONDS, LONGEST_CONTENT, MEMORY_BYTES, Body
from conductus.mail.templates import FUEL

_NICENESS: Final = 5


def main() -> int:
    """Renders what it is told."""
    be_bounded(memory_bytes=MEMORY_BYTES, niceness=_NICENESS, seconds=CPU_SECONDS)
    body = msgspec.json.decode(sys.stdin.buffer.read(), type=Body)
    environment = Environment(fuel=FUEL, auto_escape_callback=lambda _: body.html)
    try:
        content = environment.render_str(body.template, "body", **body.data)
    except (TemplateError, TypeError, MemoryError):
        return 1
    # One more than is taken tells that it is too much.
    sys.stdout.buffer.write(content[: LONGEST_CONTENT + 1].encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
