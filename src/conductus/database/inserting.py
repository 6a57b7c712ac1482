"""INSERT of rows that all give the same columns, as an element of SQLAlchemy.

SQLAlchemy's own INSERT of several rows takes a parameter, and some twenty microseconds to
compile it, for each value. Here one row is compiled and its text repeated, the values
bound by their places: row by row, each in the order of the given columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import ClauseElement, Executable

Given = Mapping[str, ColumnElement[Any]]
"""By column, what is written into it: a bound parameter, perhaps converted."""


class InsertRows(Executable, ClauseElement):
    """INSERT … VALUES of `count` rows. For several: positional parameters, not numbered."""

    inherit_cache = False

    def __init__(
        self,
        table: sa.TableClause,
        given: Given,
        count: int,
        answered: Sequence[ColumnElement[Any]],
    ) -> None:
        self.table = table
        self.given = given
        self.count = count
        self.answered = answered


@compiles(InsertRows)
def _insert_rows(insert: InsertRows, compiler: SQLCompiler, **options: Any) -> str:
    def listed(elements: Sequence[ClauseElement]) -> str:
        return ", ".join(compiler.process(element, **options) for element in elements)

    quote = compiler.preparer.quote_identifier
    names = ", ".join(quote(name) for name in insert.given)
    row = f"({listed(list(insert.given.values()))})"
    table = compiler.process(insert.table, asfrom=True, **options)
    parts = ["INSERT INTO", table, f"({names})", "VALUES", ", ".join([row] * insert.count)]
    if insert.answered:
        parts += ["RETURNING", listed(insert.answered)]
    return " ".join(parts)
