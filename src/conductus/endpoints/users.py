"""Users; `me` stands for whoever asks. Source: authentication page §10 and §11."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from conductus.auth.recovery_codes import make_codes
from conductus.auth.second_factor_setup import FIELD, judged_secret, prove
from conductus.auth.transactions import Outcome, transact
from conductus.database.executor import Transaction
from conductus.endpoints import generic, sections
from conductus.endpoints.passwords import visit
from conductus.errors import (
    FieldWriteForbidden,
    Forbidden,
    ItemNotFound,
    Unauthorized,
    ValidationFailed,
)
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.http.routing import Route
from conductus.items.written import Written
from conductus.permissions.policy import ADMINISTRATOR

USERS = "directus_users"
ME = "me"


def with_me(call: Call) -> Call:
    """The call with the id of whoever asks in the place of `me`.

    Raises `Unauthorized` (3/401) when nobody is signed in.
    """
    ids = call.request.path.get("id", "").split(",")
    if ME not in ids:
        return call
    if call.public:
        raise Unauthorized
    own = str(call.actor.user)
    return call.at(id=",".join(own if id == ME else id for id in ids))


async def track_page(call: Call) -> Reply:
    """Keeps which page somebody looks at, and when; no history is written."""
    page = (await call.body.item()).get("last_page")
    if page is not None and not isinstance(page, str):
        raise ValidationFailed({"last_page": "Must be text"})
    called = with_me(call)
    (key,) = generic.keys_of(called.raw("id"), call.schema.collection(USERS), 1)
    if key != str(call.actor.user) and not call.actor.administrator:
        raise Unauthorized() if call.public else Forbidden("You may track your own page alone")
    query = generic.answering(called, USERS)

    async def work(transaction: Transaction) -> Outcome[bool]:
        return Outcome(await call.project.tracking.track(transaction, key, page, call.context))

    if not await transact(call.project, work):
        raise ItemNotFound(USERS, key)
    return await generic.written_one(called, query, Written(key))


async def activate_second_factor(call: Call) -> Reply:
    """Sets up one's own second factor, with a one-time password as proof that it works."""
    body = await call.body.item()
    problems = {
        name: "This value is required" for name in (FIELD, "otp") if not _is_text(body.get(name))
    }
    if problems:
        raise ValidationFailed(problems)
    called = with_me(call)
    if call.public:
        raise Unauthorized
    (key,) = generic.keys_of(called.raw("id"), call.schema.collection(USERS), 1)
    if key != str(call.actor.user):
        raise FieldWriteForbidden(FIELD, USERS)
    query = generic.answering(called, USERS)
    secret = judged_secret(body[FIELD])
    await prove(call.project, call.actor.user, secret, body["otp"], call.context.now)
    context = call.context
    if call.actor.enforces_2fa:
        # What a role asks for, its rows must not refuse.
        own = structs.replace(call.actor, credential="system")
        context = structs.replace(context, actor=own, policy=ADMINISTRATOR)
    await call.project.writer.update(USERS, [key], {FIELD: secret}, context, generic.options(call))
    return await generic.written_one(called, query, Written(key))


async def make_recovery_codes(call: Call) -> Reply:
    """New codes that each stand in for a one-time password once; told this one time."""
    called = with_me(call)
    if call.public:
        raise Unauthorized
    (key,) = generic.keys_of(called.raw("id"), call.schema.collection(USERS), 1)
    if key != str(call.actor.user):
        raise Forbidden("You may make recovery codes for yourself alone")
    return envelope(
        {"recovery_codes": await make_codes(visit(call), call.actor.user)}, public=False
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


ROUTES: tuple[Route[Any], ...] = (
    *sections.section("users", USERS, with_me),
    Route("PATCH", "users/{id}/tracking/page", track_page),
    Route("POST", "users/{id}/activate_2fa", activate_second_factor, enrols=True),
    Route("POST", "users/{id}/recovery_codes", make_recovery_codes),
)
