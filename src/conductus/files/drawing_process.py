"""A process that draws: orders come in on standard input, pictures go out on standard output.

`python -m conductus.files.drawing_process MEMORY_MIB NICENESS`. Whatever a picture does to
its decoder, it does it here: the process holds no secret, its memory is bounded, it gives
way to the server, and it can be killed. It ends when its input does.
"""

from __future__ import annotations

import resource
import sys
from typing import BinaryIO, Final

import msgspec
from PIL import Image

from conductus.apart import be_bounded
from conductus.files.drawing import Undrawable, draw
from conductus.files.orders import LENGTH, Answered, Asked

_MIB: Final = 1024 * 1024
_FILES: Final = 64


def main(memory_mib: int, niceness: int) -> None:
    """Draws until there are no more orders."""
    be_bounded(memory_bytes=memory_mib * _MIB, niceness=niceness, files=_FILES)
    orders, pictures = sys.stdin.buffer, sys.stdout.buffer
    while length := orders.read(LENGTH):
        asked = msgspec.json.decode(orders.read(int.from_bytes(length)), type=Asked)
        _take_time(asked.seconds)
        Image.MAX_IMAGE_PIXELS = asked.order.pixels
        answer, picture = _drawn(orders, asked)
        head = msgspec.json.encode(answer)
        pictures.write(len(head).to_bytes(LENGTH) + head)
        pictures.write(picture)
        pictures.flush()


def _drawn(orders: BinaryIO, asked: Asked) -> tuple[Answered, bytes]:
    try:
        picture = draw(orders.read(asked.size), asked.order)
    except Undrawable as problem:
        return Answered(problem=str(problem)), b""
    return Answered(len(picture)), picture


def _take_time(seconds: int) -> None:
    """Ends this process when it has used so many more seconds of the processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
