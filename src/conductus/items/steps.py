"""A change tree laid out in the order in which it is done.

What an item's many-to-one fields lead to comes in a stage before the item, what its
one-to-many lists hold in a stage after it. Changes of one stage do not need each other,
so those of one collection go to the database together. The items of a list share a stage,
so that keys are given in the order in which the items stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from conductus.database.executor import Row
from conductus.items.changes import Change, Create, Delete
from conductus.items.keys import Key, text_of_key
from conductus.items.records import Record
from conductus.items.written import Written
from conductus.schema.model import Collection, Relation

Sort = tuple[type[Change], str]
"""What is done, and to which collection."""


class Step(Struct, eq=False):
    """One change and what becomes of it while a transaction runs."""

    change: Change
    collection: Collection
    """The collection that it changes."""
    index: int
    """Place in the batch of the item that it belongs to."""
    parent: Step | None
    key: Key
    """Empty for a new item, until that is made."""
    stage: int
    ones: list[tuple[str, Step]] = []
    """Many-to-one fields with the steps that make their items."""
    relation: Relation | None = None
    """How a step below a one-to-many list hangs together with its parent."""
    tied: bool = False
    before: Record | None = None
    """The row as it was; None when there was none."""
    after: Row | None = None
    """The row as the change left it, every column; None where the database has not told."""
    written: Record = {}
    """The request's own columns as they were written."""
    idle: bool = False
    """True when it turned out that nothing is to be done."""
    _text: str | None = None

    @property
    def text(self) -> str:
        """The text of its key; not to be asked before that is known."""
        if self._text is None:
            self._text = text_of_key(self.key, self.collection)
        return self._text

    @property
    def sort(self) -> Sort:
        """What many steps of a request have in common."""
        return type(self.change), self.collection.name

    @property
    def written_item(self) -> Written:
        """What is left of it for the answer."""
        return Written(self.text, self.after)


def sorts_of(steps: Iterable[Step]) -> set[Sort]:
    """The sorts of those steps that did something."""
    # Written out: a property costs as much as all the rest of it, for each item of a batch.
    return {(type(step.change), step.collection.name) for step in steps if not step.idle}


def laid_out(changes: Sequence[Change]) -> list[Step]:
    """The steps of a batch, each before those nested in it."""
    if not any(map(_nests, changes)):
        return [
            Step(change, change.collection, index, None, _key_of(change), stage=0)
            for index, change in enumerate(changes)
        ]
    steps: list[Step] = []
    stage = _earliest(changes)
    for index, change in enumerate(changes):
        _plant(change, index, None, stage, steps)
    return steps


def stages(steps: Iterable[Step]) -> list[list[list[Step]]]:
    """The steps by stage and, in a stage, by collection; in order of the request."""
    by_stage: dict[int, dict[str, list[Step]]] = {}
    for step in steps:
        alike = by_stage.setdefault(step.stage, {})
        alike.setdefault(step.collection.name, []).append(step)
    return [list(by_stage[stage].values()) for stage in sorted(by_stage)]


def _nests(change: Change) -> bool:
    return not isinstance(change, Delete) and bool(change.ones or change.manys)


def _key_of(change: Change) -> Key:
    return () if isinstance(change, Create) else change.key


def _earliest(changes: Iterable[Change]) -> int:
    """The first stage in which all of these can be done."""
    return max(map(_before, changes), default=0)


def _before(change: Change) -> int:
    """How many stages come before a change, for what its many-to-one fields lead to."""
    if isinstance(change, Delete) or not change.ones:
        return 0
    return max(
        (1 + _before(one.change) for one in change.ones if not isinstance(one.change, Delete)),
        default=0,
    )


def _plant(change: Change, index: int, parent: Step | None, stage: int, steps: list[Step]) -> Step:
    step = Step(change, change.collection, index, parent, _key_of(change), stage)
    steps.append(step)
    if isinstance(change, Delete):
        return step
    for one in change.ones:
        if isinstance(one.change, Delete):
            _plant(one.change, index, step, stage + 1, steps)
        else:
            below = _plant(one.change, index, step, _before(one.change), steps)
            step.ones.append((one.field.name, below))
    for many in change.manys:
        following = max(stage + 1, _earliest(child.change for child in many.children))
        for child in many.children:
            below = _plant(child.change, index, step, following, steps)
            below.relation, below.tied = many.relation, child.tied
    return step
