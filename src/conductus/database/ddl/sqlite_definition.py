"""Reads the CREATE TABLE that SQLite keeps for a table, clause by clause.

What a change does not touch is kept word for word: collations, checks, generated columns,
foreign keys. SQLite tells much of that nowhere else. Grammar:
https://www.sqlite.org/lang_createtable.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

_TOKEN = re.compile(
    r"""\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$)   # nothing
    |'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]
    |[^\W\d][\w$]*|\d[\w.]*|.""",
    re.DOTALL | re.VERBOSE,
)
_BEGINNINGS = frozenset(
    ("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE")
) | frozenset(("REFERENCES", "GENERATED", "AS"))
_TABLE_CLAUSES = frozenset(("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"))


class Clause(Struct, frozen=True):
    """One constraint of a column: `NOT NULL`, `CHECK (a > 0)`."""

    keyword: str
    """What it begins with, upper case, the name of the constraint left aside."""
    text: str


class ColumnDefinition(Struct, frozen=True):
    """A column as it was declared."""

    name: str
    type: str
    clauses: tuple[Clause, ...]

    @property
    def text(self) -> str:
        """All that follows the name."""
        return " ".join([self.type, *(clause.text for clause in self.clauses)]).strip()


class TableDefinition(Struct, frozen=True):
    """A table as it was declared."""

    columns: tuple[ColumnDefinition, ...]
    constraints: tuple[str, ...]
    """The table's constraints, each as it was written."""
    options: str
    """What follows the parentheses: `STRICT`, `WITHOUT ROWID`."""


def parse(sql: str) -> TableDefinition:
    """The definition of a table by its CREATE TABLE statement."""
    tokens = _TOKEN.findall(sql)
    start = tokens.index("(")
    end = _closing(tokens, start)
    columns: list[ColumnDefinition] = []
    constraints: list[str] = []
    for part in _split(tokens[start + 1 : end]):
        if _first_word(part) in _TABLE_CLAUSES:
            constraints.append(_joined(part))
        else:
            columns.append(_column(part))
    return TableDefinition(tuple(columns), tuple(constraints), _joined(tokens[end + 1 :]))


def words(text: str) -> tuple[str, ...]:
    """The names and words of a clause, unquoted, in lower case; texts are left out."""
    return tuple(
        unquoted(token).casefold()
        for token in _TOKEN.findall(text)
        if not _empty(token) and not token.startswith("'")
    )


def unquoted(token: str) -> str:
    """A name without its quotes."""
    if len(token) > 1 and token[0] in '"`' and token[-1] == token[0]:
        return token[1:-1].replace(token[0] * 2, token[0])
    if len(token) > 1 and token[0] == "[" and token[-1] == "]":
        return token[1:-1]
    if len(token) > 1 and token[0] == "'" and token[-1] == "'":
        return token[1:-1].replace("''", "'")
    return token


def _column(tokens: Sequence[str]) -> ColumnDefinition:
    solid = _trimmed(tokens)
    groups: list[list[str]] = [[]]
    keywords: list[str] = []
    depth, previous = 0, ""
    for token in solid[1:]:
        word = token.upper()
        if depth == 0 and _begins(word, previous, keywords[-1] if keywords else ""):
            groups.append([])
            keywords.append(word)
        groups[-1].append(token)
        depth += {"(": 1, ")": -1}.get(token, 0)
        if not _empty(token):
            previous = word
    clauses = [Clause(key, _joined(group)) for key, group in zip(keywords, groups[1:], strict=True)]
    return ColumnDefinition(unquoted(solid[0]), _joined(groups[0]), tuple(_named(clauses)))


def _begins(word: str, previous: str, keyword: str) -> bool:
    """Whether a word at the outermost level starts a new clause of a column."""
    if word not in _BEGINNINGS:
        # NOT DEFERRABLE belongs to the REFERENCES before it; see `_named`.
        return False
    if previous in ("NOT", "SET", "DEFAULT") and word in ("NULL", "DEFAULT"):
        return False
    return not (word == "AS" and keyword == "GENERATED")


def _named(clauses: Iterable[Clause]) -> Iterable[Clause]:
    """Joins `CONSTRAINT name` and `NOT DEFERRABLE` with the clause that they are part of."""
    done: list[Clause] = []
    pending = ""
    for clause in clauses:
        if clause.keyword == "CONSTRAINT":
            pending = f"{clause.text} "
            continue
        if clause.keyword == "NOT" and "deferrable" in words(clause.text) and done:
            done[-1] = Clause(done[-1].keyword, f"{done[-1].text} {clause.text}")
            continue
        done.append(Clause(clause.keyword, pending + clause.text))
        pending = ""
    return done


def _split(tokens: Sequence[str]) -> Iterable[list[str]]:
    part: list[str] = []
    depth = 0
    for piece in tokens:
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "," and depth == 0:
            yield part
            part = []
        else:
            part.append(piece)
    yield part


def _closing(tokens: Sequence[str], start: int) -> int:
    depth = 0
    for place in range(start, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place], 0)
        if depth == 0:
            return place
    raise ValueError("unbalanced parentheses")


def _first_word(tokens: Sequence[str]) -> str:
    return next((token.upper() for token in tokens if not _empty(token)), "")


def _trimmed(tokens: Sequence[str]) -> list[str]:
    solid = list(tokens)
    while solid and _empty(solid[0]):
        solid.pop(0)
    return solid


def _empty(token: str) -> bool:
    return token.isspace() or token.startswith(("--", "/*"))


def _joined(tokens: Iterable[str]) -> str:
    # Comments become blanks: one of the kind `--` would hide what follows it.
    return "".join(" " if token.startswith(("--", "/*")) else token for token in tokens).strip()
