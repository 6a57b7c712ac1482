"""`attributes` and `excludedAttributes`: what of a resource is sent. Pure.

Source: RFC 7644 §3.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from conductus.scim import names
from conductus.scim.refusals import Refused

ALWAYS: Final = frozenset({"schemas", "id"})
_CORES: Final = (f"{names.USER.lower()}:", f"{names.GROUP.lower()}:")


class Projection(Struct, frozen=True):
    """What is asked for; `only` None: everything but what is left out."""

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def wants(self, attribute: str) -> bool:
        """Whether some of the attribute is sent."""
        if self.only is None:
            return attribute not in self.without
        return any(name.split(".")[0] == attribute for name in self.only)

    def applied(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """The resource as it is sent."""
        found: dict[str, Any] = {}
        for name, value in resource.items():
            lower = name.lower()
            if lower in ALWAYS:
                found[name] = value
            elif self.only is None:
                if lower not in self.without:
                    found[name] = _without(lower, value, self.without)
            elif lower in self.only:
                found[name] = value
            elif self.wants(lower) or _nested(lower, self.only):
                found[name] = _only(lower, value, self.only)
        return found


EVERYTHING: Final = Projection()


def projection(attributes: Iterable[str], excluded: Iterable[str]) -> Projection:
    """What lists of names ask for. Raises `Refused` for both at once."""
    only, without = frozenset(map(_plain, attributes)), frozenset(map(_plain, excluded))
    if only and without:
        raise Refused("invalidValue", "`attributes` and `excludedAttributes` exclude each other")
    return Projection(only or None, without)


def _plain(name: str) -> str:
    lower = name.strip().lower()
    for core in _CORES:
        lower = lower.removeprefix(core)
    return lower


def _nested(name: str, wanted: frozenset[str]) -> bool:
    """Whether attributes of an extension are named, by its schema."""
    return any(each.startswith(f"{name}:") for each in wanted)


def _part(name: str, part: str) -> tuple[str, str]:
    return f"{name}.{part.lower()}", f"{name}:{part.lower()}"


def _only(name: str, value: Any, wanted: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_only(name, each, wanted) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {part: each for part, each in value.items() if wanted.intersection(_part(name, part))}


def _without(name: str, value: Any, left_out: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_without(name, each, left_out) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        part: each for part, each in value.items() if not left_out.intersection(_part(name, part))
    }
