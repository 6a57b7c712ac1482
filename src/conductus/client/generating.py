"""From a project's schema to the text of a module with its types. Pure.

Each collection becomes a `TypedDict`, all of whose keys may be missing, since a query says
which fields it wants; and a constant that makes calls for it.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from conductus.client.items import Item

HEAD: Final = '''"""The collections of a project, as types.

Written by `conductus client generate`: write it anew when the schema changes.
"""

from __future__ import annotations

from typing import Any, Literal, Never, TypedDict

from conductus.client import Items
'''
SYSTEM: Final = "directus_"
_PLAIN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("integer", "sort"), "int"),
    "decimal": "float",
    "boolean": "bool",
    "array": "list[str]",
    **dict.fromkeys(("json", "alias"), "Any"),
}
"""Every other type is a text."""
_NEVER_NULL: Final = frozenset({"boolean", "decimal"})


class _Related(Struct, frozen=True):
    """What a field leads to."""

    collection: str
    many: bool


class _Names:
    """Names of Python for names of the database, each given once."""

    def __init__(self) -> None:
        self._taken = {"Any", "Items", "Literal", "Never", "TypedDict", "annotations"}

    def give(self, wanted: str) -> str:
        name = wanted if wanted.isidentifier() else f"_{wanted}"
        if keyword.iskeyword(name):
            name += "_"
        number = 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name


class _Writer:
    """Writes one module."""

    def __init__(self, collections: Sequence[Item], relations: Sequence[Item]) -> None:
        self._collections = {one["collection"]: one for one in collections}
        self._relations = _related(relations)
        names = _Names()
        self._reached = self._reachable()
        self._classes = {name: names.give(_class_name(name)) for name in self._reached}
        own = [name for name in self._reached if not name.startswith(SYSTEM)]
        self._constants = {name: names.give(_constant_name(name)) for name in own}

    def text(self) -> str:
        """The module."""
        parts = [HEAD, *(self._class(name) for name in self._reached)]
        constants = [self._constant(name) for name in self._constants]
        return "\n\n".join(parts) + ("\n\n" + "".join(constants) if constants else "")

    def _reachable(self) -> list[str]:
        """Collections that are not built in, and what they lead to."""
        waiting = sorted(name for name in self._collections if not name.startswith(SYSTEM))
        reached: dict[str, None] = {}
        while waiting:
            name = waiting.pop(0)
            if name in reached or name not in self._collections:
                continue
            reached[name] = None
            fields = self._collections[name]["fields"]
            led = (self._relations.get((name, field)) for field in fields)
            waiting += [to.collection for to in led if to is not None]
        return sorted(reached, key=lambda name: (name.startswith(SYSTEM), name))

    def _class(self, name: str) -> str:
        own = self._classes[name]
        fields = {
            field: self._type(name, facts)
            for field, facts in self._collections[name]["fields"].items()
        }
        if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
            lines = [f"class {own}(TypedDict, total=False):", f'    """An item of {name!r}."""', ""]
            lines += [f"    {field}: {type}" for field, type in fields.items()]
            return "\n".join(lines) + "\n"
        pairs = [f"        {field!r}: {type!r}," for field, type in fields.items()]
        return "\n".join([f"{own} = TypedDict(", f"    {own!r},", "    {", *pairs, "    },",
                          "    total=False,", ")"]) + "\n"  # fmt: skip

    def _type(self, collection: str, field: Item) -> str:
        related = self._relations.get((collection, field["field"]))
        if related is not None and related.collection in self._classes:
            key, item = self._key(related.collection), self._classes[related.collection]
            return f"list[{key} | {item}]" if related.many else f"{key} | {item} | None"
        kind = field["type"]
        if kind == "status":
            plain = _choice(((field.get("options") or {}).get("status_mapping")) or {})
        else:
            plain = _PLAIN.get(kind, "str")
        if kind in ("o2m", "translation"):
            plain = "Any"
        certain = field["required"] or field["primary_key"] or kind in _NEVER_NULL
        return plain if certain or plain == "Any" else f"{plain} | None"

    def _key(self, collection: str) -> str:
        fields = self._collections[collection]["fields"].values()
        kinds = ["int" if _numeric(field) else "str" for field in fields if field["primary_key"]]
        match kinds:
            case []:
                return "Never"
            case [kind]:
                return kind
            case _:
                return f"tuple[{', '.join(kinds)}]"

    def _constant(self, name: str) -> str:
        made = f"Items[{self._classes[name]}, {self._key(name)}]"
        return f"{self._constants[name]}: {made} = Items({f'items/{name}'!r})\n"


def module(collections: Sequence[Item], relations: Sequence[Item]) -> str:
    """The text of a module, from what the API says of collections and relations."""
    return _Writer(collections, relations).text()


def _related(relations: Iterable[Item]) -> dict[tuple[str, str], _Related]:
    found: dict[tuple[str, str], _Related] = {}
    for relation in relations:
        many, one = relation["collection_many"], relation["collection_one"]
        if relation["field_many"] and one:
            found[many, relation["field_many"]] = _Related(one, many=False)
        if relation["field_one"] and one:
            found[one, relation["field_one"]] = _Related(many, many=True)
    return found


def _numeric(field: Mapping[str, Any]) -> bool:
    return field["type"] == "integer" or "INT" in (field.get("datatype") or "").upper()


def _choice(mapping: Mapping[str, Any]) -> str:
    return f"Literal[{', '.join(map(repr, mapping))}]" if mapping else "str"


def _class_name(collection: str) -> str:
    words = re.split(r"[\W_]+", collection)
    return "".join(word[:1].upper() + word[1:] for word in words) or "_"


def _constant_name(collection: str) -> str:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", collection)
    return re.sub(r"\W+", "_", apart).lower() or "_"
