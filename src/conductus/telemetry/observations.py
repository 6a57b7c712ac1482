"""What is worth telling, as values; who sees it hands one to an `Observer`."""

from __future__ import annotations

from msgspec import Struct


class ServerStarted(Struct, frozen=True):
    """The server listens."""

    address: str
    workers: int


class ConfigurationTaken(Struct, frozen=True):
    """Workers with the new settings take the place of the old ones."""


class ConfigurationRefused(Struct, frozen=True):
    """The new settings cannot be used; the old ones stay."""

    reason: str


class ServerStopped(Struct, frozen=True):
    """The server has answered its last request."""


class ProjectOpened(Struct, frozen=True):
    """A worker has connected to a project's database."""

    project: str
    seconds: float


class ProjectClosed(Struct, frozen=True):
    """A worker has let a project go."""

    project: str


class ProjectUnavailable(Struct, frozen=True):
    """A project could not be opened or looked at."""

    project: str
    reason: str


class SnapshotLoaded(Struct, frozen=True):
    """A worker has taken a new look at a project's schema and settings."""

    project: str
    version: int
    collections: int
    seconds: float


class RequestServed(Struct, frozen=True, kw_only=True):
    """A request was answered."""

    request_id: str
    method: str
    path: str
    """With its query string; tokens are taken out when it is written."""
    status: int
    seconds: float
    ip: str = ""
    project: str | None = None
    user: int | None = None
    route: str = ""
    """The pattern that it matched; what counts requests goes by it, no line has it."""
    traceparent: str = ""
    """Whose part it is, as the client says (W3C Trace Context); no line has it either."""


class RequestFailed(Struct, frozen=True, kw_only=True):
    """A request met a fault of the server."""

    request_id: str
    method: str
    path: str
    error: BaseException
    project: str | None = None


class TaskFailed(Struct, frozen=True):
    """Work in the background met a fault."""

    task: str
    error: BaseException


class Delivered(Struct, frozen=True):
    """An errand of the outbox was done."""

    project: str
    kind: str
    errand: str
    attempt: int


class DeliveryFailed(Struct, frozen=True):
    """An errand failed and is tried again later."""

    project: str
    kind: str
    errand: str
    attempt: int
    problem: str


class DeliveryParked(Struct, frozen=True):
    """An errand failed for good; its row stays for a while."""

    project: str
    kind: str
    errand: str
    attempt: int
    problem: str


class Swept(Struct, frozen=True):
    """What a project keeps no longer was removed."""

    project: str
    what: str
    removed: int
    seconds: float


class PluginSkipped(Struct, frozen=True):
    """A plugin that the server can do without could not be loaded."""

    plugin: str
    problem: str


class SignInRefused(Struct, frozen=True):
    """A provider of single sign-on could not be asked, or did not answer as it must."""

    project: str
    provider: str
    problem: str


class StorageFailed(Struct, frozen=True):
    """The storage of a project did not do what it was asked."""

    project: str
    key: str
    problem: str


class MailLogged(Struct, frozen=True):
    """A letter, written here because mail is not sent."""

    project: str
    to: str
    subject: str
    text: str


Observation = (
    ServerStarted
    | ServerStopped
    | ConfigurationTaken
    | ConfigurationRefused
    | ProjectOpened
    | ProjectClosed
    | ProjectUnavailable
    | SnapshotLoaded
    | RequestServed
    | RequestFailed
    | TaskFailed
    | Delivered
    | DeliveryFailed
    | DeliveryParked
    | MailLogged
    | PluginSkipped
    | SignInRefused
    | StorageFailed
    | Swept
)
