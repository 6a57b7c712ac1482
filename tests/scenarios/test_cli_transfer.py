"""Exports and imports on the command line."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios import binary
from tests.scenarios.forked import conductus
from tests.scenarios.workshop import Workshop
from tests.scenarios.worlds import text, whole


async def test_items_go_out_and_come_back(workshop: Workshop, tmp_path: Path) -> None:
    name = await workshop.make(text("title", required=True), whole("pages"))
    place = ("--data", workshop.folder)
    file = tmp_path / "in.csv"
    file.write_text("title,pages\nA,1\n,2\nB,many\n")
    done = binary.conductus("import", name, file, *place)
    assert done.code == 1
    assert done.err.splitlines() == [
        "conductus: line 3: title: This value is required",
        "conductus: line 4: pages: must be a number",
        "conductus: Nothing was written",
    ]
    file.write_text("title,pages\nA,1\nB,2\n")
    done = conductus("import", name, file, *place)
    assert (done.code, done.out) == (0, "2 created, 0 updated\n")
    assert [item["title"] for item in await workshop.items(name)] == ["A", "B"]
    made = tmp_path / "out.csv"
    done = binary.conductus("export", name, made, "--query", "sort=-id&fields=title", *place)
    assert (done.code, done.out) == (0, "")
    assert made.read_text() == "title\nB\nA\n"
    done = conductus("export", "nowhere", made, *place)
    assert done.code == 1
    assert made.read_text() == "title\nB\nA\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
