"""What is worth telling, as values, and how it becomes a log line.

Whoever sees something hands an `Observation` to an `Observer`; `Log` alone decides what is
written and how. Nothing secret is written: tokens are taken out of paths and texts.
"""

from __future__ import annotations

from conductus.telemetry.log import Log, processors, renderer
from conductus.telemetry.observations import (
    ConfigurationRefused,
    ConfigurationTaken,
    Delivered,
    DeliveryFailed,
    DeliveryParked,
    MailLogged,
    Observation,
    PluginSkipped,
    ProjectClosed,
    ProjectOpened,
    ProjectUnavailable,
    RequestFailed,
    RequestServed,
    ServerStarted,
    ServerStopped,
    SignInRefused,
    SnapshotLoaded,
    StorageFailed,
    Swept,
    TaskFailed,
)
from conductus.telemetry.observers import Observer, all_of, silent
from conductus.telemetry.redaction import redacted

__all__ = [
    "ConfigurationRefused",
    "ConfigurationTaken",
    "Delivered",
    "DeliveryFailed",
    "DeliveryParked",
    "Log",
    "MailLogged",
    "Observation",
    "Observer",
    "PluginSkipped",
    "ProjectClosed",
    "ProjectOpened",
    "ProjectUnavailable",
    "RequestFailed",
    "RequestServed",
    "ServerStarted",
    "ServerStopped",
    "SignInRefused",
    "SnapshotLoaded",
    "StorageFailed",
    "Swept",
    "TaskFailed",
    "all_of",
    "processors",
    "redacted",
    "renderer",
    "silent",
]
