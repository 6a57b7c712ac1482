"""The operations of a PATCH, as they are written: what is done, where, with what. Pure.

Source: SCIM page §6; RFC 7644 §3.5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, cast

from msgspec import Struct

from conductus.scim import names
from conductus.scim.bodies import check_schemas, lowered
from conductus.scim.refusals import Refused, TooLarge

Op = Literal["add", "replace", "remove"]
MOST: Final = 1000
"""Operations of one PATCH."""
MOST_NAMES: Final = 1 << 17
"""Characters of all paths of one PATCH: reading them is work."""
_EACH: Final = 32
"""What each of them counts for, however short it is."""
READ_ONLY: Final = frozenset({"id", "meta", "groups", "schemas"})


class Operation(Struct, frozen=True):
    """One of them."""

    op: Op
    path: str | None
    value: Any
    given: bool
    """Whether there is a value, if only null."""

    @property
    def names(self) -> Iterable[str]:
        """What it names, each to be read as a path."""
        if self.path is not None:
            return (self.path,)
        return map(str, self.value) if isinstance(self.value, Mapping) else ()


def find_operations(body: Mapping[str, Any]) -> list[Operation] | None:
    """The operations of a body; None for a body that is a resource. Raises `Refused`."""
    given = lowered(body)
    if "operations" not in given:
        return None
    check_schemas(body, names.PATCH)
    listed = given["operations"]
    if not isinstance(listed, list) or not listed:
        raise Refused("invalidSyntax", "`Operations` must be a list that is not empty")
    if len(listed) > MOST:
        raise TooLarge(f"More than {MOST} operations")
    found = [_operation(each) for each in listed]
    if sum(_EACH + len(name) for each in found for name in each.names) > MOST_NAMES:
        raise TooLarge(f"Paths and names of attributes of more than {MOST_NAMES} characters")
    return found


def _operation(written: Any) -> Operation:
    given = lowered(written)
    op, path = given.get("op"), given.get("path")
    name = op.lower() if isinstance(op, str) else None
    if name not in ("add", "replace", "remove"):
        raise Refused("invalidSyntax", "`op` is add, replace or remove")
    if path is not None and not isinstance(path, str):
        raise Refused("invalidPath", "`path` must be text")
    has_value = "value" in given
    if name == "remove" and not path:
        raise Refused("noTarget", "What is to be removed is said by a `path`")
    if name != "remove" and not has_value:
        raise Refused("invalidValue", f"`{name}` needs a `value`")
    return Operation(cast(Op, name), path or None, given.get("value"), has_value)
