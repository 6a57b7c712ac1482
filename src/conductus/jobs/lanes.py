"""How many errands are done at once, and how many of one kind. Pure.

Errands of one kind wait for the same thing: a mail server, a receiver of webhooks. One that
hangs must not hold the others back, so no kind gets all the room, and one that failed gets
the least until it is well again.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

AT_ONCE: Final = 32
OF_ONE_KIND: Final = 8


class Lanes:
    """What one worker has under way for one project."""

    def __init__(self) -> None:
        self._busy: Counter[str] = Counter()
        self._sick: set[str] = set()

    @property
    def room(self) -> int:
        """How many more may be begun."""
        return AT_ONCE - self._busy.total()

    @property
    def full(self) -> tuple[str, ...]:
        """The kinds of which no more may be begun; fewer than `AT_ONCE`, or as many."""
        return tuple(kind for kind in self._busy if not self.takes(kind))

    def takes(self, kind: str) -> bool:
        """Whether one more of a kind may be begun."""
        most = 1 if kind in self._sick else OF_ONE_KIND
        return self.room > 0 and self._busy[kind] < most

    def begin(self, kind: str) -> None:
        """One of a kind is under way."""
        self._busy[kind] += 1

    def end(self, kind: str) -> None:
        """One of a kind is over."""
        self._busy[kind] -= 1
        if not self._busy[kind]:
            del self._busy[kind]

    def fared(self, kind: str, *, well: bool) -> None:
        """How the latest of a kind went."""
        if well:
            self._sick.discard(kind)
        else:
            self._sick.add(kind)
