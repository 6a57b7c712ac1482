"""Regular expressions of clients (`validation`, password policy), matched in bounded time.

Python's own matcher backtracks and cannot be stopped: one pattern such as `(a+)+$` with
thirty letters would hold a worker for hours. This one never backtracks and counts its work.
"""

from __future__ import annotations

from conductus.schema.patterns.program import Program, TooMuchWork, compiled, matches
from conductus.schema.patterns.syntax import parse
from conductus.schema.patterns.tree import PatternError

__all__ = ["PatternError", "Program", "TooMuchWork", "compile_pattern", "matches"]


def compile_pattern(pattern: str) -> Program:
    """A pattern in the form of PCRE, ready to be matched. Raises `PatternError`."""
    return compiled(parse(pattern))
