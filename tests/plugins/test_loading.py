"""How plugins are found, and what becomes of those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from conductus.config import PluginsConfig
from conductus.extensions import AfterEvent, CustomRequest, EventUnknown, Registry
from conductus.extensions.calling import Caller
from conductus.extensions.events import parsed
from conductus.extensions.loading import Found, PluginFailed, given, in_folder, installed, loaded
from conductus.extensions.plugins import Plugins
from conductus.telemetry import Observation, PluginSkipped

FINE = "def register(registry): registry.get('x')(lambda request: 1)\n"


def put(data: Path, name: str, text: str, project: str = "") -> Path:
    folder = data / "projects" / project if project else data
    path = folder / "extensions" / "plugins" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Start:
    """What a server loads at its start."""

    def __init__(self, data: Path, **stated: Any) -> None:
        self.seen: list[Observation] = []
        self.caller = Caller(1)
        self.plugins = Plugins(data, PluginsConfig(**stated), self.seen.append, self.caller)

    def names(self, project: str) -> list[str]:
        return [plugin.name for plugin in self.plugins.of(project)]


def test_files_and_packages_serve_every_project_or_one(tmp_path: Path) -> None:
    put(tmp_path, "wide.py", FINE)
    put(tmp_path, "package/__init__.py", "from .inner import register\n")
    put(tmp_path, "package/inner.py", FINE)
    put(tmp_path, "own.py", FINE, "shop")
    for ignored in ("_draft.py", ".hidden.py", "notes.txt", "folder/readme.md"):
        put(tmp_path, ignored, "this is no Python")
    start = Start(tmp_path)
    start.plugins.load_all(["shop", "other"])
    assert start.names("shop") == ["package", "wide", "own"]
    assert start.names("other") == ["package", "wide"]


def test_nothing_is_there_where_nothing_was_put(tmp_path: Path) -> None:
    assert Start(tmp_path).names("shop") == []
    assert list(installed()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nonsense_that_is_missing\n", "ModuleNotFoundError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("def broken(:\n", "SyntaxError"),
        ("x = 1\n", "register"),
        ("def register(registry): registry.on('item.creat')(print)\n", "no event 'item.creat'"),
        ("def register(registry): registry.get('x')(1).y\n", "AttributeError"),
        ("def register(registry): registry.route('BREW', 'x')(print)\n", "no method 'BREW'"),
        ("def register(registry):\n  raise ValueError('a\\nb')\n", "ValueError: a b"),
    ],
)
def test_one_line_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = put(tmp_path, "broken.py", text)
    with pytest.raises(PluginFailed) as error:
        Start(tmp_path).plugins.load_all(["shop"])
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_optional_one_is_skipped_and_told_of(tmp_path: Path) -> None:
    put(tmp_path, "broken.py", "1 / 0\n")
    put(tmp_path, "wide.py", FINE)
    start = Start(tmp_path, optional=("broken",))
    assert start.names("shop") == ["wide"]
    (skipped,) = start.seen
    assert isinstance(skipped, PluginSkipped)
    assert skipped.plugin == "broken"
    assert "ZeroDivisionError" in skipped.problem


def test_what_is_off_is_not_run(tmp_path: Path) -> None:
    put(tmp_path, "broken.py", "1 / 0\n")
    assert Start(tmp_path, off=("broken",)).names("shop") == []


def test_a_name_is_given_once(tmp_path: Path) -> None:
    put(tmp_path, "wide.py", FINE)
    put(tmp_path, "wide.py", FINE, "shop")
    with pytest.raises(PluginFailed, match="the name is taken"):
        Start(tmp_path).plugins.load_all(["shop"])


@pytest.mark.parametrize("name", ["Upper.py", "dot.ted.py", "ümlaut.py", "bl ank.py"])
def test_a_name_fits_into_a_path(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, FINE)
    with pytest.raises(PluginFailed, match="is no name"):
        Start(tmp_path).plugins.shared()


def test_a_folder_that_everybody_may_write_to_is_not_run(tmp_path: Path) -> None:
    path = put(tmp_path, "wide.py", FINE)
    path.parent.chmod(0o777)
    with pytest.raises(PluginFailed, match="everybody may write here"):
        list(in_folder(path.parent))


def _one(registry: Registry) -> None:
    registry.on("item.create")(_tell)
    registry.on("item.update", "item.delete:before")(_tell)


async def _tell(event: AfterEvent) -> None: ...


def _two_of_a_name(registry: Registry) -> None:
    for _ in range(2):

        @registry.on("item.create")
        async def tell(event: AfterEvent) -> None: ...


def _both(registry: Registry) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    @registry.get("x")
    def x(request: CustomRequest) -> None: ...

    registry.mount(app)


def test_one_function_may_wait_for_several_events() -> None:
    hooks = loaded(given("one", _one), PluginsConfig()).registered.hooks
    assert [(hook.event, hook.moment) for hook in hooks] == [
        ("item.create", "after"),
        ("item.update", "after"),
        ("item.delete", "before"),
    ]


@pytest.mark.parametrize(
    ("register", "says"), [(_two_of_a_name, "two hooks"), (_both, "exclude each other")]
)
def test_what_cannot_be_told_apart_is_refused(
    register: Callable[[Registry], None], says: str
) -> None:
    with pytest.raises(PluginFailed, match=says):
        loaded(given("some", register), PluginsConfig())


def test_what_is_no_callable_is_refused() -> None:
    with pytest.raises(PluginFailed, match="TypeError"):
        loaded(Found(name="some", origin="here", load=lambda: 1), PluginsConfig())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("item.create", ("item.create", None, "after")),
        ("item.create:after", ("item.create", None, "after")),
        ("item.create:before", ("item.create", None, "before")),
        ("item.delete.articles", ("item.delete", "articles", "after")),
        ("item.update.a.b:before", ("item.update", "a.b", "before")),
        ("item.read", ("item.read", None, "now")),
        ("item.read.a.b", ("item.read", "a.b", "now")),
        ("response.GET", ("response", "GET", "now")),
        ("auth.request:credentials", ("auth.request:credentials", None, "now")),
    ],
)
def test_names_of_events(name: str, found: tuple[str, str | None, str]) -> None:
    assert structs.astuple(parsed(name)) == found


@pytest.mark.parametrize(
    "name",
    [
        *("", "item", "item.creat", "item.create.", "item.create:now", ":"),
        *("item.read:before", "item.read:after", "item.read:now", "auth.success.users"),
        *("auth.request", "response.get", "response.", "response.GET.a", "application.boot:after"),
    ],
)
def test_names_of_no_event(name: str) -> None:
    with pytest.raises(EventUnknown):
        parsed(name)
