"""Attributes that are worked out when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """`functools.cached_property` without its lock, which Python has dropped in 3.12.

    One request is worked on by one task: the lock is taken for nothing, and each time.
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> T:
        """Its value, which stands in the instance from now on and hides this."""
        value = instance.__dict__[self._name] = self._work_out(instance)
        return value
