"""Utilities over HTTP. Source: projects page §2."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.scenarios.shop import KEY, Live
from tests.scenarios.workshop import Workshop

DIGESTS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


async def test_a_hash_matches_its_text_alone(workshop: Workshop) -> None:
    for hasher in ("core", "bcrypt", *DIGESTS):
        body = {"string": "Café 💡", "hasher": hasher}
        hashed = (await workshop.ok("POST", "/utils/hash", body))["hash"]
        if hasher in DIGESTS:
            assert len(hashed) == DIGESTS[hasher]
        else:
            assert hashed.startswith("$2y$10$")
        for text, valid in (("Café 💡", True), ("Cafe 💡", False)):
            asked = {"string": text, "hash": hashed, "hasher": hasher}
            assert await workshop.ok("POST", "/utils/hash/match", asked) == {"valid": valid}
    told = await workshop.ok("POST", "/utils/hash", {"string": "a", "hasher": "sha256"})
    assert told == {"hash": sha256(b"a").hexdigest()}


async def test_random_texts(workshop: Workshop) -> None:
    for body, length in (({}, 32), ({"length": 1}, 1), ({"length": 1024}, 1024)):
        made = (await workshop.ok("POST", "/utils/random/string", body))["random"]
        assert len(made) == length
        assert all(33 <= ord(letter) <= 126 for letter in made)
    assert len((await workshop.ok("POST", "/utils/random/string"))["random"]) == 32


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("hash", {}, (4, 422)),
        ("hash", {"string": ""}, (4, 422)),
        ("hash", {"string": 7}, (4, 422)),
        ("hash", {"string": "a" * 73}, (4, 422)),
        ("hash", {"string": "a", "hasher": "rot13"}, (1000, 422)),
        ("hash/match", {"string": "a"}, (4, 422)),
        ("hash/match", {"string": "a", "hash": "b", "hasher": "rot13"}, (1000, 422)),
        *(
            ("random/string", {"length": length}, (4, 422))
            for length in (0, -1, 1025, 1.5, True, "many", None, [1], 10**30)
        ),
    ],
)
async def test_what_is_refused(
    workshop: Workshop, path: str, body: Any, error: tuple[int, int]
) -> None:
    await workshop.refused(error, "POST", f"/utils/{path}", body)


async def test_nobody_guesses_for_ever(empty: Live) -> None:
    body = {"string": "a", "hash": "b", "hasher": "md5"}
    codes = [
        (await empty.client.post(f"/{KEY}/utils/hash/match", json=body)).status_code
        for _ in range(70)
    ]
    assert codes[0] == 200
    assert codes[-1] == 429
    assert (await empty.ask("POST", "/utils/hash/match", json=body)).status_code == 200
