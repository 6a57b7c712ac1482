"""Bodies of the collections, fields and relations endpoints, parsed into values.

Whatever a client may send becomes a typed value here, or a 4/422 that names the key. Keys
that the API only answers (`id`, `locked`, `managed` of a field) are passed over, so that a
client may send back what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from conductus.errors import ValidationFailed

T = TypeVar("T")
Body = Mapping[str, Any]
Json = dict[str, Any] | list[Any] | None

WIDTHS: Final = frozenset(("half", "half-left", "half-right", "half-space", "full", "fill"))
_TRUE: Final = frozenset(("1", "true"))
_FALSE: Final = frozenset(("0", "false", ""))


class FieldRequest(Struct, frozen=True, kw_only=True):
    """A field as a client asks for it; UNSET is what it does not speak of."""

    field: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    datatype: str | UnsetType | None = UNSET
    length: str | UnsetType | None = UNSET
    signed: bool | UnsetType = UNSET
    unique: bool | UnsetType = UNSET
    primary_key: bool | UnsetType = UNSET
    auto_increment: bool | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    nullable: bool | UnsetType = UNSET
    default_value: Any = UNSET
    interface: str | UnsetType | None = UNSET
    options: Json | UnsetType = UNSET
    validation: str | UnsetType | None = UNSET
    readonly: bool | UnsetType = UNSET
    hidden_detail: bool | UnsetType = UNSET
    hidden_browse: bool | UnsetType = UNSET
    sort: int | UnsetType | None = UNSET
    width: str | UnsetType | None = UNSET
    group: int | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    translation: Json | UnsetType = UNSET
    rename_to: str | UnsetType = UNSET

    def stated(self) -> dict[str, Any]:
        """What it speaks of, by key."""
        every = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in every.items() if value is not UNSET}


class CollectionRequest(Struct, frozen=True, kw_only=True):
    """A collection as a client asks for it."""

    collection: Any = UNSET
    managed: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    single: bool | UnsetType = UNSET
    icon: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    translation: Json | UnsetType = UNSET
    fields: tuple[FieldRequest, ...] | UnsetType = UNSET

    def metadata(self) -> dict[str, Any]:
        """The columns of `directus_collections` that it speaks of."""
        names = ("managed", "hidden", "single", "icon", "note", "translation")
        every = {name: getattr(self, name) for name in names}
        return {name: value for name, value in every.items() if value is not UNSET}

    def stated(self) -> dict[str, Any]:
        """What it speaks of, by key."""
        fields = {} if self.fields is UNSET else {"fields": [one.stated() for one in self.fields]}
        name = {} if self.collection is UNSET else {"collection": self.collection}
        return {**name, **self.metadata(), **fields}


def parse_collection(body: Body) -> CollectionRequest:
    """The request of a body for `/collections`."""
    fields = body.get("fields", UNSET)
    if fields is not UNSET:
        fields = _fields(fields)
    return CollectionRequest(
        collection=body.get("collection", UNSET),
        managed=_take(body, "managed", _boolean),
        hidden=_take(body, "hidden", _boolean),
        single=_take(body, "single", _boolean),
        icon=_take(body, "icon", _text_up_to(30)),
        note=_take(body, "note", _text_up_to(255)),
        translation=_take(body, "translation", _json),
        fields=fields,
    )


def parse_field(body: Any) -> FieldRequest:
    """The request of a body for `/fields`."""
    if not isinstance(body, Mapping):
        raise ValidationFailed("A field is described by an object")
    return FieldRequest(
        field=_take(body, "field", _name),
        type=_take(body, "type", _name),
        datatype=_take(body, "datatype", _text_up_to(1000)),
        length=_take(body, "length", _length),
        default_value=body.get("default_value", UNSET),
        interface=_take(body, "interface", _text_up_to(64)),
        options=_take(body, "options", _json),
        validation=_take(body, "validation", _text_up_to(500)),
        sort=_take(body, "sort", _number),
        width=_take(body, "width", _width),
        group=_take(body, "group", _number),
        note=_take(body, "note", _text_up_to(1024)),
        translation=_take(body, "translation", _json),
        rename_to=_take(body, "rename_to", _name),
        **{name: _take(body, name, _boolean) for name in _FLAGS},
    )


_FLAGS: Final = (
    "signed",
    "unique",
    "primary_key",
    "auto_increment",
    "required",
    "nullable",
    "readonly",
    "hidden_detail",
    "hidden_browse",
)


def _fields(listed: Any) -> tuple[FieldRequest, ...]:
    if not isinstance(listed, list):
        raise ValidationFailed({"fields": "This must be a list of fields"})
    return tuple(map(parse_field, listed))


def _take(body: Body, name: str, parse: Callable[[str, Any], T]) -> T | UnsetType:
    return parse(name, body[name]) if name in body else UNSET


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    if value is None or (isinstance(value, str) and value.lower() in _FALSE):
        return False
    if isinstance(value, str) and value.lower() in _TRUE:
        return True
    raise ValidationFailed({name: "This must be true or false"})


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValidationFailed({name: "This value is required"})
    return value


def _text_up_to(length: int) -> Callable[[str, Any], str | None]:
    def parse(name: str, value: Any) -> str | None:
        if value is None or value == "":
            return None
        if not isinstance(value, str) or "\0" in value:
            raise ValidationFailed({name: "This must be a text"})
        if len(value) > length:
            raise ValidationFailed({name: f"This may have {length} characters at most"})
        return value

    return parse


def _length(name: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValidationFailed({name: "This must be a number or a text such as 10,2"})
    return str(value).strip()


def _number(name: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValidationFailed({name: "This must be a whole number"})
    return value


def _width(name: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if value not in WIDTHS:
        raise ValidationFailed({name: f"This must be one of {', '.join(sorted(WIDTHS))}"})
    return str(value)


def _json(name: str, value: Any) -> Json:
    if isinstance(value, str) and value:
        # Older clients send the JSON as a text.
        try:
            value = msgspec.json.decode(value)
        except msgspec.MsgspecError:
            raise ValidationFailed({name: "This must be JSON"}) from None
    if value is None or value == "":
        return None
    if not isinstance(value, dict | list):
        raise ValidationFailed({name: "This must be an object or a list"})
    return value
