"""What differs between the databases, as facts: values, text, order, lists, limits.

The rest of Conductus builds SQLAlchemy expressions and asks the dialect where databases
part ways; an `if` on the database's name anywhere else is a defect. One subclass per
database stands in `dialects/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from conductus.database.inserting import Given, InsertRows
from conductus.database.statements import StatementCache
from conductus.schema.model import Collection, Column, Kind

_MOST_INSERTED = 2000
"""Bound values of one INSERT."""
_FEW = 16
"""Up to so many rows each number has a statement of its own, beyond it each multiple."""
Convert = Callable[[Any], Any]
Name = Literal["sqlite", "postgresql", "mysql"]


class Statement(Struct, frozen=True):
    """A compiled statement: the driver's text and which value goes where."""

    sql: str
    order: tuple[str, ...]
    """Names of the bound parameters in the order in which the driver takes them."""
    constants: dict[str, Any]
    """Parameters whose value is part of the statement."""

    def values(self, bound: Mapping[str, Any]) -> list[Any]:
        """The sequence to hand to the driver. Raises KeyError for a missing value."""
        constants = self.constants
        if not constants:
            return [bound[name] for name in self.order]
        return [bound[name] if name in bound else constants[name] for name in self.order]


class Dialect(ABC):
    """The facts about one database server."""

    name: ClassVar[Name]
    max_parameters: ClassVar[int]
    """Most bound values in one statement."""
    begins_with_matches: ClassVar[bool] = False
    """True where a condition on related items should be made the start of the statement."""
    walks_tables: ClassVar[bool] = False
    """True where a large part of a table costs about as much as all of it."""
    sorts_dearly: ClassVar[bool] = False
    """True where rows cost less in no order, to be put in that of a number afterwards."""
    looks_up_rules: ClassVar[bool] = False
    """True where a rule on related items should be asked row by row, by their keys."""
    spelled_out: ClassVar[int] = 1
    """Up to so many values a rule compares one by one, beyond it with a list of them."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Native types that the database has no order of."""
    groups_cheaply: ClassVar[bool] = False
    """True where GROUP BY takes a tenth longer than to tell a few values apart, or less."""
    joins_exists: ClassVar[bool] = True
    """True where EXISTS in a condition may be where the statement begins."""
    returning: bool
    """True when INSERT … RETURNING works on this server …"""
    update_returning: ClassVar[bool] = True
    """… and UPDATE … RETURNING."""
    kept_as_given: ClassVar[frozenset[str]] = frozenset()
    """Without UPDATE … RETURNING: datatypes whose values are answered as they were bound."""
    last_key: ClassVar[ColumnElement[Any] | None] = None
    """The key that the INSERT before has generated for its only row.

    None where one statement inserts into two tables: WITH … INSERT.
    """

    def __init__(self, sqlalchemy_dialect: SQLAlchemyDialect) -> None:
        self.sqlalchemy = sqlalchemy_dialect
        self._compiled: StatementCache[Statement] = StatementCache(256)

    # -- statements -----------------------------------------------------------------

    def compile(self, statement: sa.ClauseElement) -> Statement:
        """The driver's text of a Core statement.

        Parameters are named with `sa.bindparam("name", type_=…)`; literals become constants.
        """
        # `ClauseElement.compile` is typed for DDL too; a statement gives an SQLCompiler.
        compiled = cast("SQLCompiler", statement.compile(dialect=self.sqlalchemy))
        order = tuple(compiled.positiontup or ())
        # Asked once: SQLAlchemy collects them anew each time.
        params = compiled.params
        constants = {
            name: params[name]
            for name in set(order)
            if name in params and not _required(compiled, name)
        }
        return Statement(str(compiled), order, constants)

    def compiled(self, key: Hashable, build: Callable[[], sa.ClauseElement]) -> Statement:
        """The text of a statement that is run again and again; `key` tells it from all others."""
        # To compile it costs several times what it costs to run it.
        return self._compiled.get(key, lambda: self.compile(build()))

    def notice(self) -> Statement | None:
        """Says `word` on `channel` to who `Database.hear`s it, when the transaction commits.

        None where the server passes nothing on.
        """
        return None

    def table(self, collection: Collection) -> sa.TableClause:
        """The table of a collection with typed columns; every name is quoted."""
        return sa.table(
            sa.quoted_name(collection.name, quote=True),
            *(
                sa.column(
                    sa.quoted_name(field.column.name, quote=True), self.column_type(field.column)
                )
                for field in collection.fields.values()
                if field.column is not None
            ),
        )

    def insert(
        self,
        collection: Collection,
        rows: int,
        names: Sequence[str],
        answered: Sequence[str] = (),
    ) -> Statement:
        """INSERT of `rows` rows giving the fields `names`; its values are `insert_values`.

        `answered` are the fields of the new rows to be answered, in the order of the rows,
        where the server has RETURNING.
        """
        table = self.table(collection)
        columns = self.columns(table, collection, answered) if self.returning else []
        given = self._given(collection, names)
        if given:
            return self.compile(InsertRows(table, given, rows, columns))
        defaults = sa.insert(table).values({})
        return self.compile(defaults.returning(*columns) if columns else defaults)

    def insert_values(self, values: list[Any], rows: int) -> list[Any]:
        """What an INSERT of so many rows is given, from their values one after the other."""
        return values

    def insert_size(self, collection: Collection, names: Sequence[str], rows: int) -> int:
        """How many of `rows` rows to insert at once: few different statements serve all."""
        most = max(1, _MOST_INSERTED // len(names)) if names else 1
        size = min(rows, most)
        return size if size <= _FEW else size - size % _FEW

    def insert_shape(self, rows: int) -> int:
        """The same number for numbers of rows that one statement serves."""
        return rows

    def columns(
        self, table: sa.TableClause, collection: Collection, names: Iterable[str]
    ) -> list[ColumnElement[Any]]:
        """What to select for these fields."""
        columns = (collection.fields[name].column for name in names)
        return [
            self.readable(table.c[column.name], column.kind)
            for column in columns
            if column is not None
        ]

    def _given(self, collection: Collection, names: Sequence[str]) -> Given:
        """What one row of an INSERT gives, in the order of the names."""
        given: dict[str, ColumnElement[Any]] = {}
        for place, name in enumerate(names):
            column = collection.fields[name].column
            if column is not None:
                # Not by its name, which may hold anything.
                value = sa.bindparam(f"v{place}", type_=self.type(column.kind))
                given[column.name] = self.assignable(value, column)
        return given

    def count_past(self, collection: Collection, key: Column) -> Statement | None:
        """What makes the keys generated from now on greater than the parameter `given`.

        None where the database sees to that by itself.
        """
        return None

    @abstractmethod
    def type(self, kind: Kind) -> TypeEngine[Any]:
        """The SQLAlchemy type to bind and compare a column of this kind with."""

    def column_type(self, column: Column) -> TypeEngine[Any]:
        """The same for one column, which may tell more than its kind does."""
        return self.type(column.kind)

    # -- values ---------------------------------------------------------------------

    @abstractmethod
    def binder(self, kind: Kind) -> Convert | None:
        """From plain value (never None) to what the driver binds; None for no change.

        The function raises ValueError for a value that such a column cannot hold.
        """

    @abstractmethod
    def loader(self, kind: Kind) -> Convert | None:
        """From what the driver returns (also None) to the plain value; None for no change."""

    # -- expressions ----------------------------------------------------------------

    @abstractmethod
    def ordered(
        self, column: ColumnElement[Any], kind: Kind, *, descending: bool, nulls_last: bool
    ) -> list[ColumnElement[Any]]:
        """What to put in ORDER BY; the place of nulls is always said."""

    def comparable(self, expression: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        """What to compare by `<`, `>`, BETWEEN and aggregate by; applied to both sides."""
        return expression

    def assignable(self, value: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
        """What to write into a column: the bound value, or it converted by the database."""
        return value

    @abstractmethod
    def text(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        """The column as text, for searching numbers and reading opaque types."""

    def document(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column of JSON as values of that kind are compared with: by their text."""
        return self.text(column, Kind.JSON)

    def binary(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column of bytes as values of that kind are compared with."""
        return column

    def key_in_text(self, text: ColumnElement[Any], kind: Kind) -> ColumnElement[Any] | None:
        """The value of a key of this kind that a text may stand for; never an error.

        A text that stands for none gives anything. None where that cannot be had.
        """
        match kind:
            case Kind.TEXT:
                return text
            case Kind.INTEGER:
                return sa.cast(text, sa.BigInteger())
            case _:
                return None

    def readable(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        """What to select for a column: itself, or its text form where the driver needs it."""
        return column

    def matched(
        self, near: ColumnElement[Any], near_kind: Kind, far: ColumnElement[Any], far_kind: Kind
    ) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """The two columns of a relation, as they are compared where they differ in kind."""
        return near, far

    @abstractmethod
    def like(
        self, text: ColumnElement[Any], pattern: ColumnElement[Any], *, ascii: bool, negate: bool
    ) -> ColumnElement[Any]:
        """Case-insensitive LIKE with `\\` as escape; `ascii`: the pattern has only ASCII."""

    def same(self, text: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
        """The very text, also where a collation takes several for the same."""
        return text == value

    def alike(
        self, text: ColumnElement[Any], value: ColumnElement[Any], *, ascii: bool
    ) -> ColumnElement[bool]:
        """The text but for the case of letters; `ascii`: the value has only ASCII.

        Served by an index on the text as `folded` has it.
        """
        return sa.func.lower(text) == sa.func.lower(value)

    def folded(self, column: ColumnElement[Any]) -> ColumnElement[Any] | None:
        """What an index is to hold for `alike`; None where one on the column serves it."""
        return sa.func.lower(column)

    @abstractmethod
    def among(self, column: ColumnElement[Any], parameter: str, kind: Kind) -> ColumnElement[Any]:
        """`column IN (…)` with the whole list bound as the one value `parameter`.

        The value to bind is made by `list_binder`.
        """

    def among_few(self, column: ColumnElement[Any], select: sa.Select[Any]) -> ColumnElement[bool]:
        """`column IN (SELECT …)` where few rows are selected."""
        return column.in_(select)

    def count_where(self, condition: ColumnElement[bool]) -> ColumnElement[int]:
        """How many of the rows are so."""
        return sa.func.count().filter(condition)

    @abstractmethod
    def list_binder(self, kind: Kind) -> Callable[[Sequence[Any]], Any]:
        """From driver values to the one value that `among` takes."""

    def in_order(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        """The statement with its tables read in the order in which they are joined."""
        return statement

    @abstractmethod
    def random(self) -> ColumnElement[Any]:
        """A random number for ORDER BY."""

    @abstractmethod
    def clock(self) -> ColumnElement[Any]:
        """The server's time, in seconds since 1970."""

    @abstractmethod
    def total(
        self, column: ColumnElement[Any], kind: Kind, function: Literal["sum", "avg", "min", "max"]
    ) -> ColumnElement[Any]:
        """An aggregate that keeps exact decimals exact."""


def _required(compiled: SQLCompiler, name: str) -> bool:
    return compiled.binds[name].required
