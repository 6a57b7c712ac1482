"""Functions that wait for events: what they are to the rooms that call them.

Which functions there are is said above this room, when a project is opened; the value is
never changed afterwards. Whoever raises an event asks `of` first, so that nothing is paid
for where nobody waits. Source: extensions page §2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from conductus.database.executor import Transaction
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.permissions.writing import Action
from conductus.schema.types.field_type import Plain

Moment = Literal["before", "now", "after"]
"""Before something is done, which may be stopped then; in the midst of what it is about;
after the commit, from the outbox."""


class Hook(Struct, frozen=True, kw_only=True, eq=False):
    """One function that waits for one event."""

    id: str
    """The same after a restart: what waits in the outbox names it."""
    event: str
    """`item.create`, without collection and moment."""
    moment: Moment
    about: str | None
    """What the event is narrowed to, a collection as a rule; None: anything."""
    call: Callable[[Any], Awaitable[Any]]
    """Bounded in time by whoever made it."""


class Hooks:
    """The functions of one project, by what they wait for. Immutable."""

    def __init__(
        self, hooks: Iterable[Hook] = (), checks: Mapping[str, Callable[[Any], bool]] | None = None
    ) -> None:
        """`checks` are rules that the `validation` of fields may name: `$iban`."""
        self.checks = dict(checks or {})
        self._all = tuple(hooks)
        self._events = frozenset((hook.event, hook.moment) for hook in self._all)
        self._by_id = {(hook.id, hook.event): hook for hook in self._all}

    def of(self, event: str, moment: Moment, name: str | None = None) -> tuple[Hook, ...]:
        """Who waits for the event about `name`, in the order in which they were registered."""
        if (event, moment) not in self._events:
            return ()
        return tuple(
            hook
            for hook in self._all
            if hook.event == event
            and hook.moment == moment
            and (hook.about is None or hook.about == name)
        )

    def waits(self, events: Iterable[str], moment: Moment) -> bool:
        """Whether anybody waits for one of the events at all."""
        return any((event, moment) in self._events for event in events)

    def find(self, id: str, event: str) -> Hook | None:
        """The function of that id; None when it is no longer there."""
        return self._by_id.get((id, event))


NO_HOOKS: Final = Hooks()
READ: Final = "item.read"
WRITES: Final[dict[Action, str]] = {
    Action.CREATE: "item.create",
    Action.UPDATE: "item.update",
    Action.DELETE: "item.delete",
}
"""The events of a write."""
FILES: Final = "directus_files"
KEEPS: Final[dict[Action, str]] = {
    Action.CREATE: "file.save",
    Action.UPDATE: "file.save",
    Action.DELETE: "file.delete",
}
"""The events of a write of files with which their content comes or goes."""


class Intended(Struct, frozen=True, kw_only=True):
    """A change of one item that is about to be made, as a before-hook gets it.

    What the hook answers takes the place of the payload; when it answers nothing, the
    payload is as the hook has left it. An `ApiError` that it raises stops the whole write.
    """

    event: str
    collection: str
    key: Plain
    """The text of a composite one; None for an item that is still to be made."""
    payload: Item
    """The hook's own copy; secrets are masked. Empty for a deletion."""
    context: Context
    transaction: Transaction


class Shown(Struct, frozen=True, kw_only=True):
    """Items of one collection that are about to be shown, as a hook of `item.read` gets them.

    All of one level at once. It changes them, or answers as many others in the same order.
    """

    collection: str
    items: list[Item]
    context: Context
