"""GraphiQL, as a real browser shows it. Source: GraphQL page §3."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conductus.endpoints import console
from tests.databases import SkipReason, in_ci
from tests.scenarios.chromium import chromium
from tests.scenarios.forked import serving
from tests.scenarios.shop import EMAIL, KEY, PASSWORD, Live

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
BUILT = Path(console.__file__).parents[1] / "graphql" / "page" / "built"
SIGN_IN = f"""(() => {{
  const form = document.getElementById("sign-in");
  form.email.value = "{EMAIL}"; form.password.value = "{PASSWORD}";
  form.requestSubmit();
}})()"""
EDITOR = (
    "document.querySelector('.graphiql-query-editor textarea, "
    ".graphiql-query-editor .native-edit-context')"
)
WRITTEN = (
    "document.querySelector('.graphiql-query-editor .view-lines')"
    "?.innerText?.replaceAll('\\u00a0', ' ')"
)
SHOWN = "document.querySelector('.result-window')?.innerText"


def require_console() -> None:
    """Leave the test here if the console is not built."""
    if not (BUILT / "graphiql.js").is_file():
        if in_ci():
            pytest.fail(SkipReason.CONSOLE_NOT_BUILT, pytrace=False)
        pytest.skip(SkipReason.CONSOLE_NOT_BUILT)


def test_a_browser_shows_it_and_runs_a_query(tmp_path: Path) -> None:
    require_console()
    environment = {"CONDUCTUS_ADMIN_EMAIL": EMAIL, "CONDUCTUS_ADMIN_PASSWORD": PASSWORD}
    with (
        serving("--data", tmp_path / "data", **environment) as server,
        chromium(tmp_path / "profile") as tab,
    ):
        tab.open(f"{server.url}/{KEY}/gql")
        tab.wait_for(f"!!{EDITOR}")
        # Who signs in gets another console: what is written into the first one is lost.
        tab.value(f"void (globalThis.first = {EDITOR})")
        tab.value(SIGN_IN)
        tab.wait_for("!document.getElementById('sign-out').hidden")
        tab.wait_for(f"!!{EDITOR} && {EDITOR} !== globalThis.first")
        tab.value(f"{EDITOR}.focus()")
        tab.write("{ directus_users { data { email } } }")
        tab.wait_for(f"{WRITTEN}?.includes('email')")
        # Without a place for the answer, the button does nothing.
        tab.wait_for("!!document.querySelector('.result-window .monaco-editor')")
        tab.value("document.querySelector('.graphiql-execute-button').click()")
        shown = tab.wait_for(f"{SHOWN}?.includes('{EMAIL}') && {SHOWN}")
        assert "directus_users" in shown
        hosts = {urlsplit(each).netloc for each in tab.addresses if each.startswith("http")}
        assert hosts == {urlsplit(server.url).netloc}
        asked = {urlsplit(each).path for each in tab.addresses}
        assert {f"/{KEY}/gql/graphiql.js", f"/{KEY}/gql/graphql.worker.js"} <= asked
        # An editor that is taken away says of what it was about to do that it is cancelled.
        assert [each for each in tab.troubles if '"value": "Canceled"' not in each] == []


async def test_browsers_get_the_page_and_others_answers(empty: Live) -> None:
    require_console()
    page = await empty.client.get(f"/{KEY}/gql", headers=HTML)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    for name in ("graphiql.js", "graphiql.css", "console.css", "scripted.css", "json.worker.js"):
        assert f"gql/{name}?" in page.text
        file = await empty.client.get(f"/{KEY}/gql/{name}")
        assert file.status_code == 200
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        known = await empty.client.get(
            f"/{KEY}/gql/{name}", headers={"if-none-match": file.headers["etag"]}
        )
        assert known.status_code == 304
    for name in ("index.html", "..%2Fservice.py", "graphiql.js%00"):
        answer = await empty.client.get(f"/{KEY}/gql/{name}")
        assert answer.status_code in (404, 422)
    # A query in the address is answered, whoever follows it.
    answer = await empty.client.get(f"/{KEY}/gql?query=%7B__typename%7D", headers=HTML)
    assert answer.json() == {"data": {"__typename": "Query"}}
    answer = await empty.client.get(f"/{KEY}/gql")
    assert answer.json()["errors"][0]["extensions"] == {"code": 13, "http": 400}


async def test_a_checkout_without_it_says_so(empty: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_BUILT", ("nothing.js",))
    page = await empty.client.get(f"/{KEY}/gql", headers=HTML)
    assert page.status_code == 503
    assert "make console" in page.text
    assert (await empty.client.get(f"/{KEY}/gql/graphiql.js")).status_code == 404
    answer = await empty.ask("POST", "/gql", json={"query": "{ __typename }"})
    assert answer.json() == {"data": {"__typename": "Query"}}
