"""A change is seen by every worker before the first request that starts after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from conductus.auth.second_factor_setup import sealed_secret
from conductus.config import ServerConfig, Watch, new_project_config, save_new_project
from conductus.database.opening import open_database
from conductus.errors import DatabaseUnreachable, NotInstalled, ProjectNotFound, Unprocessable
from conductus.projects import rows
from conductus.projects.coherence import Change, Counters, Fresh, Stored, bump, stored
from conductus.projects.install import Administrator, install
from conductus.projects.project import Project
from conductus.projects.registry import Company, Registry
from conductus.schema.model import Kind
from conductus.schema.system import load_system
from conductus.telemetry import Observation, ProjectUnavailable, silent
from tests.installed import put_project

NEVER = Watch(tick_seconds=3600, catalog_seconds=3600)
QUICK = Watch(tick_seconds=0.02, catalog_seconds=0.02)


@asynccontextmanager
async def worker(data: Path, watch: Watch = NEVER) -> AsyncIterator[Registry]:
    """What one worker process of a server holds."""
    async with Registry(
        data, {}, ServerConfig(watch=watch), silent, no_hash, sealed_secret
    ) as registry:
        yield registry


@pytest.fixture
async def data(project_url: str, tmp_path: Path) -> Path:
    """A data folder with one project."""
    await made(tmp_path, "main", project_url)
    return tmp_path


async def made(data: Path, key: str, url: str) -> None:
    database = await open_database(url)
    await put_project(database, "main", "a@example.com", "a hash")
    await database.close()
    save_new_project(data, key, new_project_config(url))


async def no_hash(text: str) -> str:
    """Nothing here is a secret."""
    raise AssertionError(text)


async def rename(project: Project, name: str) -> None:
    """Changes a setting as a writer does."""
    dialect = project.database.dialect
    kinds = {"key": Kind.TEXT, "value": Kind.TEXT}
    async with project.database.transaction() as transaction:
        await rows.change(
            transaction,
            dialect,
            "directus_settings",
            kinds,
            {"key": "project_name"},
            {"value": name},
        )
        count = await project.count(transaction, Change.SCHEMA)
    project.announce(Change.SCHEMA, count)


async def name_of(project: Project) -> str:
    return (await project.current()).settings.project_name


async def until(true: Callable[[], Awaitable[bool]], patience_seconds: float = 20) -> None:
    """Waits for a condition with a deadline."""
    async with asyncio.timeout(patience_seconds):
        # What is waited for happens in the database and announces itself to nobody.
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class TestProjects:
    async def test_a_change_is_seen_by_another_worker_at_once(self, data: Path) -> None:
        async with worker(data) as one, worker(data) as two:
            writing, reading = await one.project("main"), await two.project("main")
            assert await name_of(reading) == "main"
            for name in ("first", "second", "third"):
                await rename(writing, name)
                assert await name_of(reading) == name
                assert await name_of(writing) == name

    async def test_without_a_change_the_snapshot_is_the_same_value(self, data: Path) -> None:
        async with worker(data) as one:
            project = await one.project("main")
            assert await project.current() is await project.current()

    async def test_a_new_table_is_seen_by_another_worker_at_once(self, data: Path) -> None:
        async with worker(data) as one, worker(data) as two:
            writing, reading = await one.project("main"), await two.project("main")
            async with writing.schema_transaction() as transaction:
                await transaction.execute("CREATE TABLE fresh (id integer PRIMARY KEY)")
            assert "fresh" in (await reading.current()).schema.collections

    async def test_a_change_that_fails_is_not_counted(self, data: Path) -> None:
        async with worker(data) as one:
            project = await one.project("main")
            before = await stored(project.database, project.database.dialect)
            with pytest.raises(Unprocessable):
                async with project.schema_transaction():
                    raise Unprocessable("no")
            assert await stored(project.database, project.database.dialect) == before

    async def test_what_another_server_changes_is_found(self, data: Path, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        (elsewhere / "projects").mkdir(parents=True)
        file = Path("projects") / "main.toml"
        (elsewhere / file).write_text((data / file).read_text())
        async with worker(data) as one, worker(elsewhere, QUICK) as two:
            writing, reading = await one.project("main"), await two.project("main")
            assert await name_of(reading) == "main"
            await rename(writing, "from afar")

            async def seen() -> bool:
                return await name_of(reading) == "from afar"

            await until(seen)

    async def test_a_change_that_was_never_announced_is_found(self, data: Path) -> None:
        async with worker(data, QUICK) as one:
            project = await one.project("main")
            before = project.generation(Change.ACCESS)
            async with project.database.transaction() as transaction:
                await bump(transaction, project.database.dialect, Change.ACCESS)

            async def seen() -> bool:
                return project.generation(Change.ACCESS) > before

            await until(seen)

    async def test_tables_made_by_somebody_else_are_found(
        self, data: Path, project_url: str
    ) -> None:
        async with worker(data, QUICK) as one:
            project = await one.project("main")
            database = await open_database(project_url)
            async with database.schema_transaction() as transaction:
                await transaction.execute("CREATE TABLE foreign_made (id integer PRIMARY KEY)")
            await database.close()

            async def seen() -> bool:
                return "foreign_made" in (await project.current()).schema.collections

            await until(seen)

    async def test_refresh_makes_every_worker_look_again(
        self, data: Path, project_url: str
    ) -> None:
        async with worker(data) as one, worker(data) as two:
            asked, other = await one.project("main"), await two.project("main")
            await other.current()
            access = other.generation(Change.ACCESS)
            database = await open_database(project_url)
            async with database.schema_transaction() as transaction:
                await transaction.execute("CREATE TABLE foreign_made (id integer PRIMARY KEY)")
            await database.close()
            assert "foreign_made" not in (await other.current()).schema.collections
            await asked.refresh()
            assert "foreign_made" in (await other.current()).schema.collections
            assert other.generation(Change.ACCESS) > access


class TestRegistry:
    async def test_projects_come_and_go_without_a_restart(self, data: Path, tmp_path: Path) -> None:
        async with worker(data) as one:
            assert one.keys() == ("main",)
            with pytest.raises(ProjectNotFound):
                await one.project("shop")
            await made(data, "shop", f"sqlite:///{tmp_path / 'shop.db'}")
            assert (await one.project("shop")).key == "shop"
            assert one.keys() == ("main", "shop")
            (data / "projects" / "shop.toml").unlink()
            with pytest.raises(ProjectNotFound):
                await one.project("shop")

    async def test_a_changed_configuration_is_taken_up(self, data: Path) -> None:
        path = data / "projects" / "main.toml"
        async with worker(data) as one:
            before = await one.project("main")
            changed = "private = true\n" + path.read_text()
            (data / "projects" / ".new").write_text(changed)
            (data / "projects" / ".new").replace(path)
            after = await one.project("main")
            assert (before.config.private, after.config.private) == (False, True)
            assert one.public_keys() == ()
            assert await name_of(before) == "main", "requests that began with it go on"

    async def test_what_is_beside_a_project_has_begun_before_its_first_request(
        self, data: Path
    ) -> None:
        begun: list[str] = []

        async def beside(project: Project) -> None:
            begun.append(project.key)
            await asyncio.Event().wait()

        company = Company(beside=(beside,))
        async with Registry(
            data, {}, ServerConfig(watch=NEVER), silent, no_hash, sealed_secret, company
        ) as registry:
            await registry.project("main")
            assert begun == ["main"]

    async def test_many_first_requests_open_a_project_once(self, data: Path) -> None:
        async with worker(data) as one:
            opened = await asyncio.gather(*(one.project("main") for _ in range(20)))
            assert len(set(map(id, opened))) == 1


class TestAwayDatabases:
    async def test_one_that_is_away_harms_no_other_and_is_tried_again(self, tmp_path: Path) -> None:
        await made(tmp_path, "good", f"sqlite:///{tmp_path / 'good.db'}")
        away = tmp_path / "not yet"
        save_new_project(tmp_path, "bad", new_project_config(f"sqlite:///{away / 'bad.db'}"))
        seen: list[Observation] = []
        async with Registry(
            tmp_path, {}, ServerConfig(), seen.append, no_hash, sealed_secret
        ) as registry:
            for _ in range(2):
                with pytest.raises(DatabaseUnreachable):
                    await registry.project("bad")
            assert (await registry.project("good")).key == "good"
            away.mkdir()
            database = await open_database(f"sqlite:///{away / 'bad.db'}")
            first = Administrator("a@example.com", "a hash")
            await install(database, load_system(), "Bad", first, insist=False)
            await database.close()
            assert (await registry.project("bad")).key == "bad"
        assert [o.project for o in seen if isinstance(o, ProjectUnavailable)] == ["bad", "bad"]

    async def test_a_database_without_our_tables_is_not_installed(self, tmp_path: Path) -> None:
        save_new_project(tmp_path, "main", new_project_config("sqlite:///empty.db"))
        async with worker(tmp_path) as one:
            with pytest.raises(NotInstalled):
                await one.project("main")

    async def test_a_broken_configuration_harms_no_other(self, tmp_path: Path) -> None:
        await made(tmp_path, "good", f"sqlite:///{tmp_path / 'good.db'}")
        (tmp_path / "projects" / "bad.toml").write_text("[database")
        async with worker(tmp_path) as one:
            assert one.public_keys() == ("good",)
            with pytest.raises(DatabaseUnreachable):
                await one.project("bad")
            assert (await one.project("good")).key == "good"


class TestCounters:
    def test_workers_share_the_numbers(self, tmp_path: Path) -> None:
        one, two = Counters(tmp_path / "run" / "c"), Counters(tmp_path / "run" / "c")
        one.announce(Change.SCHEMA, 7)
        two.announce(Change.SCHEMA, 8)
        two.announce(Change.ACCESS)
        for counters in (one, two):
            assert counters.generation(Change.SCHEMA) == 2
            assert counters.generation(Change.ACCESS) == 1
            assert counters.stored() == Stored(schema=8, access=0)
            counters.close()

    @pytest.mark.parametrize(
        ("found", "moved"),
        [
            (Stored(schema=5, access=5), (0, 0)),
            (Stored(schema=6, access=5), (1, 0)),
            (Stored(schema=5, access=4), (0, 1)),  # A backup was restored.
        ],
    )
    def test_a_stored_count_that_differs_moves_the_generation(
        self, tmp_path: Path, found: Stored, moved: tuple[int, int]
    ) -> None:
        counters = Counters(tmp_path / "c")
        for change in Change:
            counters.announce(change, 5)
        counters.reconcile(counters.stored(), found)
        counters.reconcile(counters.stored(), found)
        generations = tuple(counters.generation(change) - 1 for change in Change)
        assert generations == moved
        assert counters.stored() == found
        counters.close()

    def test_an_older_look_does_not_undo_a_newer_announcement(self, tmp_path: Path) -> None:
        counters = Counters(tmp_path / "c")
        before = counters.stored()
        counters.announce(Change.SCHEMA, 9)
        counters.reconcile(before, Stored(schema=8, access=0))
        assert counters.stored() == Stored(schema=9, access=0)
        assert counters.generation(Change.SCHEMA) == 1
        counters.close()


class TestFresh:
    async def test_those_who_wait_share_one_load(self) -> None:
        loads: list[int] = []

        async def load(version: int) -> str:
            loads.append(version)
            await asyncio.sleep(0)
            return "value"

        fresh = Fresh(lambda: 3, load)
        assert await asyncio.gather(*(fresh.current() for _ in range(10))) == ["value"] * 10
        assert loads == [3]

    async def test_a_load_that_began_before_a_change_is_not_enough(self) -> None:
        generation = 0
        world = "old"
        loading, changed = asyncio.Event(), asyncio.Event()

        async def load(version: int) -> str:
            seen = world
            loading.set()
            await changed.wait()
            return seen

        fresh = Fresh(lambda: generation, load)
        early = asyncio.create_task(fresh.current())
        await loading.wait()
        generation, world = 1, "new"
        late = asyncio.create_task(fresh.current())
        changed.set()
        assert await early == "old"
        assert await late == "new"

    async def test_a_load_that_fails_is_tried_again_by_the_next(self) -> None:
        attempts = 0

        async def load(version: int) -> str:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                raise DatabaseUnreachable
            return "value"

        fresh = Fresh(lambda: 0, load)
        with pytest.raises(DatabaseUnreachable):
            await fresh.current()
        assert await fresh.current() == "value"

    async def test_what_expired_is_loaded_again(self) -> None:
        loads: list[int] = []

        async def load(version: int) -> int:
            loads.append(version)
            return len(loads)

        fresh = Fresh(lambda: 0, load)
        assert (await fresh.current(), await fresh.current()) == (1, 1)
        fresh.expire()
        assert await fresh.current() == 2
        assert loads == [0, 1]


async def test_open_projects_are_closed_with_the_registry(data: Path) -> None:
    seen: list[Observation] = []
    async with AsyncExitStack() as stack:
        registry = Registry(data, {}, ServerConfig(), seen.append, no_hash, sealed_secret)
        await stack.enter_async_context(registry)
        await registry.project("main")
    names = [type(observation).__name__ for observation in seen]
    assert names == ["SnapshotLoaded", "ProjectOpened", "ProjectClosed"]
