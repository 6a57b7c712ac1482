"""Every type of field goes out and comes back, in each format, on each database.

Source: projects page §2, items page §4.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.test_types import KINDS, Kind
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import field

ALONE = frozenset({"status", "sort", "lang"})
"""Types of which a collection has one field at most."""
TEXTS = (
    *("=cmd|' /C calc'!A0", "+1", "-1", "@x", "\t", "\r", "\n=1", "'", "''", "'=", "\uff1d1"),
    *('"', '""', ",", ";", " x ", "x\r\ny", "null", "NULL", "1", "007", "true", "[1]", "", "💡"),
)
FORMATS = ("json", "csv", "parquet")


def chosen() -> list[Kind]:
    """The kinds of field that hold values, each type once where it may be there once."""
    taken: set[str] = set()
    found = []
    for kind in KINDS:
        name = kind.made["type"]
        if kind.takes and not (name in ALONE and name in taken):
            taken.add(name)
            found.append(kind)
    return found


def everything() -> tuple[list[Any], list[Any]]:
    """A field for each kind, and items that together hold each of its values, and null."""
    kinds = chosen()
    fields = [{**kind.made, "field": f"v{place}"} for place, kind in enumerate(kinds)]
    fields.append(field("texts", "string", "LONGTEXT"))
    values = [[*kind.takes, None] for kind in kinds]
    values.append([*TEXTS, None])
    longest = max(map(len, values))
    items = [
        {
            field["field"]: own[min(row, len(own) - 1)]
            for field, own in zip(fields, values, strict=True)
        }
        for row in range(longest)
    ]
    return fields, items


@pytest.mark.parametrize("format", FORMATS)
async def test_a_round_trip_is_exact(workshop: Workshop, format: str) -> None:
    fields, items = everything()
    source, target = await workshop.make(*fields), await workshop.make(*fields)
    await workshop.ok("POST", f"/items/{source}?fields=id", items)
    before = await workshop.items(source, "limit=-1&status=*")
    asked = {"collection": source, "format": format, "status": "*"}
    answer = await workshop.world.ask("POST", "/utils/export", json=asked)
    assert answer.status_code == 200, answer.text
    done = await workshop.ok(
        "POST",
        "/utils/import",
        data={"collection": target},
        files={"file": (f"x.{format}", answer.content)},
    )
    assert done == {"created": len(items), "updated": 0}
    assert await workshop.items(target, "limit=-1&status=*") == before
    # Written over itself it is the same again.
    done = await workshop.ok(
        "POST",
        "/utils/import",
        data={"collection": target, "mode": "update"},
        files={"file": (f"x.{format}", answer.content)},
    )
    assert done == {"created": 0, "updated": len(items)}
    assert await workshop.items(target, "limit=-1&status=*") == before
