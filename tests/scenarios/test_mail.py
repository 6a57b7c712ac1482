"""Messages by mail. Reference: projects and server §3; security, "Files, mail"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from conductus.config import MailConfig
from conductus.endpoints.mail import PACE
from conductus.mail.bodies import LONGEST_CONTENT
from tests.postbox import part
from tests.scenarios.mailing import SENDER, Mailing, addressed, mailing
from tests.scenarios.shop import EMAIL, KEY
from tests.scenarios.signing_in import log_in, new_user, refused

HELLO = {"to": EMAIL, "subject": "Hello", "body": "<p>Hi</p>"}


@pytest.fixture(name="world")
async def make_world(project_url: str, tmp_path: Path) -> AsyncIterator[Mailing]:
    async with mailing(project_url, tmp_path / "data") as world:
        yield world


async def send(world: Mailing, **changed: Any) -> httpx2.Response:
    return await world.ask("POST", "/mail", json={**HELLO, **changed})


async def test_a_message_reaches_everybody_it_is_to(world: Mailing) -> None:
    bo = await new_user(world, "bo@example.org")
    to = [1, str(bo), "Cy@example.org", {"email": "di@example.org", "name": "Di"}, EMAIL]
    body = "<p>Dear {{ name }},<br>see you.</p><p>{{ shop.what }}</p>"
    data = {"name": "<b>friend</b>", "shop": {"what": "Books & more"}}
    answer = await send(world, to=to, body=body, data=data)
    assert (answer.status_code, answer.content) == (204, b"")
    await world.box.message(4)
    expected = {EMAIL, "bo@example.org", "Cy@example.org", "Di <di@example.org>"}
    assert {addressed(message) for message in world.box.messages} == expected
    assert len(world.box.envelopes) == 4
    message = world.box.messages[0]
    assert (message["from"], message["reply-to"], message["subject"]) == (SENDER, EMAIL, "Hello")
    html, plain = part(message, "html"), part(message, "plain").replace("\r\n", "\n")
    assert "Dear &lt;b&gt;friend&lt;&#x2f;b&gt;,<br>" in html.replace("&lt;/b", "&lt;&#x2f;b")
    assert "<main" in html
    assert plain == "Dear <b>friend</b>,\nsee you.\n\nBooks & more\n"


async def test_recipients_are_called_by_their_names(world: Mailing) -> None:
    to = [
        {"email": "di@example.org", "name": 'Di "Du" <x@y.org>, Müller'},
        {"email": "el@example.org", "name": None},
    ]
    assert (await send(world, to=to)).status_code == 204
    await world.box.message(2)
    told = [message["to"].addresses[0] for message in world.box.messages]
    assert {(one.display_name, one.addr_spec) for one in told} == {
        ('Di "Du" <x@y.org>, Müller', "di@example.org"),
        ("", "el@example.org"),
    }
    assert all(len(message["to"].addresses) == 1 for message in world.box.messages)


async def test_a_plain_message_stays_plain(world: Mailing) -> None:
    await send(
        world, type="plain", body="1 < {{ n }}\n<b>{{ text }}</b>", data={"n": 2, "text": "&"}
    )
    message = await world.box.message()
    assert part(message, "plain").replace("\r\n", "\n") == "1 < 2\n<b>&</b>\n"
    assert "1 &lt; 2\n&lt;b&gt;&amp;" in part(message, "html").replace("\r\n", "\n")


REFUSED: tuple[tuple[dict[str, Any], tuple[int, int]], ...] = (
    ({"to": None}, (4, 422)),
    ({"to": []}, (4, 422)),
    ({"to": "nobody"}, (4, 422)),
    ({"to": True}, (4, 422)),
    ({"to": [1, ["x"]]}, (4, 422)),
    ({"to": {"name": "x"}}, (4, 422)),
    ({"to": "a@b.org\r\nBcc: c@d.org"}, (4, 422)),
    ({"to": {"email": "a@b.org", "name": "A\r\nBcc: c@d.org"}}, (4, 422)),
    ({"to": {"email": "a@b.org", "name": "x" * 101}}, (4, 422)),
    ({"to": {"email": "a@b.org", "name": 7}}, (4, 422)),
    ({"to": "a@b.org,c@d.org,"}, (4, 422)),
    ({"to": [1] * 101}, (4, 422)),
    ({"to": "vic(tim)@example.org"}, (4, 422)),
    ({"to": "=?utf-8?q?c=40d.org?=@example.org"}, (4, 422)),
    ({"to": 99}, (12, 422)),
    ({"to": [1, 99]}, (12, 422)),
    ({"subject": ""}, (4, 422)),
    ({"subject": 1}, (4, 422)),
    ({"subject": "a\r\nBcc: c@d.org"}, (4, 422)),
    ({"subject": "x" * 251}, (4, 422)),
    ({"body": ""}, (4, 422)),
    ({"body": "x" * 262_145}, (4, 422)),
    ({"body": "{% for a in range(9) %}{{ b }}{% endfor %}", "data": {"b": "x" * 30_000}}, (4, 422)),
    ({"body": "{{ unclosed"}, (4, 422)),
    (
        {"body": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}"},
        (4, 422),
    ),
    ({"body": "{{ ''.__class__.__mro__ }}"}, (4, 422)),
    ({"body": "{% include 'base.html' %}"}, (4, 422)),
    ({"body": "{{ 'x' * 9999999999 }}"}, (4, 422)),
    ({"body": f"{{{{ {'not ' * 200_000}1 }}}}"}, (4, 422)),
    ({"body": f"{{{{ a{'.b' * 200_000} }}}}"}, (4, 422)),
    ({"body": "{{ b|tojson(4000000000) }}", "data": {"b": [1]}}, (4, 422)),
    ({"type": "pigeon"}, (4, 422)),
    ({"data": [1]}, (4, 422)),
)


async def test_what_cannot_be_sent(world: Mailing) -> None:
    for changed, error in REFUSED:
        assert refused(await send(world, **changed)) == error, changed
    assert refused(await world.ask("POST", "/mail")) == (13, 400)
    assert refused(await world.client.post(f"/{KEY}/mail", json=HELLO)) == (108, 401)
    assert world.box.envelopes == []


HEADER = "=?utf-8?q?x=0D=0ABcc:_evil@example.org?="
"""An encoded word, which whoever decodes it makes two lines of."""


async def test_no_value_makes_another_header(world: Mailing) -> None:
    to = [{"email": "di@example.org", "name": HEADER}]
    assert (await send(world, to=to, subject=HEADER)).status_code == 204
    message = await world.box.message()
    assert message["bcc"] is None
    assert [one.addr_spec for one in message["to"].addresses] == ["di@example.org"]
    assert world.box.envelopes[0].rcpt_tos == ["di@example.org"]
    assert "Bcc:_evil" in message["subject"]


DEEP = "<div>" * 40_000
LONG = "書" * LONGEST_CONTENT
STYLED = f"<style>{'b,' * 40_000}b{{color:red}}</style>{'<b>x</b>' * 15_000}"


async def test_markup_is_passed_on_and_not_read(world: Mailing) -> None:
    for number, body in enumerate((DEEP, STYLED, LONG), 1):
        assert (await send(world, body=body)).status_code == 204
        assert body in part(await world.box.message(number), "html")


async def test_others_than_administrators_write_to_users_alone(world: Mailing) -> None:
    await new_user(world, "bo@example.org", role=None)
    away = await new_user(world, "away@example.org", status="suspended")
    administrator = world.token
    world.token = (await log_in(world.client, "bo@example.org")).json()["data"]["token"]
    for to in ("stranger@example.org", "away@example.org", ["BO@example.org", "x@y.org"], away):
        assert refused(await send(world, to=to)) == (12, 422), to
    assert (await send(world, to=[1, "ADMIN@example.com"])).status_code == 204
    assert (await world.box.message())["reply-to"] == "bo@example.org"
    world.token = administrator
    assert (await send(world, to="stranger@example.org")).status_code == 204


async def test_nobody_writes_without_end(world: Mailing) -> None:
    many = [f"x{n}@example.org" for n in range(100)]
    # Rendering is work, whatever comes of it.
    assert refused(await send(world, to=many, body="{{ unclosed")) == (4, 422)
    for _ in range(PACE.most // 100 - 1):
        assert (await send(world, to=many)).status_code == 204
    assert refused(await send(world)) == (7, 429)


async def test_nothing_is_kept_while_mail_cannot_leave(project_url: str, tmp_path: Path) -> None:
    async with mailing(project_url, tmp_path / "data", mail=MailConfig()) as world:
        assert refused(await send(world)) == (500, 500)
