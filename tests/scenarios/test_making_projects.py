"""Projects made and removed over the API. Source: projects page §1; security, "Operations"."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from conductus.app import running
from conductus.config import (
    CreationConfig,
    MailConfig,
    ServerConfig,
    new_project_config,
    project_config,
    project_path,
    save_new_project,
)
from conductus.database.dialect import Name as Driver
from conductus.database.introspection import introspect
from conductus.database.opening import open_database
from conductus.projects import setup
from conductus.schema.system import load_system
from conductus.telemetry import silent
from tests.databases import DRIVERS, fresh_database
from tests.postbox import part, postbox
from tests.scenarios.canaries import Canaries
from tests.scenarios.mailing import addressed, to

TOKEN = "A super-admin's token"
BEARER = {"authorization": f"Bearer {TOKEN}"}
EMAIL = "ada@example.com"
PASSWORD = "Ada's own password 7"
LOGIN = {"user_email": EMAIL, "user_password": PASSWORD}
SYSTEM = load_system()
OWN = sa.schema.CreateTable(sa.Table("own", sa.MetaData(), sa.Column("n", sa.Integer)))
HERE = "http://127.0.0.1:8055"


class Site:
    """A server, and a client of it."""

    def __init__(self, server: Any, client: httpx2.AsyncClient, data: Path) -> None:
        self.server = server
        self.client = client
        self.data = data

    async def create(
        self, key: str, url: str, headers: Mapping[str, str] = BEARER, **more: Any
    ) -> httpx2.Response:
        body = {"project": key, "db_url": url, **LOGIN, **more}
        body = {name: value for name, value in body.items() if value is not None}
        return await self.client.post("/server/projects", json=body, headers=headers)

    async def keys(self) -> list[str]:
        answer = await self.client.get("/server/projects")
        if answer.status_code == 503:
            return []
        return list(answer.json()["data"])

    async def sign_in(self, key: str) -> str:
        login = {"email": EMAIL, "password": PASSWORD}
        answer = await self.client.post(f"/{key}/auth/authenticate", json=login)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["token"])

    @asynccontextmanager
    async def at(self, peer: str, base_url: str = HERE) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with another address."""
        transport = httpx2.ASGITransport(app=self.server, client=(peer, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=base_url) as client:
            yield client


@asynccontextmanager
async def site(
    data: Path, *databases: str, token: str = TOKEN, mail: MailConfig | None = None
) -> AsyncIterator[Site]:
    config = ServerConfig(
        super_admin_token=token,
        creation=CreationConfig(databases=databases),
        first_project="",
        public_url=HERE,
        mail=mail or MailConfig(),
    )
    canaries = Canaries(super_admin=TOKEN, password=PASSWORD)
    heard = canaries.overhearing(silent)
    async with running(data, {}, config, heard) as server:
        watched = canaries.watching(server)
        transport = httpx2.ASGITransport(app=watched)
        async with httpx2.AsyncClient(transport=transport, base_url=HERE) as client:
            yield Site(watched, client, data)
    canaries.verify()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Site]:
    """A server without a project."""
    async with site(tmp_path / "data") as found:
        yield found


@asynccontextmanager
async def a_database(driver: Driver, data: Path) -> AsyncIterator[str]:
    """A fresh one, by an address with user and password."""
    data.mkdir(exist_ok=True)
    async with fresh_database(driver, "making", data) as url:
        yield with_password(url)


def with_password(url: str) -> str:
    if url.startswith("sqlite"):
        return url
    parts = make_url(url)
    return parts.set(password=parts.password or "").render_as_string(hide_password=False)


async def tables(url: str) -> set[str]:
    database = await open_database(url)
    try:
        return {table.name for table in await introspect(database)}
    finally:
        await database.close()


async def run(url: str, statement: sa.schema.CreateTable) -> None:
    sql = str(statement.compile(dialect=make_url(url).get_dialect()()))
    database = await open_database(url)
    try:
        async with database.schema_transaction() as transaction:
            await transaction.execute(sql)
    finally:
        await database.close()


def refused(answer: httpx2.Response) -> tuple[int, int]:
    return answer.json()["error"]["code"], answer.status_code


# -- making ---------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_project_is_made_used_and_removed(driver: Driver, tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with a_database(driver, data) as url, site(data) as place:
        assert await place.keys() == []
        made = await place.create(
            "shop", url, project_name="The shop", app_url="https://shop.example", locale="de-DE",
            timezone="Europe/Berlin", user_token="A.static-token-of-ada",
        )  # fmt: skip
        assert (made.status_code, made.json()) == (200, {"public": True})
        assert await place.keys() == ["shop"]
        bearer = {"authorization": f"Bearer {await place.sign_in('shop')}"}
        told = (await place.client.get("/shop/", headers=bearer)).json()["data"]["api"]
        assert (told["project_name"], told["default_locale"]) == ("The shop", "de-DE")
        static = {"authorization": "Bearer A.static-token-of-ada"}
        me = (await place.client.get("/shop/users/me", headers=static)).json()["data"]
        assert (me["email"], me["timezone"], me["locale"]) == (EMAIL, "Europe/Berlin", "de-DE")
        path = data / "projects" / "shop.toml"
        assert path.stat().st_mode & 0o777 == 0o600
        secrets = project_config(data, "shop", {}).auth
        assert len({secrets.secret_key, secrets.public_key}) == 2

        # The tables of the project stay unless it is asked for, those of users in any case.
        await run(
            url, sa.schema.CreateTable(sa.Table("own", sa.MetaData(), sa.Column("n", sa.Integer)))
        )
        gone = await place.client.delete("/server/projects/shop", headers=BEARER)
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await place.client.get("/shop/")).status_code == 404
        assert await place.keys() == []
        assert not path.exists()
        assert {"own", "directus_users"} <= await tables(url)

        assert (await place.create("shop", url, existing=True)).status_code == 200
        path_ = f"/server/projects/shop?super_admin_token={TOKEN}&drop=system"
        assert (await place.client.delete(path_)).status_code == 204
        assert await tables(url) == {"own"}


@pytest.mark.parametrize("driver", DRIVERS)
async def test_tables_that_are_there_are_used_or_replaced_on_demand_alone(
    driver: Driver, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    async with a_database(driver, data) as url, site(data) as place:
        assert (await place.create("old", url)).status_code == 200
        await place.client.delete("/server/projects/old", headers=BEARER)
        before = await tables(url)
        unconfirmed: list[dict[str, Any]] = [
            {"force": True},
            {"force": True, "force_confirm": "old"},
        ]
        for more in ({}, *unconfirmed):
            answer = await place.create("new", url, **more)
            assert refused(answer) == ((19, 400) if not more else (4, 422))
        both: dict[str, Any] = {"force": True, "existing": True, "force_confirm": "new"}
        assert refused(await place.create("new", url, **both)) == (4, 422)
        assert await place.keys() == []
        assert await tables(url) == before

        # Used as they are: nobody is added unless named.
        nobody: dict[str, Any] = {"user_email": None, "user_password": None}
        assert (await place.create("new", url, existing=True, **nobody)).status_code == 200
        bearer = {"authorization": f"Bearer {await place.sign_in('new')}"}
        note = {"email": "b@example.com", "password": PASSWORD, "status": "active", "role": 1}
        assert (await place.client.post("/new/users", json=note, headers=bearer)).status_code == 200
        await place.client.delete("/server/projects/new", headers=BEARER)

        assert (await place.create("new", url, force=True, force_confirm="new")).status_code == 200
        bearer = {"authorization": f"Bearer {await place.sign_in('new')}"}
        users = (await place.client.get("/new/users", headers=bearer)).json()["data"]
        assert [user["email"] for user in users] == [EMAIL]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_creation_that_fails_leaves_nothing(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    async with a_database(driver, data) as url, site(data) as place:
        await run(
            url, sa.schema.CreateTable(sa.Table("own", sa.MetaData(), sa.Column("n", sa.Integer)))
        )
        # The last step: there is no room for the configuration.
        (data / "projects").mkdir(exist_ok=True)
        monkeypatch.setattr(setup, "save_new_project", no_room)
        assert (await place.create("shop", url)).status_code == 500
        monkeypatch.undo()
        assert await tables(url) == {"own"}
        assert await place.keys() == []
        assert (await place.create("shop", url)).status_code == 200


def no_room(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
async def test_tables_of_users_that_refer_to_ours_keep_them_from_being_replaced(
    driver: Driver, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    async with a_database(driver, data) as url, site(data) as place:
        assert (await place.create("old", url)).status_code == 200
        await place.client.delete("/server/projects/old", headers=BEARER)
        kind = sa.Integer() if driver == "postgresql" else sa.dialects.mysql.INTEGER(unsigned=True)
        users = sa.Table("directus_users", sa.MetaData(), sa.Column("id", kind, primary_key=True))
        own = sa.Table("own", users.metadata, sa.Column("who", kind, sa.ForeignKey(users.c.id)))
        await run(url, sa.schema.CreateTable(own))
        answer = await place.create("new", url, force=True, force_confirm="new")
        assert refused(answer) == (19, 400)
        assert await place.keys() == []
        assert {"own", *SYSTEM.tables} == await tables(url)
        assert (await place.create("new", url, existing=True)).status_code == 200
        # Nor do they go with the project.
        path = "/server/projects/new"
        gone = await place.client.delete(f"{path}?drop=system", headers=BEARER)
        assert refused(gone) == (12, 422)
        assert await place.keys() == ["new"]
        assert {"own", *SYSTEM.tables} == await tables(url)


async def test_a_sqlite_file_that_was_made_in_vain_is_gone(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "save_new_project", no_room)
    assert (await place.create("shop", "sqlite:///shop.db")).status_code == 500
    assert [path.name for path in place.data.iterdir() if path.name.startswith("shop")] == []


# -- who may --------------------------------------------------------------------------


async def test_who_has_no_token_is_told_nothing(place: Site) -> None:
    assert (await place.create("shop", "sqlite:///shop.db")).status_code == 200
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic QQ=="}):
        answers = [
            await place.create("shop", "sqlite:///shop.db", headers),
            await place.create("nope/nope", "nonsense", headers, force=1),
            await place.client.delete("/server/projects/shop", headers=headers),
            await place.client.delete("/server/projects/nope?super_admin_token=x", headers=headers),
            await place.client.get("/server/info", headers=headers),
        ]
        assert {refused(answer) for answer in answers} <= {(3, 401), (7, 429)}
    assert await place.keys() == ["shop"]


async def test_guessing_is_slowed_down(place: Site) -> None:
    async with place.at("203.0.113.9") as client:
        wrong = {"authorization": "Bearer a guess"}
        answers = [await client.get("/server/info", headers=wrong) for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        assert int(answers[-1].headers["retry-after"]) > 0
    # Nobody else pays for it.
    assert (await place.client.get("/server/info", headers=BEARER)).status_code == 200


async def test_the_first_creation_sets_the_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with site(data, token="") as place:
        assert refused(
            await place.create("a", "sqlite:///a.db", {}, super_admin_token="short")
        ) == (
            4,
            422,
        )
        # What fails sets none.
        answer = await place.create(
            "a", "sqlite:///../a.db", {}, super_admin_token="Another token 1"
        )
        assert answer.status_code != 200
        answer = await place.create("a", "sqlite:///../a.db", {}, super_admin_token=TOKEN + "!")
        assert refused(answer) == (19, 400)
        assert not (data / "super-admin").exists()
        made = await place.create("a", "sqlite:///a.db", {}, super_admin_token=TOKEN)
        assert made.status_code == 200
        other = await place.create("b", "sqlite:///b.db", {}, super_admin_token=TOKEN + "!")
        assert refused(other) == (3, 401)
        assert (await place.create("b", "sqlite:///b.db")).status_code == 200
        stored = data / "super-admin"
        assert stored.stat().st_mode & 0o777 == 0o600
        assert TOKEN not in stored.read_text()
    # It outlives the server, and the projects.
    async with site(data, token="") as place:
        for key in ("a", "b"):
            path = f"/server/projects/{key}"
            assert (await place.client.delete(path, headers=BEARER)).status_code == 204
        assert refused(
            await place.create("c", "sqlite:///c.db", {}, super_admin_token="x" * 20)
        ) == (
            3,
            401,
        )


NOT_FROM_HERE = [
    ("another machine", "203.0.113.9", HERE, {}),
    ("behind a proxy", "127.0.0.1", HERE, {"x-forwarded-for": "127.0.0.1"}),
    ("behind a proxy that says so", "127.0.0.1", HERE, {"via": "1.1 proxy"}),
    ("by another name", "127.0.0.1", "http://rebound.example:8055", {}),
    ("from a page", "127.0.0.1", HERE, {"origin": "https://evil.example"}),
    ("from a page of another port", "127.0.0.1", HERE, {"origin": "http://127.0.0.1:3000"}),
]


@pytest.mark.parametrize(
    ("peer", "base", "headers"),
    [row[1:] for row in NOT_FROM_HERE],
    ids=[row[0] for row in NOT_FROM_HERE],
)
async def test_nobody_from_elsewhere_makes_the_first_project(
    tmp_path: Path, peer: str, base: str, headers: dict[str, str]
) -> None:
    body = {"project": "a", "db_url": "sqlite:///a.db", "super_admin_token": TOKEN, **LOGIN}
    async with site(tmp_path / "data", token="") as place, place.at(peer, base) as client:
        answer = await client.post("/server/projects", json=body, headers=headers)
        assert refused(answer) == (3, 401)
        assert await place.keys() == []
    # With the operator's token it is nobody's business where the request comes from.
    async with site(tmp_path / "data") as place, place.at(peer, base) as client:
        answer = await client.post("/server/projects", json=body, headers=headers)
        assert answer.status_code == 200


async def test_projects_of_the_command_line_give_nobody_the_token(tmp_path: Path) -> None:
    save_new_project(tmp_path, "main", new_project_config("sqlite:///main.db"))
    async with site(tmp_path, token="") as place:
        answer = await place.create("a", "sqlite:///a.db", {}, super_admin_token=TOKEN)
        assert refused(answer) == (3, 401)


# -- what may not be asked for ----------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("no key", {"project": None}, (4, 422)),
    ("a key of another type", {"project": ["a"]}, (4, 422)),
    ("a key with a slash", {"project": "a/b"}, (22, 400)),
    ("a key that leads elsewhere", {"project": ".."}, (22, 400)),
    ("a key that is taken by the server", {"project": "Server"}, (22, 400)),
    ("a key with a line break", {"project": "a\n"}, (22, 400)),
    ("no login", {"user_email": None}, (4, 422)),
    ("no password", {"user_password": None}, (4, 422)),
    ("an address that is none", {"user_email": "ada"}, (4, 422)),
    ("a password that nobody can type", {"user_password": "a\0b"}, (4, 422)),
    ("a token that can be guessed", {"user_token": "short"}, (4, 422)),
    ("what nobody knows", {"db_prefix": "x_"}, (4, 422)),
    ("a flag that is none", {"private": "perhaps"}, (4, 422)),
    ("another type than the address", {"db_type": "mysql"}, (19, 400)),
    ("no database", {"db_url": None, "db_type": "sqlite"}, (4, 422)),
    ("an unknown type", {"db_type": "oracle"}, (4, 422)),
    ("nonsense", {"db_url": "nonsense"}, (19, 400)),
    ("a file elsewhere", {"db_url": "sqlite:////etc/x.db"}, (19, 400)),
    ("a file above", {"db_url": "sqlite:///../x.db"}, (19, 400)),
    ("a file among uploads", {"db_url": "sqlite:///files/shop/originals/x.db"}, (19, 400)),
    ("settings as a database", {"db_url": "sqlite:///conductus.toml"}, (19, 400)),
    ("memory", {"db_url": "sqlite:///:memory:"}, (19, 400)),
    ("a URI of SQLite", {"db_url": "sqlite:///file:x.db?mode=ro"}, (19, 400)),
    ("a link", {"db_url": "sqlite:///link.db"}, (19, 400)),
    ("another machine", {"db_url": "postgresql://u:p@db.internal/x"}, (19, 400)),
    ("an address of the network", {"db_url": "mysql://u:p@10.1.2.3/x"}, (19, 400)),
    ("the machine's metadata", {"db_url": "mysql://u:p@169.254.169.254/x"}, (19, 400)),
    ("this machine in disguise", {"db_url": "mysql://u:p@2130706433/x"}, (19, 400)),
    ("this machine by IPv6", {"db_url": "mysql://u:p@[::ffff:10.0.0.1]/x"}, (19, 400)),
    ("another port of this machine", {"db_url": "postgresql://u:p@127.0.0.1:22/x"}, (19, 400)),
    ("a socket", {"db_url": "postgresql://u:p@/x?host=/var/run"}, (19, 400)),
    ("a socket of MySQL", {"db_url": "mysql://u:p@localhost/x?unix_socket=/run/s"}, (19, 400)),
    ("a file of this machine", {"db_url": "mysql://u:p@localhost/x?ssl_ca=/etc/x"}, (19, 400)),
    ("several hosts", {"db_url": "postgresql://u:p@localhost,evil.example/x"}, (19, 400)),
    ("no password of the database", {"db_url": "postgresql://u@127.0.0.1/x"}, (19, 400)),
    ("nobody of the database", {"db_url": "postgresql://127.0.0.1/x"}, (19, 400)),
    ("a host by its part", {"db_url": None, "db_host": "db.internal", "db_name": "x",
     "db_user": "u"}, (19, 400)),
    ("a port that is none", {"db_port": 70_000, "db_url": None, "db_name": "x", "db_user": "u"},
     (19, 400)),
]  # fmt: skip


@pytest.fixture(scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    data = tmp_path_factory.mktemp("strict")
    (data / "link.db").symlink_to(data.parent / "elsewhere.db")
    async with site(data) as found:
        yield found


@pytest.mark.parametrize(
    ("body", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_what_is_refused(
    strict: Site, body: dict[str, Any], expected: tuple[int, int]
) -> None:
    asked = {"project": "shop", "db_url": "sqlite:///shop.db", **LOGIN, **body}
    asked = {name: value for name, value in asked.items() if value is not None}
    answer = await strict.client.post("/server/projects", json=asked, headers=BEARER)
    assert refused(answer) == expected, answer.text
    assert PASSWORD not in answer.text
    assert await strict.keys() == []
    assert not list(strict.data.glob("shop*"))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'"x"', b"\xff"])
async def test_a_body_that_is_none(strict: Site, content: bytes) -> None:
    answer = await strict.client.post("/server/projects", content=content, headers=BEARER)
    assert refused(answer) == (13, 400)


async def test_a_body_that_is_too_large(strict: Site) -> None:
    answer = await strict.create("shop", "sqlite:///shop.db", app_url="x" * 70_000)
    assert refused(answer) == (12, 413)


async def test_a_file_with_a_name_that_none_may_have_hinders_nobody(place: Site) -> None:
    (place.data / "projects").mkdir(exist_ok=True)
    (place.data / "projects" / "a b.toml").write_text("")
    assert (await place.create("shop", "sqlite:///a.db")).status_code == 200
    gone = await place.client.delete("/server/projects/shop", headers=BEARER)
    assert gone.status_code == 204


async def test_keys_are_taken_once(place: Site) -> None:
    assert (await place.create("my-shop", "sqlite:///a.db")).status_code == 200
    assert refused(await place.create("my-shop", "sqlite:///b.db")) == (18, 409)
    # To the environment, and to some file systems, these are the same.
    assert refused(await place.create("My_Shop", "sqlite:///b.db")) == (18, 409)
    assert not (place.data / "b.db").exists()


async def test_the_database_of_another_project_is_not_to_be_had(place: Site) -> None:
    assert (await place.create("one", "sqlite:///a.db")).status_code == 200
    for url in ("sqlite:///a.db", f"sqlite:///{place.data / 'a.db'}", "sqlite:///./a.db"):
        answer = await place.create("two", url, existing=True)
        assert refused(answer) == (19, 400)


async def test_who_administers_a_new_project_is_told_by_mail(tmp_path: Path) -> None:
    async with postbox() as box, site(tmp_path / "data", mail=to(box)) as place:
        assert (await place.create("shop", "sqlite:///a.db")).status_code == 200
        await place.sign_in("shop")
        message = await box.message()
        assert (addressed(message), message["subject"]) == (EMAIL, "shop is there")
        assert f"{HERE}/shop/" in part(message, "plain")
        assert PASSWORD not in str(message)


async def test_nothing_waits_where_no_mail_can_leave(place: Site) -> None:
    assert (await place.create("shop", "sqlite:///a.db")).status_code == 200
    database = await open_database(f"sqlite:///{place.data / 'a.db'}")
    try:
        assert await database.fetch("SELECT * FROM conductus_outbox") == []
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("theirs", "wanted"),
    [
        ("db.internal", "DB.internal."),
        ("db.internal.", "db.internal:5432"),
        ("[fd00::1]", "[fd00:0:0::1]"),
        ("127.0.0.1", "localhost."),
        ("10.0.0.1", "[::ffff:10.0.0.1]"),
    ],
)
async def test_a_database_is_one_however_its_host_is_written(
    tmp_path: Path, theirs: str, wanted: str
) -> None:
    async with site(tmp_path / "data", "db.internal", "fd00::/8", "10.0.0.0/8") as place:
        url = f"postgresql://u:p@{theirs}/x"
        save_new_project(place.data, "one", new_project_config(url))
        answer = await place.create("two", f"postgresql://v:q@{wanted}/x", existing=True)
        assert refused(answer) == (19, 400)
        assert "Another project" in answer.text


async def test_a_project_whose_configuration_is_broken_may_have_any_database(place: Site) -> None:
    assert (await place.create("one", "sqlite:///a.db")).status_code == 200
    project_path(place.data, "one").write_text('[database]\nurl = "sqlite:///a.db"\nurll = 1\n')
    for url in ("sqlite:///a.db", "sqlite:///b.db"):
        answer = await place.create("two", url, existing=True)
        assert refused(answer) == (19, 400)
        assert "'one'" in answer.text


async def test_named_hosts_may_be_reached(tmp_path: Path) -> None:
    async with site(tmp_path / "data", "127.0.0.0/8") as place:
        # Nobody listens there: it was tried.
        answer = await place.create("shop", "postgresql://u:p@127.0.0.1:9/x")
        assert refused(answer) == (19, 400)
        assert "cannot be reached" in answer.text


async def test_a_private_project_is_not_listed(place: Site) -> None:
    assert (await place.create("open", "sqlite:///a.db")).status_code == 200
    assert (await place.create("hidden", "sqlite:///b.db", private=True)).status_code == 200
    assert await place.keys() == ["open"]
    assert (await place.client.get("/hidden/")).status_code == 200


async def test_removing_what_is_not_there(place: Site) -> None:
    for path, expected in [
        ("/server/projects/nope", (24, 404)),
        ("/server/projects/..%2fx", (24, 404)),
        ("/server/projects/%ff", (4, 422)),
        ("/server/projects/nope?drop=everything", (4, 422)),
    ]:
        assert refused(await place.client.delete(path, headers=BEARER)) == expected


async def test_a_project_whose_tables_cannot_be_dropped_stays(place: Site) -> None:
    save_new_project(place.data, "far", new_project_config("postgresql://u:p@127.0.0.1:9/x"))
    path = "/server/projects/far"
    assert refused(await place.client.delete(f"{path}?drop=system", headers=BEARER)) == (11, 503)
    assert await place.keys() == ["far"]
    assert (await place.client.delete(path, headers=BEARER)).status_code == 204


async def test_what_the_server_tells_of_itself(place: Site) -> None:
    found = (await place.client.get(f"/server/info?super_admin_token={TOKEN}")).json()["data"]
    assert found.keys() == {"directus", "conductus", "server", "php", "python", "permissions"}
    assert found["directus"] == "8.8.1"
    assert found["server"].keys() == {"type", "rewrites", "os", "os_version"}
    assert (found["php"]["version"], found["php"]["extensions"]) == (None, {})
    assert re.fullmatch(r"3\.\d+\.\d+\S*", found["python"])
