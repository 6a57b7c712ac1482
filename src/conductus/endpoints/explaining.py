"""`GET /P/permissions/explain`: what decides about a user's request, in words."""

from __future__ import annotations

from conductus.errors import ItemNotFound, ValidationFailed
from conductus.http.call import Call
from conductus.http.envelope import envelope
from conductus.http.reply import Reply
from conductus.permissions.actor import Actor
from conductus.permissions.explaining import asked, explained

USERS = "directus_users"


async def explain(call: Call) -> Reply:
    """What permission rows say to a method and path, asked by a user; for administrators."""
    call.check_administrator()
    wanted = {name: str(call.params.get(name) or "") for name in ("user", "method", "path")}
    problems = {name: "This value is required" for name, value in wanted.items() if not value}
    if problems:
        raise ValidationFailed(problems)
    request = asked(wanted["method"], wanted["path"])
    policy = await call.project.policies.of(await _actor(call, wanted["user"]))
    said = explained(policy, request, call.schema)
    return envelope(
        {"role": policy.role, "action": request.action, "collection": request.collection}
        | {"because": said},
        public=False,
    )


async def _actor(call: Call, user: str) -> Actor:
    """The user as who asks; `public` is whoever is not signed in. Raises `ItemNotFound`."""
    if user == "public":
        return Actor()
    query = call.project.queries.shape(USERS, "fields=id,role&status=*", call.snapshot)
    page = await call.project.reader.by_keys(query, [user], call.context.for_own_use())
    if not isinstance(page.items, dict):
        raise ItemNotFound(USERS, user)
    return Actor(user=page.items["id"], role=page.items["role"], credential="static")
