"""The OpenAPI document and its page, as a running project answers them."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.scenarios.shop import KEY, Live

ARTICLES = {
    "collection": "articles",
    "fields": [
        {
            "field": "id",
            "type": "integer",
            "datatype": "INT",
            "primary_key": True,
            "auto_increment": True,
        },
        {"field": "title", "type": "string", "datatype": "VARCHAR", "length": 100},
    ],
}


async def public(world: Live, path: str, **options: Any) -> Any:
    return await world.client.get(f"/{KEY}{path}", **options)


async def test_administrators_get_the_document_of_the_live_schema(empty: Live) -> None:
    before = (await empty.ask("GET", "/specs/oas")).json()
    validate(before)
    assert before["servers"] == [{"url": f"/{KEY}"}]
    assert "/items/articles" not in before["paths"]
    assert "/users/{id}" in before["paths"]
    made = await empty.ask("POST", "/collections", json=ARTICLES)
    assert made.status_code == 200, made.text
    after = (await empty.ask("GET", "/specs/oas")).json()
    validate(after)
    assert "/items/articles" in after["paths"]
    title = after["components"]["schemas"]["articles"]["properties"]["title"]
    assert title["maxLength"] == 100
    again = await empty.ask("GET", "/specs/oas")
    assert again.json() == after


async def test_everybody_else_gets_the_public_part(empty: Live) -> None:
    answer = await public(empty, "/specs/oas")
    assert answer.status_code == 200
    found = answer.json()
    validate(found)
    assert not [path for path in found["paths"] if path.startswith(("/items", "/users/{"))]
    assert "articles" not in answer.text
    assert "directus_users" not in answer.text


async def test_the_page_and_what_it_needs_come_from_here(empty: Live) -> None:
    page = await public(empty, "/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("docs.js", "scripted.css", "swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"docs/{name}?" in page.text
        file = await public(empty, f"/docs/{name}")
        assert file.status_code == 200
        assert file.headers["content-type"].startswith("text/")
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert file.headers["x-content-type-options"] == "nosniff"
        condition = {"if-none-match": file.headers["etag"]}
        known = await public(empty, f"/docs/{name}", headers=condition)
        assert known.status_code == 304
        assert not known.content


@pytest.mark.parametrize(
    "name",
    [
        *("..%2Fdocs.js", "%2e%2e%2fassets.py", "index.html", "swagger-ui.css%00", "DOCS.JS"),
        *("..%5cassets.py", "%2Fetc%2Fpasswd"),
    ],
)
async def test_other_files_do_not_exist(empty: Live, name: str) -> None:
    answer = await public(empty, f"/docs/{name}")
    assert answer.status_code in (404, 422)
    assert "error" in answer.json()
