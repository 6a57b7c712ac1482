"""Second factors over HTTP. Source: authentication page §11."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pyotp
import pytest

from tests.scenarios.shop import EMAIL, KEY, PASSWORD, Live

MASK = "**********"
ME = "/users/me"


async def offered(world: Live) -> str:
    """A new secret."""
    secret: str = (await world.data("/utils/2fa_secret"))["2fa_secret"]
    return secret


async def log_in(world: Live, **more: str) -> httpx2.Response:
    login = {"email": EMAIL, "password": PASSWORD, **more}
    return await world.client.post(f"/{KEY}/auth/authenticate", json=login)


def refused(answer: httpx2.Response) -> tuple[int, int]:
    return answer.json()["error"]["code"], answer.status_code


async def test_a_secret_is_offered_to_anybody_with_its_picture(empty: Live) -> None:
    told = await empty.data("/utils/2fa_secret")
    assert len(told["2fa_secret"]) == 32
    parts = urlsplit(told["otpauth_url"])
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path.endswith("admin%40example.com")
    assert parse_qs(parts.query)["secret"] == [told["2fa_secret"]]
    assert told["qr"].startswith("<svg")
    answer = (await empty.client.get(f"/{KEY}/utils/2fa_secret")).json()
    assert answer["public"] is True
    assert answer["data"]["2fa_secret"] != told["2fa_secret"]


async def test_who_does_not_know_its_own_address_is_offered_one_too(empty: Live) -> None:
    role = (await empty.ask("POST", "/roles", json={"name": "shy"})).json()["data"]["id"]
    query = f"filter[role]={role}&filter[collection]=directus_users&filter[status]=active"
    (row,) = await empty.data(f"/permissions?{query}")
    hidden = {"read_field_blacklist": ["email"]}
    assert (await empty.ask("PATCH", f"/permissions/{row['id']}", json=hidden)).is_success
    body = {"email": "ada@example.org", "status": "active", "role": role, "token": "Token-of-Ada"}
    assert (await empty.ask("POST", "/users", json=body)).is_success
    headers = {"authorization": "Bearer Token-of-Ada"}
    answer = await empty.client.get(f"/{KEY}/utils/2fa_secret", headers=headers)
    assert urlsplit(answer.json()["data"]["otpauth_url"]).path.endswith("account")


async def test_a_second_factor_is_set_up_with_proof_and_asked_for(empty: Live) -> None:
    secret = await offered(empty)
    otp = pyotp.TOTP(secret).now()
    path = f"{ME}/activate_2fa"
    for body, error in (
        ({}, (4, 422)),
        ({"2fa_secret": secret}, (4, 422)),
        ({"otp": otp}, (4, 422)),
        ({"2fa_secret": secret, "otp": 123456}, (4, 422)),
        ({"2fa_secret": "short", "otp": otp}, (4, 422)),
        ({"2fa_secret": secret, "otp": "000000"}, (112, 404)),
        ({"2fa_secret": await offered(empty), "otp": otp}, (112, 404)),
    ):
        assert refused(await empty.ask("POST", path, json=body)) == error
    assert (await empty.data(ME))["2fa_secret"] is None
    body = {"2fa_secret": secret, "otp": otp}
    # What stands behind a `?` makes no other path of it.
    answer = await empty.ask("POST", f"{path}?fields=id,2fa_secret", json=body)
    assert answer.json()["data"] == {"id": 1, "2fa_secret": MASK}
    assert secret not in answer.text
    assert refused(await log_in(empty)) == (111, 404)
    # The password that proved it is used up.
    assert refused(await log_in(empty, otp=otp)) == (112, 404)
    history = await empty.ask("GET", "/revisions?limit=-1")
    assert secret not in history.text
    assert "v1:" not in history.text


async def test_one_time_passwords_of_the_next_step_let_in_once(empty: Live) -> None:
    secret = await offered(empty)
    assert (await empty.ask("PATCH", ME, json={"2fa_secret": secret})).status_code == 200
    otp = pyotp.TOTP(secret).now()
    assert (await log_in(empty, otp=otp)).status_code == 200
    assert refused(await log_in(empty, otp=otp)) == (112, 404)


@pytest.mark.parametrize("secret", ["x", "A" * 15, "A" * 45, "1" * 32, "ÄÖÜ" * 10, 7, ["A" * 32]])
async def test_what_can_be_no_secret(empty: Live, secret: Any) -> None:
    answer = await empty.ask("PATCH", ME, json={"2fa_secret": secret})
    assert refused(answer) == (4, 422)


async def test_only_oneself_sets_up_and_administrators_take_away(empty: Live) -> None:
    other = {"email": "bob@example.org", "status": "active", "role": 1, "password": PASSWORD}
    bob = (await empty.ask("POST", "/users", json=other)).json()["data"]["id"]
    secret = await offered(empty)
    body = {"2fa_secret": secret, "otp": pyotp.TOTP(secret).now()}
    for method, path, sent in (
        ("POST", f"/users/{bob}/activate_2fa", body),
        ("PATCH", f"/users/{bob}", {"2fa_secret": secret}),
        ("PATCH", "/users", [{"id": bob, "2fa_secret": secret}]),
        ("PATCH", "/roles/1", {"users": [{"id": bob, "2fa_secret": secret}]}),
    ):
        assert refused(await empty.ask(method, path, json=sent)) == (305, 403), path
    login = {"email": "bob@example.org", "password": PASSWORD}
    token = (await empty.client.post(f"/{KEY}/auth/authenticate", json=login)).json()["data"]
    as_bob = {"authorization": f"Bearer {token['token']}"}
    mine = f"/{KEY}{ME}"
    answer = await empty.client.patch(mine, headers=as_bob, json={"2fa_secret": secret})
    assert answer.json()["data"]["2fa_secret"] == MASK
    # The mask that is written back leaves it as it is.
    await empty.ask("PATCH", f"/users/{bob}", json={"2fa_secret": MASK, "title": "x"})
    answer = await empty.client.post(f"/{KEY}/auth/authenticate", json=login)
    assert refused(answer) == (111, 404)
    assert (await empty.ask("PATCH", f"/users/{bob}", json={"2fa_secret": None})).status_code == 200
    answer = await empty.client.post(f"/{KEY}/auth/authenticate", json=login)
    assert answer.status_code == 200


async def test_a_role_that_asks_for_it_lets_nobody_in_before(empty: Live) -> None:
    role = {"name": "careful", "enforce_2fa": True}
    careful = (await empty.ask("POST", "/roles", json=role)).json()["data"]["id"]
    body = {"email": "eve@example.org", "status": "active", "role": careful, "password": PASSWORD}
    await empty.ask("POST", "/users", json=body)
    login = {"email": "eve@example.org", "password": PASSWORD}
    answer = (await empty.client.post(f"/{KEY}/auth/authenticate", json=login)).json()
    assert answer["error"]["code"] == 113
    asking = {"authorization": f"Bearer {answer['data']['token']}"}

    async def mine(method: str, path: str, body: Any = None) -> httpx2.Response:
        return await empty.client.request(method, f"/{KEY}{path}", headers=asking, json=body)

    assert (await mine("GET", ME)).status_code == 401
    assert (await mine("GET", "/permissions/me")).json()["data"] == []
    assert (await mine("GET", "/auth/sessions")).json() == {"public": True}
    secret = (await mine("GET", "/utils/2fa_secret")).json()["data"]["2fa_secret"]
    setting_up = {"2fa_secret": secret, "otp": pyotp.TOTP(secret).now()}
    assert refused(await mine("POST", "/users/1/activate_2fa", setting_up)) == (305, 403)
    answer_ = await mine("POST", f"{ME}/activate_2fa?x=1", setting_up)
    assert answer_.status_code in (200, 204), answer_.text
    # The same token has full access from now on.
    assert len((await mine("GET", "/permissions/me")).json()["data"]) > 10
