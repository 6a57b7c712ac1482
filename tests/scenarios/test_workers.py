"""Several workers: each sees what any of them changed, at its next request.

Reference: projects and server §1; authentication §13. Requests are sent to each worker on
purpose: the kernel knows which one holds the other end of a connection.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from conductus.auth.login import OF_ADDRESSES
from tests.scenarios.binary import Running
from tests.scenarios.forked import conductus
from tests.scenarios.wire import PASSWORD, Answer, Wire, install, served

WORKERS = 2
MOST_CONNECTIONS = 500
EMAIL = "ada@example.org"
ADA = {"email": EMAIL, "password": PASSWORD, "status": "active", "role": 1}
STATIC = "Static.Token-of-Ada"
SUPER_ADMIN = "Token.of-the-super-admin"
ID = {
    **{"field": "id", "type": "integer", "datatype": "INT", "length": 11},
    **{"primary_key": True, "auto_increment": True, "interface": "numeric"},
}


def text(name: str) -> dict[str, Any]:
    return {
        **{"field": name, "type": "string", "datatype": "VARCHAR", "length": 100},
        "interface": "text-input",
    }


class Crew:
    """A connection to each worker."""

    def __init__(self, wires: list[Wire], folder: Path, server: Running) -> None:
        self.wires = wires
        self.folder = folder
        self.server = server

    @property
    def first(self) -> Wire:
        return self.wires[0]

    @property
    def last(self) -> Wire:
        return self.wires[-1]

    def every(self, method: str, path: str, token: str | None = None) -> list[Answer]:
        """The answer of each worker to the same request, the one that changed nothing first."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return [wire.request(method, path, None, **headers) for wire in reversed(self.wires)]

    def agree(self, path: str, status: int, token: str | None = None) -> None:
        """Each worker answers with this status."""
        answers = self.every("GET", path, token)
        assert [answer.status for answer in answers] == [status] * len(answers), answers

    def do(self, method: str, path: str, body: Any = None) -> Any:
        """A change by way of the first worker."""
        answer = self.first.ask(method, path, body)
        assert answer.status in (200, 204), answer.body
        return answer.json.get("data") if answer.body else None


@contextmanager
def crew(folder: Path, **environment: str) -> Iterator[Crew]:
    with ExitStack() as stack:
        served_ = served(folder, "--workers", str(WORKERS), **environment)
        server, wire = stack.enter_context(served_)
        held: dict[int, Wire] = {}
        for _ in range(MOST_CONNECTIONS):
            another = stack.enter_context(closing(wire.another()))
            # Answered: a worker has taken the connection.
            assert another.request("GET", "/server/ping").status == 200
            held.setdefault(worker_of(another, server), another)
            if len(held) == WORKERS:
                break
        assert len(held) == WORKERS, held
        yield Crew(list(held.values()), folder, server)


def worker_of(wire: Wire, server: Running) -> int:
    """The process that holds the other end of a connection."""
    client = wire.connection.sock.getsockname()[1]
    wanted = f":{wire.port:04X}", f":{client:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (inode,) = [row[9] for row in rows if row[1].endswith(wanted[0]) and row[2].endswith(wanted[1])]
    (found,) = [pid for pid in children(server.process.pid) if holds(pid, f"socket:[{inode}]")]
    return found


def children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def holds(pid: int, name: str) -> bool:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(link) == name:
                return True
        except OSError:
            continue
    return False


def schema_changes(crew: Crew) -> None:
    crew.agree("/main/items/notes", 404)
    crew.do("POST", "/collections", {"collection": "notes", "fields": [ID, text("title")]})
    crew.agree("/main/items/notes", 200)
    crew.do("POST", "/fields/notes", text("extra"))
    crew.agree("/main/items/notes?fields=extra", 200)
    for wire in crew.wires:
        body = {"title": "a", "extra": "b"}
        assert wire.ask("POST", "/items/notes", body).data["extra"] == "b"
    crew.do("DELETE", "/fields/notes/extra")
    crew.agree("/main/items/notes?fields=extra", 422)
    crew.do("PATCH", "/collections/notes", {"note": "Words"})
    assert [a.data["note"] for a in crew.every("GET", "/main/collections/notes")] == ["Words"] * 2
    crew.do("DELETE", "/collections/notes")
    crew.agree("/main/items/notes", 404)


def many_changes_in_turn(crew: Crew) -> None:
    """Each worker changes what the other one reads at once."""
    crew.do("POST", "/collections", {"collection": "turns", "fields": [ID]})
    for number in range(10):
        for wire, other in ((crew.first, crew.last), (crew.last, crew.first)):
            name = f"f{number}_{wire is crew.first:d}"
            assert wire.ask("POST", "/fields/turns", text(name)).status == 200
            assert other.ask("GET", f"/items/turns?fields={name}").status == 200


def ada_signed_in(crew: Crew) -> str:
    """A new session of Ada's."""
    with closing(crew.first.another()) as one:
        one.sign_in(EMAIL, PASSWORD)
        return one.token


def users_that_are_shut_out(crew: Crew) -> None:
    ada = crew.do("POST", "/users", {**ADA, "token": STATIC})["id"]
    for state in ("suspended", "draft", "deleted"):
        shown = (ada_signed_in(crew), STATIC)
        for each in shown:
            crew.agree("/main/users", 200, each)
        crew.do("PATCH", f"/users/{ada}", {"status": state})
        for each in shown:
            crew.agree("/main/users", 401, each)
        crew.do("PATCH", f"/users/{ada}?status=*", {"status": "active"})
        crew.agree("/main/users", 401, shown[0])
    for change in ({"password": PASSWORD}, {"role": None}):
        token = ada_signed_in(crew)
        crew.agree("/main/users", 200, token)
        crew.do("PATCH", f"/users/{ada}", change)
        crew.agree("/main/users", 401, token)
    crew.agree("/main/users", 403, STATIC)
    crew.do("PATCH", f"/users/{ada}", {"role": 1, "token": None})
    crew.agree("/main/users", 401, STATIC)
    crew.do("PATCH", f"/users/{ada}", {"token": STATIC + "-2"})
    crew.agree("/main/users", 200, STATIC + "-2")
    crew.do("DELETE", f"/users/{ada}")
    crew.agree("/main/users", 401, STATIC + "-2")


def sessions_that_end(crew: Crew) -> None:
    with closing(crew.first.another()) as one:
        one.sign_in()
        crew.agree("/main/users", 200, one.token)
        assert one.ask("POST", "/auth/logout", {}).status == 200
        crew.agree("/main/users", 401, one.token)


def cookies_that_end(crew: Crew) -> None:
    """Sent to each worker on its own line, without a token beside them."""

    def seen(cookie: str) -> list[int]:
        answers = []
        for wire in reversed(crew.wires):
            token, wire.token = wire.token, ""
            answers.append(wire.request("GET", "/main/users", None, cookie=cookie).status)
            wire.token = token
        return answers

    ada = crew.do("POST", "/users", ADA)["id"]
    endings: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/auth/logout/{ada}", None),
        ("PATCH", "/users/{ada}", {"password": PASSWORD}),
        ("PATCH", "/users/{ada}", {"status": "suspended"}),
        ("PATCH", "/users/{ada}", {"role": None}),
        ("DELETE", "/users/{ada}", None),
    )
    for method, path, body in endings:
        crew.do("PATCH", f"/users/{ada}?status=*", {"status": "active", "role": 1})
        form = {"email": EMAIL, "password": PASSWORD, "mode": "cookie"}
        answer = crew.first.ask("POST", "/auth/authenticate", form)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert seen(cookie) == [200] * WORKERS
        crew.do(method, path.format(ada=ada), body)
        assert seen(cookie) == [401] * WORKERS, path


def projects_that_come_and_go(crew: Crew) -> None:
    crew.agree("/second/", 404)
    for _ in range(2):
        install(f"sqlite:///{crew.folder / 'second.db'}", crew.folder, "second")
        crew.agree("/second/", 200)
        for answer in crew.every("GET", "/server/projects"):
            assert answer.data == ["main", "second"]
        done = conductus("project", "remove", "second", "--data", crew.folder)
        assert done.code == 0, done.err
        crew.agree("/second/", 404)
        crew.agree("/main/", 200)


def projects_that_are_made_over_the_api(crew: Crew) -> None:
    token = {"authorization": f"Bearer {SUPER_ADMIN}"}
    login = {"user_email": EMAIL, "user_password": PASSWORD}
    body = {"project": "third", "db_url": "sqlite:///third.db", **login}
    for making, removing in (crew.wires, reversed(crew.wires)):
        crew.agree("/third/", 404)
        made = making.request("POST", "/server/projects", body, **token)
        assert (made.status, made.json) == (200, {"public": True})
        crew.agree("/third/", 200)
        for wire in crew.wires:
            form = {"email": EMAIL, "password": PASSWORD}
            assert wire.request("POST", "/third/auth/authenticate", form).status == 200
        path = "/server/projects/third?drop=system"
        assert removing.request("DELETE", path, None, **token).status == 204
        crew.agree("/third/", 404)
        crew.agree("/main/", 200)
    # Whoever comes first makes it, though others try at the same time in other workers.
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda _: crew.first.afresh("POST", "/server/projects", body, **token), range(6)
            )
        )
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 5}
    crew.agree("/third/", 200)


def guesses_that_are_counted_together(crew: Crew) -> None:
    """The last of all: nobody can sign in from here for a while afterwards."""

    def guess(number: int) -> int:
        form = {"email": f"user{number}@example.org", "password": "a wild guess"}
        return crew.first.afresh("POST", "/main/auth/authenticate", form).status

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(guess, range(OF_ADDRESSES.most + 10)))
    # Each worker for itself would have let all of them through.
    assert set(answers) == {404, 429}
    assert answers[404] >= OF_ADDRESSES.most
    form = {"email": EMAIL, "password": PASSWORD}
    # On a busy machine one more may be let through meanwhile.
    for wire in crew.wires:
        assert (7, 429) in [wire.ask("POST", "/auth/authenticate", form).error for _ in range(5)]


CHANGES: list[Callable[[Crew], None]] = [
    schema_changes,
    many_changes_in_turn,
    users_that_are_shut_out,
    sessions_that_end,
    cookies_that_end,
    projects_that_come_and_go,
    projects_that_are_made_over_the_api,
    guesses_that_are_counted_together,
]


@pytest.mark.timeout(240)
async def test_each_worker_knows_what_the_other_did(database_url: str, tmp_path: Path) -> None:
    install(database_url, tmp_path)
    with crew(tmp_path, CONDUCTUS_SUPER_ADMIN_TOKEN=SUPER_ADMIN) as both:
        for change in CHANGES:
            change(both)
