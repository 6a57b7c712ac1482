"""Which statements are too slow for the event loop, remembered for a while."""

from __future__ import annotations

from time import perf_counter

INLINE_SECONDS = 0.002
"""How long a series of statements may keep the event loop to itself."""

_NOTICED_SECONDS = 0.05
_QUICK_SECONDS = 0.001
_REMEMBERED_SECONDS = 10.0
_MOST = 256


class SlowStatements:
    """A bounded memory of statement texts. A table may shrink, so it forgets.

    It was perhaps the machine that was slow, with others' work or its disk: what is quick
    in a thread is forgotten at once.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __contains__(self, sql: str) -> bool:
        if not self._until:
            return False
        until = self._until.get(sql)
        if until is None:
            return False
        if until > perf_counter():
            return True
        del self._until[sql]
        return False

    def add(self, sql: str) -> None:
        """Remembers a statement that was stopped."""
        self._until.pop(sql, None)
        self._until[sql] = perf_counter() + _REMEMBERED_SECONDS
        if len(self._until) > _MOST:
            del self._until[next(iter(self._until))]

    def judge(self, sql: str, seconds: float) -> None:
        """Remembers a statement that took long without being stopped, or forgets a quick one."""
        if seconds > _NOTICED_SECONDS:
            self.add(sql)
        elif self._until and seconds < _QUICK_SECONDS:
            self._until.pop(sql, None)
