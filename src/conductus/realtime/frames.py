"""Server-Sent Events as bytes. Source: the HTML standard, section 9.2."""

from __future__ import annotations

from typing import Any, Final, assert_never

import msgspec

from conductus.realtime.places import sealed
from conductus.realtime.signals import Beat, Ended, Opened, Signal, Told

CONTENT_TYPE: Final = b"text/event-stream; charset=utf-8"
BEGIN: Final = b"retry: 2000\n\n"
"""The first bytes, which make every proxy pass on that it has begun."""
_encode: Final = msgspec.json.Encoder(decimal_format="string").encode


def frame(signal: Signal, key: str) -> bytes:
    """One signal; `key` is the project's secret."""
    match signal:
        case Told():
            if signal.sent is None:
                signal.sent = _event(signal.event, _data(signal), sealed(signal.place, key))
            return signal.sent
        case Beat():
            # Without data it is no event: the client keeps the place, and tells nobody.
            return f": still here\nid: {sealed(signal.place, key)}\n\n".encode()
        case Opened():
            word = "reset" if signal.missed else "open"
            return _event(word, {}, sealed(signal.place, key))
        case Ended():
            if signal.reason is None:
                return _event("end", {})
            reason = {"code": signal.reason.code, "message": signal.reason.message}
            return _event("end", {"error": reason})
        case _:
            assert_never(signal)


def _data(told: Told) -> dict[str, Any]:
    data = {"event": told.event, "collection": told.collection, "key": told.key}
    return data if told.item is None else {**data, "item": told.item}


def _event(name: str, data: dict[str, Any], place: str | None = None) -> bytes:
    # JSON has no line breaks outside of strings, and escapes those within.
    head = f"event: {name}\n" if place is None else f"id: {place}\nevent: {name}\n"
    return head.encode() + b"data: " + _encode(data) + b"\n\n"
