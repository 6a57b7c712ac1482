"""`GET /P/permissions/explain`: what decides about a user's request, in words."""

from __future__ import annotations

from conductus.errors import ItemNotFound, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.permissions.actor import Actor
from conductus.permissions.explaining import USER_FIELDS, Asker, asked, asker, explained

USERS = "directus_users"


async def explain(call: Call) -> Reply:
    """What permission rows say to a method and path, asked by a user; for administrators."""
    call.check_administrator()
    wanted = {name: str(call.params.get(name) or "") for name in ("user", "method", "path")}
    problems = {name: "This value is required" for name, value in wanted.items() if not value}
    if problems:
        raise ValidationFailed(problems)
    request = asked(wanted["method"], wanted["path"])
    who = await _asker(call, wanted["user"])
    policy = await call.project.policies.of(who.actor)
    said = [*who.because, *explained(policy, request, call.schema)]
    return envelope(
        {"role": policy.role, "action": request.action, "collection": request.collection}
        | {"because": said},
        public=False,
    )


async def _asker(call: Call, user: str) -> Asker:
    """Who asks; `public` is whoever is not signed in. Raises `ItemNotFound`."""
    if user == "public":
        return Asker(Actor())
    query = call.project.queries.shape(USERS, f"fields={USER_FIELDS}&status=*", call.snapshot)
    page = await call.project.reader.by_keys(query, [user], call.context.for_own_use())
    if not isinstance(page.items, dict):
        raise ItemNotFound(USERS, user)
    return asker(page.items)
