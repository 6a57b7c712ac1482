"""Sends what happened to those who want to know, and keeps what came of it.

A receiver has some seconds for its answer, whose status alone counts: 2xx is success,
a redirection is not followed. Source: extensions page §4.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import httpx2
import msgspec

from conductus.database.statements import StatementCache
from conductus.errors import DuplicateValue, ThingNotFound, Unprocessable
from conductus.jobs.claims import Claim
from conductus.jobs.delivery import PAUSES, Undeliverable
from conductus.outgoing.client import AddressRefused, AnswerEncoded, AnswerTooLarge
from conductus.projects.events import Event, told
from conductus.projects.outbox import Errand
from conductus.projects.project import Project
from conductus.projects.webhooks import Webhook, webhook_of
from conductus.webhooks import secrets
from conductus.webhooks.deliveries import Deliveries, Outcome, State
from conductus.webhooks.messages import Sent, message, secret_of, shown

SECONDS: Final = 15.0
"""For one try."""
LARGEST_ANSWER: Final = 64 * 1024
_PURGE_EACH: Final = 100
_GONE: Final = 410
_AGAIN: Final = "delivery"
"""Says in an errand which delivery is made again."""
_NEVER: Final = (AddressRefused, httpx2.UnsupportedProtocol, httpx2.InvalidURL)
"""What trying again does not mend."""


class Unheard(Exception):
    """A receiver did not take the message this time."""


class Sender:
    """Webhooks of every project."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        """`client` calls where users say, as `outgoing.client.guarded` makes them."""
        self._client = client
        self._logs: StatementCache[Deliveries] = StatementCache(64)
        self._noted = 0

    async def deliver(self, project: Project, claim: Claim, now: datetime) -> None:
        """Tells a receiver; one that is gone or inactive is not told."""
        webhook = (await project.current()).webhooks.find(webhook_of(claim.kind))
        if webhook is None:
            return
        happened = told(claim.payload)
        sent = message(
            happened,
            webhook.method,
            project.config.webhooks.format,
            await self._secrets(project, webhook.id, now),
            now,
        )
        outcome = await self._sent(webhook, sent, last=claim.attempt > len(PAUSES))
        await self._note(
            project, claim.payload.get(_AGAIN) or claim.id, webhook, happened, outcome, now
        )
        if outcome.state == "failed":
            raise Undeliverable(outcome.problem)
        if outcome.state != "delivered":
            raise Unheard(outcome.problem)

    async def listed(
        self, project: Project, webhook: int, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """The latest deliveries of a webhook."""
        return await self._log(project).listed(project.database, webhook, limit, offset)

    async def found(self, project: Project, webhook: int, delivery: str) -> dict[str, Any]:
        """A delivery, with what was told. Raises `ThingNotFound`."""
        row, happened = await self._find(project, webhook, delivery)
        return {**row, "payload": msgspec.to_builtins(happened)}

    async def resend(
        self, project: Project, webhook: int, delivery: str, now: datetime
    ) -> dict[str, Any]:
        """Makes a delivery again; its receiver can tell by the message's id.

        Raises `ThingNotFound`, `Unprocessable` for a webhook that is not active.
        """
        row, happened = await self._find(project, webhook, delivery)
        active = (await project.current()).webhooks.find(webhook)
        if active is None:
            raise Unprocessable("The webhook is not active, or its row tells nobody")
        again = {**msgspec.to_builtins(happened), _AGAIN: delivery}
        async with project.database.transaction() as transaction:
            if not await self._log(project).pending(transaction, delivery):
                raise _unknown(delivery)
            await project.outbox.put(transaction, [Errand(active.errands, again)], now)
        project.outbox.ring()
        return {**row, "state": "pending"}

    async def new_secret(self, project: Project, webhook: int, now: datetime) -> str:
        """Another secret for a webhook; the former one counts for a day.

        Raises `Unprocessable` when somebody else asks at the same time.
        """
        try:
            async with project.database.transaction() as transaction:
                dialect = project.database.dialect
                salt = await secrets.renewed(transaction, dialect, webhook, now)
        except DuplicateValue as error:
            raise Unprocessable("Somebody else has just asked for it") from error
        return shown(secret_of(project.config.auth.secret_key, webhook, salt))

    # -- one try --------------------------------------------------------------------

    async def _sent(self, webhook: Webhook, sent: Sent, *, last: bool) -> Outcome:
        began = time.monotonic()
        status, problem, final = await self._status(webhook, sent)
        state: State = "failed" if final or last else "failing"
        if problem is None:
            state = "delivered"
        spent = int((time.monotonic() - began) * 1000)
        return Outcome(state=state, status=status, problem=problem, milliseconds=spent)

    async def _status(self, webhook: Webhook, sent: Sent) -> tuple[int | None, str | None, bool]:
        """What was answered, what is wrong with it, and whether that is final."""
        try:
            async with asyncio.timeout(SECONDS):
                status = await self._answered(webhook, sent)
        except _NEVER as error:
            return None, str(error), True
        except (TimeoutError, httpx2.TimeoutException):
            return None, f"no answer within {SECONDS:g} seconds", False
        except httpx2.HTTPError as error:
            return None, f"{type(error).__name__}: {error}", False
        if 200 <= status < 300:
            return status, None, False
        return status, f"answered {status}", status == _GONE

    async def _answered(self, webhook: Webhook, sent: Sent) -> int:
        content = sent.body.encode() if sent.body else None
        async with self._client.stream(
            webhook.method, webhook.url, content=content, headers=sent.headers
        ) as answer:
            # Read to its end, so that the connection can be used again; it says nothing more.
            with suppress(AnswerTooLarge, AnswerEncoded):
                await answer.aread()
            return answer.status_code

    # -- what is kept ---------------------------------------------------------------

    async def _secrets(self, project: Project, webhook: int, now: datetime) -> Sequence[bytes]:
        found = await secrets.salts(project.database, project.database.dialect, webhook, now)
        return [secret_of(project.config.auth.secret_key, webhook, salt) for salt in found]

    async def _note(
        self,
        project: Project,
        delivery: str,
        webhook: Webhook,
        happened: Event,
        outcome: Outcome,
        now: datetime,
    ) -> None:
        log = self._log(project)
        async with project.database.transaction() as transaction:
            new = await log.note(transaction, delivery, webhook.id, happened, outcome, now)
        self._noted += new
        if new and self._noted % _PURGE_EACH == 0:
            async with project.database.transaction() as transaction:
                await log.purge(transaction, webhook.id)

    async def _find(
        self, project: Project, webhook: int, delivery: str
    ) -> tuple[dict[str, Any], Event]:
        found = await self._log(project).find(project.database, webhook, delivery)
        if found is None:
            raise _unknown(delivery)
        return found

    def _log(self, project: Project) -> Deliveries:
        dialect = project.database.dialect
        return self._logs.get(dialect, lambda: Deliveries(dialect))


def _unknown(delivery: str) -> ThingNotFound:
    return ThingNotFound(f"There is no delivery {delivery!r} of this webhook")
