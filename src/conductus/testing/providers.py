"""What every provider of single sign-on of a plugin does, as rules, and a stand-in for it.

```python
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_the_guild(rule):
    async with tried(register, "guild", lambda url: {"url": url}, told) as guild:
        await rule(guild)
```

`told(address, verified)` is what the provider tells of somebody of that address; of OpenID
Connect, the claims. The plugin must let its settings say where the provider is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from conductus.extensions import Registry
from conductus.telemetry import Observation, SignInRefused
from conductus.testing import EMAIL, PluginProject, Register, project
from conductus.testing.rules import expect
from conductus.testing.standing_in import CLIENT, SECRET, StandIn, standing_in

__all__ = ["RULES", "Rule", "Tried", "tried"]
STRANGER: Final = "stranger@example.com"
_OFFERED: Final = "tried"
_OTHER: Final = "making"
_SIGN_IN_FAILED, _EMAIL_NOT_FOUND = 2, 107
_NONSENSE: Final[tuple[Any, ...]] = (
    *(None, [], {}, 1, "x", [{}], {"email": None}, {"email": 1, "email_verified": True}),
    *({"email": [EMAIL], "email_verified": True}, {"email": {"of": EMAIL}}, [EMAIL]),
)

Told = Callable[[str, bool], Any]


class Tried:
    """A project with the provider, twice: once it makes users of strangers, once it does not."""

    def __init__(
        self, shop: PluginProject, there: StandIn, told: Told, seen: list[Observation]
    ) -> None:
        self.shop = shop
        self.there = there
        self.told = told
        self._seen = seen

    def expect_refused(self, answer: httpx2.Response, *codes: int) -> None:
        """Raises `AssertionError` unless the answer is an error of one of these codes."""
        expect(answer.status_code in (400, 404), f"{answer.status_code} {answer.text}")
        code = answer.json()["error"]["code"]
        expect(code in codes, f"{code}, not one of {codes}: {self._why()}")

    def _why(self) -> str:
        """What the server saw wrong last."""
        told = [each.problem for each in self._seen if isinstance(each, SignInRefused)]
        return told[-1] if told else "nothing is wrong with what the provider says"

    async def begin(self, name: str = _OFFERED) -> str:
        """Where a browser is sent, whose cookies are kept."""
        answer = await self.shop.ask("GET", f"/auth/sso/{name}", token="")
        expect(answer.status_code == 302, answer.text)
        return answer.headers["location"]

    async def back(self, location: str, told: Any) -> httpx2.Response:
        """What the browser is answered that comes back as somebody of whom that is told."""
        return await self.shop.client.get(self.there.consented(location, told))

    async def sign_in(self, told: Any, name: str = _OFFERED) -> httpx2.Response:
        """The whole way."""
        return await self.back(await self.begin(name), told)

    async def user(self, answer: httpx2.Response) -> Any:
        """Who was signed in."""
        expect(answer.status_code == 200, f"{answer.text} {self._why()}")
        asked = {"request_token": answer.json()["data"]["request_token"]}
        token = (await self.shop.ok("POST", "/auth/sso/access_token", asked, token=""))["token"]
        return await self.shop.ok("GET", "/users/me?fields=email,first_name,last_name", token=token)


Rule = Callable[[Tried], Awaitable[None]]


@asynccontextmanager
async def tried(
    register: Register, name: str, settings: Callable[[str], Mapping[str, Any]], told: Told
) -> AsyncIterator[Tried]:
    """A project to hold rules against.

    `register` is the plugin, `name` its provider, `settings` what the plugin is told when the
    provider is at an address, of which only the stand-in is asked anything.
    """
    seen: list[Observation] = []
    async with standing_in() as there:
        stated = settings(there.url)
        registry = Registry("tried", dict(stated))
        register(registry)
        there.take_the_place(registry.registered().sso_providers[name])
        offered = {"plugin": name, "client_id": CLIENT, "client_secret": SECRET}
        making = {**offered, "default_role": "3", "anybody": "true"}
        async with project(
            {"tried": register},
            settings={"tried": stated},
            configured={"auth": {"sso": {_OFFERED: offered, _OTHER: making}}},
            observer=seen.append,
        ) as shop:
            await shop.ok("POST", "/roles", {"name": "Guests"})
            yield Tried(shop, there, told, seen)


async def it_is_offered(one: Tried) -> None:
    """Apps find it by the name that the project gives it."""
    answer = await one.shop.ask("GET", "/auth/sso", token="")
    names = [each["name"] for each in answer.json()["data"]]
    expect(_OFFERED in names, names)


async def who_is_verified_signs_in(one: Tried) -> None:
    """By the address alone, which a user of the project has."""
    user = await one.user(await one.sign_in(one.told(EMAIL, True)))
    expect(user["email"] == EMAIL, user)


async def whose_address_is_not_verified_does_not(one: Tried) -> None:
    """Else anybody could state somebody else's."""
    one.expect_refused(await one.sign_in(one.told(EMAIL, False)), _EMAIL_NOT_FOUND)
    one.expect_refused(await one.sign_in(one.told(STRANGER, False), _OTHER), _EMAIL_NOT_FOUND)


async def strangers_are_made_users_where_that_is_said(one: Tried) -> None:
    """And nowhere else."""
    one.expect_refused(await one.sign_in(one.told(STRANGER, True)), _EMAIL_NOT_FOUND)
    user = await one.user(await one.sign_in(one.told(STRANGER, True), _OTHER))
    expect(user["email"] == STRANGER, user)


async def an_answer_counts_in_the_browser_that_asked(one: Tried) -> None:
    """Somebody else's answer signs nobody in, nor does one to another question."""
    first = one.there.consented(await one.begin(), one.told(EMAIL, True))
    await one.begin()
    one.expect_refused(await one.shop.client.get(first), _SIGN_IN_FAILED)
    code = first.replace("code=", "code=not-")
    one.expect_refused(await one.shop.client.get(code), _SIGN_IN_FAILED)


async def what_makes_no_sense_signs_nobody_in(one: Tried) -> None:
    """Whatever a provider tells, it is the provider's fault and not the server's."""
    for told in _NONSENSE:
        one.expect_refused(await one.sign_in(told), _SIGN_IN_FAILED, _EMAIL_NOT_FOUND)


RULES: Final[tuple[Rule, ...]] = (
    it_is_offered,
    who_is_verified_signs_in,
    whose_address_is_not_verified_does_not,
    strangers_are_made_users_where_that_is_said,
    an_answer_counts_in_the_browser_that_asked,
    what_makes_no_sense_signs_nobody_in,
)
