"""What a running Directus 8 answered, asked again here: every line on every database."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from tests.scenarios.recorded import Exchange, differences, exchanges
from tests.scenarios.shop import HOST, Live

WORLD = "1-world.jsonl"


@pytest.mark.parametrize("name", [None, "2-reading.jsonl", "3-writing.jsonl"])
async def test_every_recorded_answer_is_given_again(empty: Live, name: str | None) -> None:
    lines = exchanges(WORLD) + (exchanges(name) if name else [])
    wrong: list[str] = []
    for line in lines:
        wrong += [f"{line}\n    {trouble}" for trouble in await _replayed(empty, line)]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong)


async def _replayed(world: Live, line: Exchange) -> list[str]:
    options: dict[str, Any] = {}
    if line.raw_body is not None:
        options["content"] = line.raw_body.encode()
    elif line.body is not UNSET:
        options["json"] = line.body
    answer = await world.ask(line.method, line.path, **options)
    if answer.status_code != line.status:
        return [f"status {answer.status_code} instead of {line.status}: {answer.text[:300]}"]
    body = answer.json() if answer.content else {}
    if line.code is not None and body.get("error", {}).get("code") != line.code:
        return [f"code {body.get('error')} instead of {line.code}"]
    troubles: list[str] = []
    for part in ("data", "meta", "messages"):
        recorded = getattr(line, part)
        if recorded is not UNSET:
            troubles += differences(recorded, body.get(part), HOST, part)
    return troubles
