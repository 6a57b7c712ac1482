"""Single sign-on by SAML 2.0, with a real provider. Reference: authentication §9; security,
"Identity"; SAML 2.0 profiles §4.1.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from lxml import etree

from conductus.app import running
from conductus.config import ServerConfig
from conductus.telemetry import Observation, SignInRefused, silent
from tests.identity_provider import (
    ASSERTION,
    NAMES,
    PROTOCOL,
    IdentityProvider,
    Pair,
    Signed,
    found,
    identity_provider,
    rsa_pair,
)
from tests.scenarios.shop import KEY, Live, live
from tests.scenarios.signing_in import (
    ROLES,
    USERS,
    actions,
    admits,
    by_token,
    change,
    new_user,
    refused,
)
from tests.scenarios.test_sso import (
    ADA,
    APP,
    FLOW_COOKIE,
    SESSION_COOKIE,
    START,
    query,
    rows_of_requests,
    token_of,
    who,
)

HOST = "https://conductus.test"
"""Browsers bring the cookie of a sign-in by SAML over HTTPS alone."""
CALLBACK = f"{HOST}{START}/staff/callback"
ENVIRONMENT = f"CONDUCTUS_PROJECTS__{KEY.upper()}__AUTH__"
MAIL = "urn:oid:0.9.2342.19200300.100.1.3"
FOREIGN = {"origin": "https://id.example.com"}


class World(Live):
    """A project with a provider, and a browser."""

    there: IdentityProvider
    seen: list[Observation]
    environment: dict[str, str]

    async def to_provider(self, name: str = "staff", **parameters: Any) -> str:
        answer = await self.client.get(f"{START}/{name}", params=parameters)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def consented(self, url: str, who: str = "ada") -> dict[str, str]:
        """What the provider's page posts."""
        action, fields = await asyncio.to_thread(self.there.consent, url, who)
        assert action.startswith(f"{HOST}{START}/")
        return fields

    async def posted(self, fields: dict[str, str], name: str = "staff") -> httpx2.Response:
        """As the page of a foreign site posts."""
        path = f"{START}/{name}/callback"
        return await self.client.post(path, data=fields, headers=FOREIGN)

    async def dance(
        self, who: str = "ada", name: str = "staff", **parameters: Any
    ) -> httpx2.Response:
        url = await self.to_provider(name, **parameters)
        return await self.posted(await self.consented(url, who), name)

    async def exchanged(self, token: Any) -> httpx2.Response:
        return await self.client.post(f"{START}/access_token", json={"request_token": token})


@pytest.fixture(scope="session", name="there")
def make_there() -> Iterator[IdentityProvider]:
    with identity_provider() as there:
        there.people["ada"] = {"subject": ADA, MAIL: ADA, "given": "Ada", "family": "Quill"}
        yield there


def environment(there: IdentityProvider, **more: str) -> dict[str, str]:
    stated = {
        "REDIRECT_ORIGINS": APP,
        "SSO__STAFF__PRESET": "saml",
        "SSO__STAFF__TRUST_EMAIL": "true",
        "SSO__STAFF__SAML__ENTITY_ID": there.entity_id,
        "SSO__STAFF__SAML__SIGN_IN_URL": f"{there.url}/sign-in",
        "SSO__STAFF__SAML__CERTIFICATE": there.pair.pem,
        "SSO__NAMED__PRESET": "saml",
        "SSO__NAMED__TRUST_EMAIL": "true",
        "SSO__NAMED__SAML__ENTITY_ID": there.entity_id,
        "SSO__NAMED__SAML__SIGN_IN_URL": f"{there.url}/sign-in",
        "SSO__NAMED__SAML__CERTIFICATE": f"{rsa_pair().pem}\n{there.pair.pem}{there.elliptic.pem}",
        "SSO__NAMED__SAML__OWN_ENTITY_ID": "urn:conductus:test",
        "SSO__NAMED__SAML__EMAIL": MAIL,
        "SSO__NAMED__SAML__FIRST_NAME": "given",
        "SSO__NAMED__SAML__LAST_NAME": "family",
        **more,
    }
    return {f"{ENVIRONMENT}{name}": value for name, value in stated.items()}


@asynccontextmanager
async def opened(
    url: str, folder: Path, there: IdentityProvider, **more: str
) -> AsyncIterator[World]:
    seen: list[Observation] = []
    stated = environment(there, **more)
    async with live(
        url,
        folder,
        environment=stated,
        observer=seen.append,
        config=ServerConfig(public_url=HOST),
    ) as one:
        one.client.base_url = httpx2.URL(HOST)
        world = World(one.client, one.server)
        world.token, world.there, world.seen, world.environment = one.token, there, seen, stated
        there.reset()
        there.partners.clear()
        for name in ("staff", "named"):
            there.learn((await one.client.get(f"{START}/{name}/metadata")).content)
        yield world


@pytest.fixture(name="world")
async def make_world(
    project_url: str, tmp_path: Path, there: IdentityProvider
) -> AsyncIterator[World]:
    async with opened(project_url, tmp_path / "data", there) as world:
        yield world


async def test_the_provider_is_told_who_we_are(world: World) -> None:
    answer = await world.client.get(f"{START}/staff/metadata")
    assert answer.headers["content-type"] == "application/samlmetadata+xml"
    tree = etree.fromstring(answer.content)
    assert tree.get("entityID") == f"{HOST}{START}/staff/metadata"
    assert found(tree, "//md:AssertionConsumerService").get("Location") == CALLBACK
    assert world.there.partners["urn:conductus:test"] == f"{HOST}{START}/named/callback"
    assert refused(await world.client.get(f"{START}/nobody/metadata")) == (1, 404)


async def test_a_browser_is_sent_with_a_question_and_keeps_a_cookie(world: World) -> None:
    answer = await world.client.get(f"{START}/staff")
    asked = query(answer.headers["location"])
    assert set(asked) == {"SAMLRequest", "RelayState"}
    assert answer.json()["data"]["state"] == asked["RelayState"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{FLOW_COOKIE}=")
    # No other cookie comes with what a page of the provider posts.
    assert {"HttpOnly", "Secure", "SameSite=None"} <= set(cookie.split("; "))
    assert not any(word in cookie for word in asked.values())


async def test_an_app_gets_a_token(world: World) -> None:
    user = await new_user(world, "Ada@Example.org")
    answer = await world.dance(redirect_url=f"{APP}/in")
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith(f"{APP}/in?request_token=")
    assert "1970" in answer.headers["set-cookie"]
    token = token_of(await world.exchanged(query(location)["request_token"]))
    assert await admits(world.client, by_token(token))
    assert await who(world, token) == user
    assert await actions(world, user) == ["authenticate"]


async def test_a_browser_gets_a_cookie(world: World) -> None:
    user = await new_user(world, ADA)
    answer = await world.dance(mode="cookie", redirect_url="/admin/#/")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HOST}/admin/#/")
    cookies = answer.headers.get_list("set-cookie")
    assert sorted(cookie.partition("=")[0] for cookie in cookies) == [SESSION_COOKIE, FLOW_COOKIE]
    mine = await world.client.get(f"/{KEY}/auth/sessions")
    assert [session["user"] for session in mine.json()["data"]] == [user]
    told = await world.dance(mode="cookie")
    assert told.json()["data"]["user"]["email"] == ADA


async def test_ways_of_signing(world: World) -> None:
    await new_user(world, ADA)
    ways: tuple[Signed, ...] = ("assertion", "response", "both", "prefixes", "elliptic")
    for signed in ways:
        world.there.signed = signed
        assert (await world.dance(name="named")).status_code == 200, signed


async def test_only_post_is_answered_to(world: World) -> None:
    fields = await world.consented(await world.to_provider())
    answer = await world.client.get(f"{START}/staff/callback", params=fields)
    assert refused(answer) == (6, 405)
    assert answer.headers["allow"] == "POST"


async def test_what_goes_wrong_is_told_to_the_app(world: World, project_url: str) -> None:
    user = await new_user(world, ADA)
    world.there.people["stranger"] = {"subject": "nobody@example.org"}
    answer = await world.dance("stranger", redirect_url="/admin/#/")
    assert answer.headers["location"] == f"{HOST}/admin/#/?error=1&code=107"
    suspended = sa.update(USERS).where(USERS.c.id == user).values(status="suspended")
    await change(project_url, suspended)
    answer = await world.dance(redirect_url=APP)
    assert answer.headers["location"] == f"{APP}?error=1&code=103"
    world.there.after = unsigned
    answer = await world.dance(redirect_url=APP)
    assert answer.headers["location"] == f"{APP}?error=1&code=-1"
    answer = await world.client.get(f"{START}/staff", params={"redirect_url": "https://evil.test"})
    assert refused(answer) == (4, 422)


async def test_a_second_factor_is_not_gone_around(world: World, project_url: str) -> None:
    user = await new_user(world, ADA)
    for secret, enforced in (("x", False), (None, True)):
        factor = sa.update(USERS).where(USERS.c.id == user).values({"2fa_secret": secret})
        await change(project_url, factor)
        rule = sa.update(ROLES).where(ROLES.c.id == 1).values(enforce_2fa=enforced)
        await change(project_url, rule)
        assert refused(await world.dance()) == (115, 401)


async def test_users_are_made_where_that_is_configured(
    project_url: str, tmp_path: Path, there: IdentityProvider
) -> None:
    role = {"SSO__NAMED__DEFAULT_ROLE": "3", "SSO__NAMED__ANYBODY": "true"}
    async with opened(project_url, tmp_path / "data", there, **role) as world:
        assert (await world.ask("POST", "/roles", json={"name": "Guests"})).status_code == 200
        there.people["new"] = {**there.people["ada"], MAIL: "new@example.org"}
        for _ in range(2):
            assert (await world.dance("new", "named")).status_code == 200
        (user,) = await world.data("/users?filter[email]=new@example.org")
        assert (user["status"], user["role"]) == ("active", 3)
        assert (user["first_name"], user["last_name"]) == ("Ada", "Quill")


# -- what must not sign anybody in ------------------------------------------------------


def at(path: str, name: str, value: str | None) -> Callable[[Any], Any]:
    """Sets an attribute, or takes it away."""

    def spoil(tree: Any) -> Any:
        element = found(tree, path)
        if value is None:
            del element.attrib[name]
        else:
            element.set(name, value)
        return tree

    return spoil


def without(path: str) -> Callable[[Any], Any]:
    def spoil(tree: Any) -> Any:
        element = found(tree, path)
        element.getparent().remove(element)
        return tree

    return spoil


def saying(path: str, text: str) -> Callable[[Any], Any]:
    def spoil(tree: Any) -> Any:
        found(tree, path).text = text
        return tree

    return spoil


def moment(**delta: int) -> str:
    return f"{datetime.now(UTC) + timedelta(**delta):%Y-%m-%dT%H:%M:%SZ}"


def with_child(path: str, child: str) -> Callable[[Any], Any]:
    def spoil(tree: Any) -> Any:
        added = f'<x xmlns:saml="{ASSERTION}" xmlns:samlp="{PROTOCOL}">{child}</x>'
        found(tree, path).append(etree.fromstring(added)[0])
        return tree

    return spoil


DATA = "//a:SubjectConfirmationData"
CONDITIONS = "//a:Conditions"
UNTRUE: dict[str, Callable[[Any], Any]] = {
    "another issuer": saying("a:Assertion/a:Issuer", "https://evil.example"),
    "no issuer": without("a:Assertion/a:Issuer"),
    "another issuer around": saying("a:Issuer", "https://evil.example"),
    "another audience": saying("//a:Audience", "https://another.example"),
    "our audience among other restrictions": with_child(
        CONDITIONS,
        "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>",
    ),
    "no audience": without("//a:AudienceRestriction"),
    "no conditions": without(CONDITIONS),
    "a condition nobody understands": with_child(CONDITIONS, "<saml:Condition/>"),
    "not yet": at(CONDITIONS, "NotBefore", moment(days=1)),
    "no longer": at(CONDITIONS, "NotOnOrAfter", moment(days=-1)),
    "a time that is none": at(CONDITIONS, "NotOnOrAfter", "tomorrow"),
    "confirmed no longer": at(DATA, "NotOnOrAfter", moment(days=-1)),
    "confirmed for ever": at(DATA, "NotOnOrAfter", None),
    "confirmed from some time on": at(DATA, "NotBefore", moment(days=-1)),
    "another recipient": at(DATA, "Recipient", "https://another.example/callback"),
    "another project's recipient": at(DATA, "Recipient", CALLBACK.replace(KEY, "other")),
    "no recipient": at(DATA, "Recipient", None),
    "another question": at(DATA, "InResponseTo", "_another"),
    "no question": at(DATA, "InResponseTo", None),
    "another question around": at(".", "InResponseTo", "_another"),
    "nothing confirmed": without("//a:SubjectConfirmation"),
    "confirmed by a key": at(
        "//a:SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
    ),
    "nobody signed in": without("//a:AuthnStatement"),
    "the session is over": at("//a:AuthnStatement", "SessionNotOnOrAfter", moment(days=-1)),
    "another destination": at(".", "Destination", "https://another.example/callback"),
    "another version": at("a:Assertion", "Version", "1.1"),
    "another version around": at(".", "Version", "1.1"),
    "no subject": without("//a:Subject"),
    "denied": at("//p:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"),
    "no status": without("p:Status"),
    "an encrypted one": with_child(".", "<saml:EncryptedAssertion/>"),
    "two of them": with_child(".", '<saml:Assertion ID="_two" Version="2.0"/>'),
    "markup in the name": with_child("//a:NameID", "<saml:b/>"),
}


def unsigned(tree: Any) -> Any:
    return without("//ds:Signature")(tree)


def forged(assertion: Any) -> Any:
    """What an attacker would like to have been said, without a signature."""
    made = deepcopy(assertion)
    for each in made.xpath(".//ds:Signature", namespaces=NAMES):
        each.getparent().remove(each)
    made.set("ID", f"_{secrets.token_hex(8)}")
    found(made, ".//a:NameID").text = "admin@example.com"
    return made


def wrapped_before(tree: Any) -> Any:
    """The forged one first, the signed one after it."""
    signed = found(tree, "a:Assertion")
    signed.addprevious(forged(signed))
    return tree


def wrapped_around(tree: Any) -> Any:
    """The signed one inside of the forged one."""
    signed = found(tree, "a:Assertion")
    evil = forged(signed)
    signed.addprevious(evil)
    evil.append(signed)
    return tree


def wrapped_in_extensions(tree: Any) -> Any:
    """The signed one where nobody looks, the forged one in its place."""
    signed = found(tree, "a:Assertion")
    evil = forged(signed)
    signed.addprevious(evil)
    extensions = etree.SubElement(tree, f"{{{PROTOCOL}}}Extensions")
    extensions.append(signed)
    return tree


def wrapped_in_the_signature(tree: Any) -> Any:
    """The forged one carries the signature, which carries what it signs."""
    signed = found(tree, "a:Assertion")
    signature = found(tree, "//ds:Signature")
    evil = forged(signed)
    signed.addprevious(evil)
    evil.insert(1, signature)
    inside = etree.SubElement(signature, f"{{{NAMES['ds']}}}Object")
    inside.append(signed)
    return tree


def wrapped_with_the_same_number(tree: Any) -> Any:
    signed = found(tree, "a:Assertion")
    evil = forged(signed)
    evil.set("ID", signed.get("ID"))
    signed.addprevious(evil)
    return tree


def wrapped_whole(tree: Any) -> Any:
    """A response in a response."""
    outer = deepcopy(tree)
    evil = forged(found(outer, "a:Assertion"))
    for each in outer.xpath("a:Assertion", namespaces=NAMES):
        outer.remove(each)
    outer.append(evil)
    extensions = etree.SubElement(outer, f"{{{PROTOCOL}}}Extensions")
    extensions.append(tree)
    return outer


def signature_moved_up(tree: Any) -> Any:
    """The signature of the assertion, as if it were that of the response."""
    signature = found(tree, "//ds:Signature")
    tree.insert(1, signature)
    found(tree, "//a:NameID").text = "admin@example.com"
    return tree


def with_entity(tree: Any) -> bytes:
    text = etree.tostring(tree).decode()
    return (
        f'<!DOCTYPE x [<!ENTITY who "{ADA}">]>{text.replace(f">{ADA}<", ">&who;<", 1)}'
    ).encode()


def with_type(tree: Any) -> bytes:
    text: bytes = etree.tostring(tree)
    return b"<!DOCTYPE x>" + text


def shortened(tree: Any) -> Any:
    return etree.tostring(tree)[:-30]


FORGED: dict[str, Callable[[Any], Any]] = {
    "unsigned": unsigned,
    "changed": saying("//a:NameID", "admin@example.com"),
    "a changed signature": saying("//ds:SignatureValue", b64encode(b"x" * 256).decode()),
    "a changed digest": saying("//ds:DigestValue", b64encode(b"x" * 32).decode()),
    "no digest": without("//ds:DigestValue"),
    "no reference": without("//ds:Reference"),
    "an unknown algorithm": at("//ds:SignatureMethod", "Algorithm", "urn:none"),
    "a shared secret": at(
        "//ds:SignatureMethod",
        "Algorithm",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ),
    "a reference to elsewhere": at("//ds:Reference", "URI", "https://evil.example/x"),
    "a reference to everything": at("//ds:Reference", "URI", ""),
    "wrapped before": wrapped_before,
    "wrapped around": wrapped_around,
    "wrapped in extensions": wrapped_in_extensions,
    "wrapped in the signature": wrapped_in_the_signature,
    "wrapped with the same number": wrapped_with_the_same_number,
    "wrapped whole": wrapped_whole,
    "the signature moved up": signature_moved_up,
    "an entity": with_entity,
    "a document type": with_type,
    "half of it": shortened,
    "another document": lambda _: b"<x/>",
    "no document": lambda _: b"nonsense",
    "nothing": lambda _: b"",
    "too much": lambda tree: etree.tostring(tree) + b" " * 600_000,
}


async def test_what_a_provider_must_not_say(world: World) -> None:
    await new_user(world, ADA)
    for name, spoil in UNTRUE.items():
        world.there.before = spoil
        assert refused(await world.dance()) == (2, 400), name
        (told,) = [each for each in world.seen if isinstance(each, SignInRefused)]
        assert told.provider == "staff", name
        world.seen.clear()
    world.there.reset()
    assert (await world.dance()).status_code == 200


async def test_what_nobody_must_make_of_it(world: World) -> None:
    await new_user(world, ADA)
    there = world.there
    ways: tuple[Signed, ...] = ("assertion", "response")
    for there.signed in ways:
        for name, there.after in FORGED.items():
            assert refused(await world.dance()) == (2, 400), (name, there.signed)
    there.reset()
    there.before = at(DATA, "Recipient", "https://another.example/callback")
    there.after = at(DATA, "Recipient", CALLBACK)
    assert refused(await world.dance()) == (2, 400)
    there.reset()
    keys: tuple[tuple[Signed, Pair], ...] = (
        ("assertion", rsa_pair()),
        ("elliptic", there.elliptic),
        ("sha1", there.pair),
    )
    for signed, key in keys:
        there.signed, there.signs_with = signed, key
        assert refused(await world.dance()) == (2, 400), signed
    assert await rows_of_requests(world) == 1


async def test_a_name_does_not_end_at_a_comment(world: World) -> None:
    """Who may choose a name at the provider is not who it begins with."""
    await new_user(world, ADA)
    world.there.people["eve"] = {
        "subject": f"{ADA}.evil.example",
        MAIL: f"{ADA}.evil.example",
    }

    def commented(tree: Any) -> bytes:
        text: bytes = etree.tostring(tree)
        return text.replace(f"{ADA}.evil".encode(), f"{ADA}<!-- -->.evil".encode())

    def instructed(tree: Any) -> bytes:
        text: bytes = etree.tostring(tree)
        return text.replace(f"{ADA}.evil".encode(), f"{ADA}<?x?>.evil".encode())

    for spoil in (commented, instructed):
        for name in ("staff", "named"):
            world.there.after = spoil
            assert refused(await world.dance("eve", name)) == (107, 404)


ADDRESSES: tuple[tuple[dict[str, str], bool], ...] = (
    ({MAIL: ADA}, True),
    ({MAIL: f" {ADA.upper()} "}, True),
    ({"mail": ADA}, False),
    ({MAIL: "àda@example.org"}, False),
    ({MAIL: ""}, False),
    ({MAIL: f"{ADA}, x@example.org"}, False),
    ({}, False),
)


async def test_the_attribute_that_holds_the_address(world: World) -> None:
    await new_user(world, ADA)
    for person, lets_in in ADDRESSES:
        world.there.people["somebody"] = {"subject": ADA, **person}
        answer = await world.dance("somebody", "named")
        assert answer.status_code == (200 if lets_in else 404), person


async def test_a_name_that_is_no_address_counts_for_nothing(world: World) -> None:
    await new_user(world, ADA)
    persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    world.there.before = at("//a:NameID", "Format", persistent)
    assert refused(await world.dance()) == (107, 404)

    def twice(tree: Any) -> Any:
        value = f'<saml:AttributeValue xmlns:saml="{ASSERTION}">{ADA}</saml:AttributeValue>'
        found(tree, f"//a:Attribute[@Name='{MAIL}']").append(etree.fromstring(value))
        return tree

    world.there.before = twice
    assert refused(await world.dance(name="named")) == (107, 404)


async def test_the_answer_must_be_to_this_browsers_question(world: World) -> None:
    await new_user(world, ADA)
    fields = await world.consented(await world.to_provider())
    mine = dict(world.client.cookies)
    world.client.cookies.clear()
    # Another browser, which did not ask, or asked something else.
    assert refused(await world.posted(fields)) == (2, 400)
    other = query(await world.to_provider())
    assert refused(await world.posted(fields)) == (2, 400)
    # An attacker's own answer in the browser of somebody who has begun to sign in.
    assert refused(await world.posted({**fields, "RelayState": other["RelayState"]})) == (2, 400)
    world.client.cookies.clear()
    world.client.cookies.update(mine)
    for spoilt in ("", "x", fields["RelayState"].swapcase()):
        assert refused(await world.posted({**fields, "RelayState": spoilt})) == (2, 400)
    assert refused(await world.posted({"RelayState": fields["RelayState"]})) == (2, 400)
    assert refused(await world.posted(fields, "named")) == (2, 400)
    assert refused(await world.posted({"x": "y"})) == (2, 400)
    assert (await world.posted(fields)).status_code == 200
    assert await rows_of_requests(world) == 1


async def test_an_assertion_is_good_once_in_whichever_worker(world: World, tmp_path: Path) -> None:
    await new_user(world, ADA)
    fields = await world.consented(await world.to_provider())
    kept = dict(world.client.cookies)
    config = ServerConfig(public_url=HOST)
    async with running(tmp_path / "data", world.environment, config, silent) as server:
        transport = httpx2.ASGITransport(app=server)
        async with httpx2.AsyncClient(transport=transport, base_url=HOST) as other:
            other.cookies.update(kept)
            path = f"{START}/staff/callback"
            answers = await asyncio.gather(
                *(client.post(path, data=fields) for client in (world.client, other) * 2)
            )
            assert sorted(each.status_code for each in answers) == [200, 400, 400, 400]
            other.cookies.update(kept)
            assert refused(await other.post(path, data=fields)) == (2, 400)
    told = {each.problem for each in world.seen if isinstance(each, SignInRefused)}
    assert told <= {"ValueError: the assertion was used before"}


async def test_a_certificate_that_has_expired_signs_nothing(
    project_url: str, tmp_path: Path, there: IdentityProvider
) -> None:
    old = rsa_pair(days=-1)
    more = {"SSO__STAFF__SAML__CERTIFICATE": old.bare}
    async with opened(project_url, tmp_path / "data", there, **more) as world:
        await new_user(world, ADA)
        there.signs_with = old
        assert refused(await world.dance()) == (2, 400)
        (told,) = [each for each in world.seen if isinstance(each, SignInRefused)]
        assert "expired" in told.problem


async def test_the_question_says_who_asks(world: World) -> None:
    url = await world.to_provider("named")
    assert world.there.url in url
    fields = await world.consented(url)
    answer = etree.fromstring(b64decode(fields["SAMLResponse"]))
    assert found(answer, "//a:Audience").text == "urn:conductus:test"
