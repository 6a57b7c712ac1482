"""Templates of mail: what is built in, and what a data folder puts in its place.

A template is two files: `NAME.txt`, whose first line is `Subject: …`, and `NAME.html`. Those
of `mail/<project>/` in the data folder come first, then those of `mail/`, then the built-in
ones. They are rendered in a sandbox that ends what takes too long.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import css_inline
from minijinja import Environment, TemplateError
from msgspec import Struct

FOLDER: Final = "mail"
FUEL: Final = 100_000
"""Steps of rendering what users wrote."""
_FUEL: Final = 10 * FUEL
"""Steps of rendering one file, the longest content in the longest letters among them."""
LONGEST_SUBJECT: Final = 250
_LARGEST_FILE: Final = 256 * 1024
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.(?:txt|html)")
_SUBJECT: Final = "Subject:"


class TemplateUnusable(Exception):
    """A template is missing or cannot be rendered; the message says which and why."""


class Rendered(Struct, frozen=True):
    """A letter in words."""

    subject: str
    """One line."""
    text: str
    html: str


class Templates:
    """The templates of one data folder."""

    def __init__(
        self,
        data: Path,
        find: Callable[[str, str], str | None] = lambda project, file: None,  # noqa: ARG005
    ) -> None:
        """`find` gives what a project has in place of a built-in file."""
        self._folder = data / FOLDER
        self._other = find

    def render(
        self, project: str, name: str, data: Mapping[str, Any], markup: str = ""
    ) -> Rendered:
        """A letter in text and HTML, where `markup` takes the place of `content`.

        Raises `TemplateUnusable`.
        """
        environment = Environment(
            loader=lambda file: self._find(project, file),
            # Errors would name the values that they are about, links with their tokens among them.
            debug=False,
            fuel=_FUEL,
            undefined_behavior="lenient",
            auto_escape_callback=lambda file: file.endswith(".html"),
        )
        plain = _rendered(environment, f"{name}.txt", data)
        html = _with_markup(environment, f"{name}.html", data, markup)
        first, _, text = plain.lstrip().partition("\n")
        if not first.startswith(_SUBJECT):
            raise TemplateUnusable(f"{name}.txt: its first line must begin with {_SUBJECT!r}")
        return Rendered(_one_line(first.removeprefix(_SUBJECT)), text.strip() + "\n", html)

    def _find(self, project: str, file: str) -> str | None:
        # Templates may include others by name: nothing else of the disk is theirs.
        if _NAME.fullmatch(file) is None:
            return None
        for path in self._places(project, file):
            try:
                return path.read_text(encoding="utf-8")[:_LARGEST_FILE]
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError) as error:
                raise TemplateUnusable(f"{file} cannot be read: {error}") from error
        other = self._other(project, file)
        if other is not None:
            return other
        built_in = files("conductus.mail").joinpath("templates", file)
        return built_in.read_text(encoding="utf-8") if built_in.is_file() else None

    def _places(self, project: str, file: str) -> Iterator[Path]:
        yield self._folder / project / file
        yield self._folder / file


def _rendered(environment: Environment, file: str, data: Mapping[str, Any]) -> str:
    try:
        return environment.render_template(file, **data)
    except TemplateError as error:
        raise TemplateUnusable(f"{file}: {error}") from error


def _with_markup(environment: Environment, file: str, data: Mapping[str, Any], markup: str) -> str:
    """A template with its styles in its elements, and with markup that no style is brought to.

    Whoever wrote that could nest elements deeper than the stack is, or have a style for each
    of so many elements that it takes minutes: so it is not even read.
    """
    if not markup:
        return _styled(_rendered(environment, file, data))
    place = secrets.token_hex(16)
    return _styled(_rendered(environment, file, {**data, "content": place})).replace(place, markup)


def _styled(html: str) -> str:
    """The styles written into each element: many readers of mail know no others."""
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)
    try:
        return inliner.inline(html)
    except css_inline.InlineError as error:
        raise TemplateUnusable(f"the styles cannot be used: {error}") from error


def _one_line(text: str) -> str:
    """A subject without line breaks and other controls: none can begin another header."""
    kept = "".join(
        " " if ord(c) < 32 or ord(c) == 127 or c in "\x85\u2028\u2029" else c for c in text
    )
    return " ".join(kept.split())[:LONGEST_SUBJECT]
