"""Plugins: what their authors use. A plugin is one callable that receives a `Registry`."""

from __future__ import annotations

from conductus.extensions.events import (
    AfterEvent,
    BeforeFile,
    BeforeSchemaChange,
    BeforeWrite,
    Boot,
    EventUnknown,
    Fault,
    ItemsRead,
    Response,
    SignIn,
)
from conductus.extensions.registry import Registry
from conductus.extensions.requests import Answer, CustomRequest
from conductus.extensions.services import Reading, Services

__all__ = [
    "AfterEvent",
    "Answer",
    "BeforeFile",
    "BeforeSchemaChange",
    "BeforeWrite",
    "Boot",
    "CustomRequest",
    "EventUnknown",
    "Fault",
    "ItemsRead",
    "Reading",
    "Registry",
    "Response",
    "Services",
    "SignIn",
]
