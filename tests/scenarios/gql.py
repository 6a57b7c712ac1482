"""How tests ask GraphQL, and what they hold an answer against."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.scenarios.shop import Live

Answer = dict[str, Any]


async def ask(world: Live, text: str, **variables: Any) -> httpx2.Response:
    """A document with its variables, asked by the administrator."""
    return await world.ask("POST", "/gql", json={"query": text, "variables": variables})


async def data(world: Live, text: str, **variables: Any) -> Answer:
    """The data of a request that must succeed."""
    answer = await ask(world, text, **variables)
    assert answer.status_code == 200, answer.text
    found: Answer = answer.json()
    assert found.keys() == {"data"}, answer.text
    read: Answer = found["data"]
    return read


async def listed(world: Live, text: str, **variables: Any) -> list[Any]:
    """The items of the one list that is asked for."""
    (found,) = (await data(world, text, **variables)).values()
    items: list[Any] = found["data"]
    return items


async def problem(world: Live, text: str, **variables: Any) -> tuple[int, int]:
    """Code and status that every problem must have."""
    answer = await ask(world, text, **variables)
    told = [each["extensions"] for each in answer.json()["errors"]]
    (found,) = {(each["code"], each["http"]) for each in told}
    return found
