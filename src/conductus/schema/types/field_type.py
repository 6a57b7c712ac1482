"""What every field type offers, and the values that travel between JSON and the database.

A value has three forms: *JSON* (what clients send and get), *plain* (what the rest of
Conductus handles) and *driver* (what a driver binds and returns, known to `database`
alone). Plain values by kind of column:

INTEGER int · DECIMAL, DECIMAL_TEXT Decimal · FLOAT float · BOOLEAN bool · TEXT, UUID,
OPAQUE str · DATE `YYYY-MM-DD` · TIME `HH:MM:SS[.f]` · DATETIME `YYYY-MM-DD HH:MM:SS[.f]`
(a zoned one converted to UTC) · JSON the JSON text · BINARY bytes · TEXT_ARRAY list of str
· NULL None.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from conductus.schema.model import Field, Kind

Plain = Any
"""A value in plain form."""
JSON = Any
"""A value as it stands in a JSON document."""
Present = Callable[[Plain], JSON]


class NoMatch:
    """The answer of `operand` to a value that no stored value can equal."""


NO_MATCH: Final = NoMatch()


class FieldType:
    """One type of field. Instances are stateless and shared."""

    name: ClassVar[str]
    alias: ClassVar[bool] = False
    """True for the types that have no column."""
    searchable: ClassVar[bool] = False
    """True when full-text search (`q`) looks into it."""
    secret: ClassVar[bool] = False
    """True when its values may never be filtered, sorted or searched by."""
    kinds: ClassVar[tuple[Kind, ...]] = ()
    """The kinds of column that it is made with, the default first."""

    def parse(self, value: JSON, field: Field) -> Plain:
        """The plain form of a value to be written; None stays None.

        Raises `ValidationFailed` (4), `Unprocessable` (12) or `ScalarExpected` (213),
        naming the field, as the table of values in the items page §4 says.
        """
        raise NotImplementedError

    def operand(self, value: JSON, field: Field, now: datetime) -> Plain | NoMatch:
        """The plain form of a value to compare with, `NO_MATCH` when nothing can equal it.

        `now` (UTC) stands for the text `now` and `now(-7 days)` where the type has time.
        Never raises for an unsuitable value.
        """
        raise NotImplementedError

    def presenter(self, kind: Kind) -> Present | None:
        """From plain to JSON for a column of this kind; None when nothing is to be done.

        The function is called for NULL (None) too.
        """
        return None

    def recorder(self, kind: Kind) -> Present | None:
        """From plain to the JSON kept in revisions: datetimes as stored, decimals as text."""
        return self.presenter(kind)
