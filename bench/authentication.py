"""`python -m bench authentication`: what it costs to know who asks.

CPU time in this process per request, from the headers to the actor, for each kind of
credentials: remembered, and looked up in the database (once in five seconds for each token).
Also how long a refused login takes for an address that exists and for one that does not, in
turn: the two must not tell themselves apart.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from msgspec import Struct

from bench.conductus import EMAIL, PASSWORD, PROJECT, adopt
from bench.report import tell
from bench.run import Servers, existing
from conductus.auth.failures import Visit
from conductus.auth.identity import Identity
from conductus.auth.login import Form, Login
from conductus.auth.passwords import Passwords
from conductus.auth.second_factor_setup import sealed_secret
from conductus.auth.session_rows import SessionKind
from conductus.config import ServerConfig
from conductus.errors import InvalidCredentials
from conductus.http.body import Body
from conductus.http.exchange import Exchange
from conductus.http.patience import Patience
from conductus.permissions.actor import Actor
from conductus.projects.project import Project
from conductus.projects.registry import Registry
from conductus.tallies.redis import RedisDoor
from conductus.tallies.throttle import Throttles
from conductus.telemetry import silent

REMEMBERED = 20_000
LOOKED_UP = 500
ROUNDS = 5
LOGINS = 15


class Asking(Struct, frozen=True):
    """A project, and what knows who asks there."""

    project: Project
    identity: Identity
    login: Login


async def measure(servers: Servers, databases: Sequence[str]) -> int:
    """Print the figures for each database; the exit status."""
    for kind in databases:
        async with AsyncExitStack() as stack:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conductus-bench-")))
            database = servers.database(kind, "authentication", path)
            await stack.enter_async_context(existing(database))
            tell(f"{kind}: making a project")
            adopt(database, path / "data")
            passwords = stack.enter_context(Passwords())
            registry = await stack.enter_async_context(
                Registry(
                    path / "data", {}, ServerConfig(), silent, passwords.hash_secret, sealed_secret
                )
            )
            identity = await stack.enter_async_context(Identity(silent))
            redis = await stack.enter_async_context(RedisDoor(silent))
            throttles = stack.enter_context(Throttles(path / "throttles", redis))
            login = Login(identity, passwords, throttles)
            asking = Asking(await registry.project(PROJECT), identity, login)
            print(await _text(kind, asking), flush=True)
    return 0


async def _text(kind: str, asking: Asking) -> str:
    lines = [f"{kind}, microseconds of CPU from headers to actor (medians of {ROUNDS} rounds):"]
    for name, headers in (await _credentials(asking)).items():
        known = await _cpu(asking, headers, REMEMBERED, timedelta(0))
        lines.append(f"  {name:<8} remembered {known:6.1f}")
        if headers:
            # A moment before the last one: what was remembered since does not count.
            found = await _cpu(asking, headers, LOOKED_UP, timedelta(microseconds=-1))
            lines[-1] += f"   looked up {found:6.1f}"
    return "\n".join([*lines, await _refusals(asking)])


async def _credentials(asking: Asking) -> dict[str, list[tuple[bytes, bytes]]]:
    token = asking.login.token(await _visit(asking), await _logged_in(asking, "jwt"))
    cookie = f"directus-{PROJECT}-session={(await _logged_in(asking, 'cookie')).session}"
    return {
        "nobody": [],
        "jwt": [(b"authorization", f"Bearer {token}".encode())],
        "cookie": [(b"cookie", cookie.encode())],
    }


async def _cpu(
    asking: Asking, shown: list[tuple[bytes, bytes]], times: int, step: timedelta
) -> float:
    """Microseconds per request."""
    lines = [(b"host", b"localhost"), (b"accept", b"*/*"), (b"user-agent", b"bench"), *shown]
    scope = {
        **{"method": "GET", "query_string": b"limit=10", "headers": lines, "scheme": "http"},
        **{"path": f"/{PROJECT}/items/x", "raw_path": f"/{PROJECT}/items/x".encode()},
        "client": ("127.0.0.1", 1),
    }
    now = datetime.now(UTC) - (timedelta(hours=1) if step else timedelta(0))
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            now += step
            await _asked(asking, scope, now)
        found.append((time.process_time() - began) / times * 1e6)
    return median(found)


async def _asked(asking: Asking, scope: dict[str, Any], now: datetime) -> Actor:
    exchange = Exchange(0, scope, _no_body, 1.0)
    snapshot = await asking.project.current()
    exchange.see_through(snapshot.settings.trusted_proxies)
    body = Body(_no_body, exchange.headers, most=0, patience=Patience(1.0))
    credentials = await exchange.credentials(asking.project, body)
    agent = exchange.user_agent
    found = await asking.identity.identified(asking.project, credentials, exchange.ip, agent, now)
    return found.actor


async def _refusals(asking: Asking) -> str:
    """Pairs of refused logins: whether the difference stands out from its noise."""
    known, unknown = [], []
    for _ in range(LOGINS):
        known.append(await _refused(asking, EMAIL))
        unknown.append(await _refused(asking, "nobody@example.org"))
    differences = [a - b for a, b in zip(known, unknown, strict=True)]
    noise = stdev(differences) / LOGINS**0.5
    return (
        f"  refused logins: {mean(known) * 1e3:.1f} ms for an address that exists, "
        f"{mean(unknown) * 1e3:.1f} ms for one that does not; "
        f"difference {mean(differences) * 1e3:+.2f} ± {noise * 1e3:.2f} ms"
    )


async def _refused(asking: Asking, email: str) -> float:
    began = time.perf_counter()
    try:
        await asking.login.authenticate(await _visit(asking), Form(email, "wrong"))
    except InvalidCredentials:
        return time.perf_counter() - began
    raise RuntimeError("A wrong password was right")


async def _logged_in(asking: Asking, kind: SessionKind) -> Any:
    form = Form(EMAIL, PASSWORD)
    return await asking.login.authenticate(await _visit(asking), form, kind)


async def _visit(asking: Asking) -> Visit:
    return Visit(
        project=asking.project,
        snapshot=await asking.project.current(),
        actor=Actor(ip="127.0.0.1"),
        now=datetime.now(UTC),
    )


async def _no_body() -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"type": "http.request", "body": b"", "more_body": False}
