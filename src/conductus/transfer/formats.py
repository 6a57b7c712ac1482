"""The formats that items travel in, and how each is named."""

from __future__ import annotations

from enum import Enum
from importlib.util import find_spec
from typing import Any, Final

from conductus.errors import Unprocessable, ValidationFailed


class Format(Enum):
    """A kind of file; the value is its name, and how names of such files end."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA: Final = {
    Format.JSON: "application/json; charset=utf-8",
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.PARQUET: "application/vnd.apache.parquet",
}
_NAMES: Final = {
    **{format.value: format for format in Format},
    **{"jsonl": Format.JSON, "ndjson": Format.JSON, "tsv": Format.CSV, "txt": Format.CSV},
}
_TYPES: Final = {
    "application/json": Format.JSON,
    "application/x-ndjson": Format.JSON,
    "text/csv": Format.CSV,
    "text/tab-separated-values": Format.CSV,
    "application/vnd.apache.parquet": Format.PARQUET,
}
NEEDED: Final = "Parquet is not installed on this server: `pip install conductus[parquet]`"


def stated_format(value: Any) -> Format:
    """The format of that name. Raises `ValidationFailed`."""
    found = next((each for each in Format if each.value == value), None)
    if found is None:
        names = ", ".join(each.value for each in Format)
        raise ValidationFailed({"format": f"Must be one of {names}"})
    return found


def guessed_format(name: str | None, content_type: str) -> Format:
    """The format of a file, by how its name ends or what its sender calls it.

    Raises `ValidationFailed`.
    """
    found = _NAMES.get((name or "").rpartition(".")[2].lower())
    found = found or _TYPES.get(content_type.partition(";")[0].strip().lower())
    return stated_format(None) if found is None else found


def check_installed(format: Format) -> None:
    """Raises `Unprocessable` where the library of a format is missing."""
    if format is Format.PARQUET and find_spec("pyarrow") is None:
        raise Unprocessable(NEEDED)
