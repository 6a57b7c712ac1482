"""Runs a pattern over a text without backtracking: time grows with text times pattern.

The tree becomes a program whose threads all advance together, one character at a time
(Thompson's construction), so no pattern can make it explode. What remains is counted:
`matches` gives up after `MAX_STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, assert_never

from msgspec import Struct

from conductus.schema.patterns.characters import WORD
from conductus.schema.patterns.tree import (
    Accepts,
    At,
    Choice,
    Look,
    Node,
    One,
    PatternError,
    Place,
    Repeat,
    Sequence,
)

MAX_STEPS: Final = 100_000
"""Some hundredths of a second."""
_MAX_INSTRUCTIONS: Final = 10_000


class TooMuchWork(Exception):
    """The text is too long for this pattern to be checked in the time there is."""


class _Take(Struct, frozen=True):
    """Takes one character and goes on with the next instruction."""

    accepts: Accepts


class _Fork(Struct, frozen=True):
    """Goes on at all of these."""

    targets: tuple[int, ...]


class _Check(Struct, frozen=True):
    """Goes on with the next instruction where the place is right."""

    place: Place


class _CheckLook(Struct, frozen=True):
    """Goes on with the next instruction where the other program fits."""

    program: Program
    ahead: bool
    negated: bool
    number: int


class _Done(Struct, frozen=True):
    """It matches."""


_Instruction = _Take | _Fork | _Check | _CheckLook | _Done


class Program(Struct, frozen=True):
    """A pattern ready to run."""

    instructions: tuple[_Instruction, ...]


def compiled(node: Node) -> Program:
    """The program of a tree. Raises `PatternError` when it is too large."""
    return _Compiler().program(node)


def matches(program: Program, text: str, max_steps: int = MAX_STEPS) -> bool:
    """Whether the pattern is found somewhere in the text. Raises `TooMuchWork`."""
    run = _Run(text, max_steps)
    return any(True for _ in run.ends(program, start=0, everywhere=True))


class _Compiler:
    def __init__(self) -> None:
        self._size = 0
        self._looks = 0

    def program(self, node: Node) -> Program:
        instructions: list[_Instruction] = []
        self._emit(node, instructions)
        self._append(_Done(), instructions)
        return Program(tuple(instructions))

    def _append(self, instruction: _Instruction, into: list[_Instruction]) -> int:
        self._grow()
        into.append(instruction)
        return len(into) - 1

    def _grow(self) -> None:
        self._size += 1
        if self._size > _MAX_INSTRUCTIONS:
            raise PatternError("it is too large")

    def _emit(self, node: Node, into: list[_Instruction]) -> None:
        match node:
            case One(accepts=accepts):
                self._append(_Take(accepts), into)
            case At(place=place):
                self._append(_Check(place), into)
            case Look(node=inner, ahead=ahead, negated=negated):
                self._looks += 1
                number = self._looks
                check = _CheckLook(self.program(inner), ahead, negated, number)
                self._append(check, into)
            case Sequence(nodes=nodes):
                for each in nodes:
                    self._emit(each, into)
            case Choice(nodes=nodes):
                self._emit_choice(nodes, into)
            case Repeat():
                self._emit_repeat(node, into)
            case _:
                assert_never(node)

    def _emit_choice(self, nodes: Iterable[Node], into: list[_Instruction]) -> None:
        fork = self._append(_Fork(()), into)
        starts: list[int] = []
        exits: list[int] = []
        for each in nodes:
            starts.append(len(into))
            self._emit(each, into)
            exits.append(self._append(_Fork(()), into))
        into[fork] = _Fork(tuple(starts))
        for each_exit in exits:
            into[each_exit] = _Fork((len(into),))

    def _emit_repeat(self, node: Repeat, into: list[_Instruction]) -> None:
        for _ in range(node.least):
            # Also nodes that emit nothing count, or `(){60000}` would be free.
            self._grow()
            self._emit(node.node, into)
        if node.most is None:
            fork = self._append(_Fork(()), into)
            self._emit(node.node, into)
            self._append(_Fork((fork,)), into)
            into[fork] = _Fork((fork + 1, len(into)))
            return
        forks: list[int] = []
        for _ in range(node.most - node.least):
            forks.append(self._append(_Fork(()), into))
            self._emit(node.node, into)
        for fork in forks:
            into[fork] = _Fork((fork + 1, len(into)))


class _Run:
    """One text being matched; steps are counted over all programs that look at it."""

    def __init__(self, text: str, max_steps: int) -> None:
        self._text = text
        self._left = max_steps
        self._before: dict[int, frozenset[int]] = {}
        self._after: dict[tuple[int, int], bool] = {}

    def ends(self, program: Program, start: int, *, everywhere: bool) -> Iterable[int]:
        """Where matches end that begin at `start`, or there and everywhere behind it."""
        text, instructions = self._text, program.instructions
        waiting = [0]
        for position in range(start, len(text) + 1):
            takers, done = self._reach(instructions, waiting, position)
            if done:
                yield position
            if position == len(text):
                return
            character = text[position]
            waiting = [at + 1 for at, accepts in takers if accepts(character)]
            if everywhere:
                waiting.append(0)
            elif not waiting:
                return

    def _reach(
        self, instructions: tuple[_Instruction, ...], waiting: list[int], position: int
    ) -> tuple[list[tuple[int, Accepts]], bool]:
        """The instructions that take a character next, and whether the end was reached."""
        takers: list[tuple[int, Accepts]] = []
        done = False
        seen = set(waiting)
        stack = list(seen)
        while stack:
            at = stack.pop()
            instruction = instructions[at]
            # A chain of tests: matching classes here took most of the time there is.
            if isinstance(instruction, _Take):
                takers.append((at, instruction.accepts))
                continue
            if isinstance(instruction, _Fork):
                following = instruction.targets
            elif isinstance(instruction, _Done):
                done = True
                continue
            else:
                following = (at + 1,) if self._passes(instruction, position) else ()
            for target in following:
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        self._count(len(seen))
        return takers, done

    def _count(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork

    def _passes(self, check: _Check | _CheckLook, position: int) -> bool:
        if isinstance(check, _Check):
            return _IS_AT[check.place](self._text, position)
        return self._fits(check, position)

    def _fits(self, look: _CheckLook, position: int) -> bool:
        found = self._follows(look, position) if look.ahead else self._precedes(look, position)
        return found is not look.negated

    def _follows(self, look: _CheckLook, position: int) -> bool:
        known = self._after.get((look.number, position))
        if known is None:
            ends = self.ends(look.program, position, everywhere=False)
            known = any(True for _ in ends)
            self._after[look.number, position] = known
        return known

    def _precedes(self, look: _CheckLook, position: int) -> bool:
        known = self._before.get(look.number)
        if known is None:
            # One pass tells every place that a match ends at.
            known = frozenset(self.ends(look.program, 0, everywhere=True))
            self._before[look.number] = known
        return position in known


def _line_start(text: str, position: int) -> bool:
    return position == 0 or text[position - 1] == "\n"


def _line_end(text: str, position: int) -> bool:
    return position == len(text) or text[position] == "\n"


def _last_line_end(text: str, position: int) -> bool:
    return position == len(text) or (position == len(text) - 1 and text[position] == "\n")


def _word_edge(text: str, position: int) -> bool:
    before = position > 0 and text[position - 1] in WORD
    after = position < len(text) and text[position] in WORD
    return before is not after


_IS_AT: Final[dict[Place, Callable[[str, int], bool]]] = {
    Place.START: lambda _, position: position == 0,
    Place.END: lambda text, position: position == len(text),
    Place.LAST_LINE_END: _last_line_end,
    Place.LINE_START: _line_start,
    Place.LINE_END: _line_end,
    Place.WORD_EDGE: _word_edge,
    Place.NO_WORD_EDGE: lambda text, position: not _word_edge(text, position),
}
