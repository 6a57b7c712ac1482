"""Who is told of observations."""

from __future__ import annotations

from typing import Protocol

from conductus.telemetry.observations import Observation


class Observer(Protocol):
    """Is told what happened. Never raises, never waits."""

    def __call__(self, observation: Observation, /) -> None:
        """Takes note."""
        ...


def silent(observation: Observation) -> None:
    """An observer for commands and tests that need none."""


def all_of(*observers: Observer) -> Observer:
    """An observer that tells each of several."""

    def tell(observation: Observation) -> None:
        for observer in observers:
            observer(observation)

    return tell
