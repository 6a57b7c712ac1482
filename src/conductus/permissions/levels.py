"""How much a permission row grants. Source: permissions page §2, §7 and §8."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Any


class Level(IntEnum):
    """Which items an action is granted on; a greater one includes the lesser."""

    NONE = 0
    MINE = 1
    """Those that the asker owns."""
    ROLE = 2
    """Those that somebody of the asker's role owns."""
    FULL = 3

    @classmethod
    def of(cls, stored: Any) -> Level:
        """What a column means. Null and what is unknown grant nothing."""
        return _LEVELS.get(stored, cls.NONE)


class CommentLevel(IntEnum):
    """What may be done with comments on an item; a greater one includes the lesser."""

    NONE = 0
    READ = 1
    CREATE = 2
    UPDATE = 3
    """Change and withdraw one's own."""
    FULL = 4
    """Change and withdraw those of others."""

    @classmethod
    def of(cls, stored: Any) -> CommentLevel:
        """What a column means. Null in a row that is there is `update`."""
        return cls.UPDATE if stored is None else _COMMENT_LEVELS.get(stored, cls.NONE)


class Explain(Enum):
    """When a change must come with a comment that explains it."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    ALWAYS = "always"
    """On create, update and delete."""

    @classmethod
    def of(cls, stored: Any) -> Explain:
        """What a column means. Null and what is unknown ask for nothing."""
        return _EXPLAINS.get(stored, cls.NONE)


_LEVELS: Mapping[Any, Level] = {level.name.lower(): level for level in Level}
_COMMENT_LEVELS: Mapping[Any, CommentLevel] = {level.name.lower(): level for level in CommentLevel}
_EXPLAINS: Mapping[Any, Explain] = {explain.value: explain for explain in Explain}
