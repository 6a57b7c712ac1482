"""Invitations. Source: authentication page §10.2.

Programs get JSON; who opens the link of the mail in a browser gets a page.
"""

from __future__ import annotations

from typing import Any

from conductus.auth.accounts import USERS
from conductus.auth.invitations import Invitations, acceptance, order
from conductus.endpoints.generic import answering
from conductus.endpoints.passwords import visit
from conductus.errors import ApiError
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.pages import page, wants_page
from conductus.http.reply import Reply
from conductus.http.routing import Route


class Inviting:
    """The endpoints below `users/invite`."""

    def __init__(self, invitations: Invitations, base_url: str) -> None:
        self._invitations = invitations
        self._base_url = base_url

    def routes(self) -> tuple[Route[Any], ...]:
        """Where they answer."""
        return (
            Route("POST", "users/invite", self.invite),
            Route("GET", "users/invite/{token}", self.open),
            Route("POST", "users/invite/{token}", self.accept),
        )

    async def invite(self, call: Call) -> Reply:
        """Invites one address, or all of a list."""
        call.check_administrator()
        wanted = order(await call.body.item())
        query = answering(call, USERS)
        keys = await self._invitations.invite(visit(call), call.context, wanted)
        found = await call.project.reader.in_order(query, keys, call.context)
        return envelope(found, public=False)

    async def open(self, call: Call) -> Reply:
        """Shows a form; for programs, accepts what needs no password."""
        if not wants_page(call.request.headers):
            return await self._accepted(call, {})
        try:
            account = await self._invitations.find(visit(call), call.text("token"))
        except ApiError as error:
            return _refused(call, error)
        return _form(call, account.shown, needs_password=account.password_hash is None)

    async def accept(self, call: Call) -> Reply:
        """Lets the invited user in."""
        body = await call.body.item_or_empty()
        if not wants_page(call.request.headers):
            return await self._accepted(call, body)
        # Fields that were left empty say nothing.
        stated = {name: value for name, value in body.items() if value != ""}
        try:
            account = await self._invitations.find(visit(call), call.text("token"))
        except ApiError as error:
            return _refused(call, error)
        try:
            await self._invitations.accept(visit(call), call.text("token"), acceptance(stated))
        except ApiError as error:
            shown = {**account.shown, **stated, "email": account.shown["email"]}
            return _form(call, shown, needs_password=account.password_hash is None, problem=error)
        name = call.snapshot.settings.project_name
        data = {"title": f"Welcome to {name}", "done": True, "home": f"{self._base_url}/admin/"}
        return page("invitation", data)

    async def _accepted(self, call: Call, body: dict[str, Any]) -> Reply:
        account = await self._invitations.accept(visit(call), call.text("token"), acceptance(body))
        return envelope(account.shown, public=call.public)


def _form(
    call: Call, shown: dict[str, Any], *, needs_password: bool, problem: ApiError | None = None
) -> Reply:
    data = {
        "title": f"Join {call.snapshot.settings.project_name}",
        "email": shown["email"],
        "first_name": shown.get("first_name") or "",
        "last_name": shown.get("last_name") or "",
        "needs_password": needs_password,
        "problem": None if problem is None else problem.message,
    }
    return page("invitation", data, 200 if problem is None else problem.status)


def _refused(call: Call, error: ApiError) -> Reply:
    title = f"Join {call.snapshot.settings.project_name}"
    problem = "This invitation is not valid any more. Ask for another one."
    return page("invitation", {"title": title, "problem": problem}, error.status)
