"""What the server and the processes that draw say to each other.

A message is the length of its head (four bytes, big-endian), the head (JSON), and as many
bytes as the head says. The server does not load what decodes pictures.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from conductus.files.variants import Focus, Format, Shape

LENGTH: Final = 4


class Order(Struct, frozen=True, kw_only=True):
    """What is to be drawn of the content that comes with it."""

    shape: Shape
    format: Format
    focus: Focus | None = None
    pixels: int
    """Most pixels of the source, of all its frames together."""


class Asked(Struct, frozen=True):
    """The head of an order; the source follows."""

    order: Order
    size: int
    seconds: int
    """Of the processor, at most."""


class Answered(Struct, frozen=True):
    """The head of an answer; the picture follows unless there is a problem."""

    size: int = 0
    problem: str | None = None
