"""How long a project keeps what nobody asks for any more."""

from __future__ import annotations

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError
from msgspec import Struct


class RetentionConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a project is swept, and what is old by then; None: never."""

    schedule: str = "17 3 * * *"
    """As cron states it, in UTC; empty: it is not swept."""
    activity_days: int | None = None
    """Of activity; comments stay."""
    revisions_days: int | None = None
    """Of revisions; no more than `activity_days`, and as many when it is not stated."""
    deliveries_days: int | None = 30
    """Of the log of webhooks."""
    parked_days: int | None = 30
    """Of mail, hooks and webhooks that failed for good."""
    files_days: int | None = None
    """Of content that no row speaks of."""

    def __post_init__(self) -> None:
        days = (self.activity_days, self.revisions_days, self.deliveries_days, self.parked_days)
        if any(each is not None and each < 1 for each in (*days, self.files_days)):
            raise ValueError("days must be 1 or more")
        if self.revisions_days is not None and self.revisions_days > (
            self.activity_days or self.revisions_days
        ):
            # Activity is what says when a revision was.
            raise ValueError("`revisions_days` must not be more than `activity_days`")
        if self.schedule:
            try:
                CronSim(self.schedule, datetime(2000, 1, 1, tzinfo=UTC))
            except CronSimError as error:
                raise ValueError(f"`schedule` is not what cron takes: {error}") from error

    @property
    def days_of_revisions(self) -> int | None:
        """How old revisions become."""
        return self.activity_days if self.revisions_days is None else self.revisions_days
