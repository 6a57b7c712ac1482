"""The types of one world: items, lists of them, their filters and what is written.

Each is made when it is first asked for, and its fields when all of them are known, as they
lead to each other. Source: GraphQL page §1 and §3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
)

from conductus.graphql import shown
from conductus.graphql.filtering import filter_type
from conductus.graphql.meanings import Shown, means
from conductus.graphql.scalars import BIG_INT, JSON
from conductus.graphql.world import FILES, World
from conductus.query.paths import step
from conductus.schema.model import NUMBERS, Collection, Field, Kind
from conductus.schema.secrets import secret

SET_BY_SERVER: Final = frozenset(
    {"owner", "user_created", "user_updated", "datetime_created", "datetime_updated"}
)
LINK_ONLY: Final = SET_BY_SERVER | {"file"}
"""Many-to-one types through which nothing is written."""
OF_CONTENT: Final = frozenset(
    {
        *("storage", "filename_disk", "filename_download", "type", "charset", "filesize"),
        *("checksum", "embed", "width", "height", "duration", "uploaded_on", "data"),
    }
)
"""What of a file goes with its content: it is written where files are uploaded."""
_ORDERED: Final = NUMBERS | {Kind.TEXT, Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.DATETIME_ZONE}
_UNCOUNTED: Final = frozenset({Kind.JSON, Kind.OPAQUE})
_COUNT: Final = shown.Value(BIG_INT)
Type = TypeVar("Type")


class Types:
    """The types of one world, each once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._made: dict[str, Any] = {}
        self.node = GraphQLInterfaceType("Node", {"id": GraphQLField(GraphQLID)})
        self.metadata = _metadata()
        self.event = _event()
        self._thumbnail = _thumbnail()

    def wrapper(self, collection: Collection) -> GraphQLObjectType:
        """A list of items with what is said about it."""
        item = self.item(collection)
        return self._once(
            self._stem(collection),
            lambda name: GraphQLObjectType(
                name,
                {
                    "data": GraphQLField(GraphQLList(item)),
                    "meta": GraphQLField(self.metadata),
                },
                description=_named(collection, self.world.names[collection.name]),
            ),
        )

    def item(self, collection: Collection) -> GraphQLObjectType:
        """One item."""
        return self._once(
            f"{self._stem(collection)}Item", lambda name: self._item(name, collection)
        )

    def filter(self, collection: Collection) -> GraphQLInputObjectType:
        """What items can be asked by."""
        return self._once(
            f"{self._stem(collection)}Filter",
            lambda name: filter_type(name, collection, self.world, self.filter),
        )

    def input(self, collection: Collection) -> GraphQLInputObjectType:
        """An item as it is written, nested or not."""
        return self._once(
            f"{self._stem(collection)}Input",
            lambda name: GraphQLInputObjectType(name, lambda: self._inputs(collection)),
        )

    def aggregated(self, collection: Collection) -> GraphQLObjectType:
        """Figures over a group of items."""
        return self._once(
            f"{self._stem(collection)}Aggregated", lambda name: self._figures(name, collection)
        )

    def mutated(self, collection: Collection) -> GraphQLObjectType:
        """What is told of a change of an item."""
        return self._once(
            f"{self._stem(collection)}Mutated",
            lambda name: GraphQLObjectType(
                name,
                {
                    "event": GraphQLField(GraphQLNonNull(self.event)),
                    "key": GraphQLField(GraphQLNonNull(GraphQLID)),
                    "item": GraphQLField(
                        self.item(collection),
                        description="As it is now; null where it is no longer to be seen.",
                    ),
                },
            ),
        )

    def narrowing(self, collection: Collection) -> dict[str, GraphQLArgument]:
        """The arguments of any list of items."""
        return {
            "limit": GraphQLArgument(GraphQLInt),
            "offset": GraphQLArgument(GraphQLInt),
            "filter": GraphQLArgument(self.filter(collection)),
            "sort": GraphQLArgument(GraphQLList(GraphQLString)),
        }

    def listing(self, collection: Collection) -> dict[str, GraphQLArgument]:
        """The arguments of a list at the root."""
        keyed: dict[str, GraphQLArgument] = {}
        if collection.primary_key:
            keyed["id"] = GraphQLArgument(self._key(collection))
        return keyed | {
            **self.narrowing(collection),
            "lang": GraphQLArgument(GraphQLString),
            "page": GraphQLArgument(GraphQLInt),
            "q": GraphQLArgument(GraphQLString),
            "status": GraphQLArgument(GraphQLString),
            "single": GraphQLArgument(GraphQLBoolean),
        }

    def _once(self, name: str, make: Callable[[str], Type]) -> Type:
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = make(name)
        return found

    def _stem(self, collection: Collection) -> str:
        return self.world.stems[collection.name]

    def _key(self, collection: Collection) -> GraphQLInputType:
        """How a list is asked for one item: a number where the key is one."""
        if len(collection.primary_key) == 1:
            field = collection.fields[collection.primary_key[0]]
            if field.column is not None and field.type == "integer":
                return shown.value(field, field.column).scalar
        return GraphQLID

    # -- items ------------------------------------------------------------------------

    def _item(self, name: str, collection: Collection) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            found = {
                spelled: made
                for spelled, field in self.world.shown(collection)
                if (made := self._field(collection, field)) is not None
            }
            if collection.name == FILES and "data" in found:
                found = {**self._addresses(), **found}
            return found

        return GraphQLObjectType(
            name,
            fields,
            interfaces=[self.node] if self._is_node(collection) else None,
            description=_named(collection, self.world.names[collection.name]),
        )

    def _is_node(self, collection: Collection) -> bool:
        return collection.primary_key == ("id",) and any(
            spelled == "id" and self.world.target(collection, field) is None
            for spelled, field in self.world.shown(collection)
        )

    def _field(self, collection: Collection, field: Field) -> GraphQLField | None:
        """How a field is shown; None where it holds nothing to show."""
        target = self.world.target(collection, field)
        taken = step(self.world.schema, collection, field.name)
        if taken.to_many and target is not None and len(collection.primary_key) == 1:
            return self._many(collection, field, target)
        if target is not None and not taken.to_many:
            found = Shown(field.name, target=target.name)
            return self._described(collection, field, self.item(target), found)
        if field.column is None:
            computed = field.name in collection.computed
            return GraphQLField(JSON, extensions=means(Shown(field.name))) if computed else None
        is_key = taken.target is not None or collection.primary_key == (field.name,)
        value = shown.key(field) if is_key else shown.value(field, field.column)
        type: Any = GraphQLList(GraphQLString) if value.listed else value.scalar
        if self.world.always_there(collection, field) and not value.listed:
            type = GraphQLNonNull(type)
        return self._described(collection, field, type, Shown(field.name, value.convert))

    def _many(self, collection: Collection, field: Field, target: Collection) -> GraphQLField:
        return self._described(
            collection,
            field,
            GraphQLList(self.item(target)),
            Shown(field.name, target=target.name, many=True),
            self.narrowing(target),
        )

    def _described(
        self,
        collection: Collection,
        field: Field,
        type: GraphQLOutputType,
        found: Shown,
        arguments: dict[str, GraphQLArgument] | None = None,
    ) -> GraphQLField:
        spelled = self.world.fields(collection)[field.name]
        said = [] if spelled == field.name else [f"The field {field.name!r}."]
        said += [field.note] if field.note else []
        return GraphQLField(
            type, arguments, description=" ".join(said) or None, extensions=means(found)
        )

    def _addresses(self) -> dict[str, GraphQLField]:
        """Parts of the field `data` of files."""
        parts: dict[str, GraphQLOutputType] = dict.fromkeys(
            ("full_url", "url", "asset_url"), GraphQLString
        )
        parts["thumbnails"] = GraphQLList(self._thumbnail)
        return {
            name: GraphQLField(type, extensions=means(Shown("data", part=name)))
            for name, type in parts.items()
        }

    # -- what is written --------------------------------------------------------------

    def _inputs(self, collection: Collection) -> dict[str, GraphQLInputField]:
        found = {
            spelled: GraphQLInputField(type, out_name=field.name)
            for spelled, field in self.world.writable(collection)
            if (type := self._input(collection, field)) is not None
        }
        if "_delete" not in found:
            said = "In a nested item: removes it."
            flag = GraphQLInputField(GraphQLBoolean, out_name="$delete", description=said)
            found["_delete"] = flag
        return found

    def _input(self, collection: Collection, field: Field) -> GraphQLInputType | None:
        """How a field is written; None where nobody may."""
        taken = step(self.world.schema, collection, field.name)
        if taken.to_many:
            if taken.target is None or not self.world.changes(taken.target):
                return None
            return GraphQLList(GraphQLNonNull(self.input(taken.target)))
        column = field.column
        if column is None or column.generated:
            return None
        if collection.name == FILES and field.name in OF_CONTENT:
            return None
        if field.type in SET_BY_SERVER and not self.world.policy.administrator:
            return None
        if taken.target is not None:
            nested = field.type not in LINK_ONLY and self.world.changes(taken.target)
            return self.input(taken.target) if nested else GraphQLID
        if field.name in collection.primary_key:
            return GraphQLID
        return shown.written(field, column)

    # -- figures ----------------------------------------------------------------------

    def _figures(self, name: str, collection: Collection) -> GraphQLObjectType:
        stem = self._stem(collection)
        kinds = {
            spelled: field
            for spelled, field in self.world.shown(collection)
            if field.column is not None and not secret(field)
        }
        number = [(spelled, each) for spelled, each in kinds.items() if each.kind in NUMBERS]
        found = {
            "group": GraphQLField(JSON, description="What the items of the group have in common."),
            "countAll": GraphQLField(BIG_INT),
        }
        counted = self._per_field(f"{stem}Counted", kinds.items(), lambda _: _COUNT)
        distinct = self._per_field(
            f"{stem}CountedDistinct",
            [(name, each) for name, each in kinds.items() if each.kind not in _UNCOUNTED],
            lambda _: _COUNT,
        )
        totals = self._per_field(f"{stem}Totals", number, lambda _: shown.NUMBER)
        extremes = self._per_field(
            f"{stem}Extremes",
            [(name, each) for name, each in kinds.items() if each.kind in _ORDERED],
            lambda field: self._extreme(collection, field),
        )
        functions = {
            "count": counted,
            "countDistinct": distinct,
            "sum": totals,
            "avg": totals,
            "min": extremes,
            "max": extremes,
        }
        found |= {each: GraphQLField(type) for each, type in functions.items() if type is not None}
        return GraphQLObjectType(name, found)

    def _extreme(self, collection: Collection, field: Field) -> shown.Value:
        """How the least and the greatest value of a field are shown."""
        is_key = step(self.world.schema, collection, field.name).target is not None
        if field.column is None or is_key or collection.primary_key == (field.name,):
            return shown.key(field)
        return shown.value(field, field.column)

    def _per_field(
        self,
        name: str,
        fields: Iterable[tuple[str, Field]],
        value: Callable[[Field], shown.Value],
    ) -> GraphQLObjectType | None:
        """An object with a figure for each field; None where there is none."""
        found = {
            spelled: GraphQLField(each.scalar, extensions=means(Shown(field.name, each.convert)))
            for spelled, field in fields
            for each in (value(field),)
        }
        return self._once(name, lambda name: GraphQLObjectType(name, found)) if found else None


def _event() -> GraphQLEnumType:
    said = {
        "create": "It was made.",
        "update": "It was changed.",
        "leave": "It was changed and is no longer among what is asked for, or may be seen.",
        "delete": "It was removed.",
    }
    return GraphQLEnumType(
        "MutationEvent",
        {name: GraphQLEnumValue(name, description=text) for name, text in said.items()},
    )


def _metadata() -> GraphQLObjectType:
    return GraphQLObjectType(
        "Metadata",
        {
            "collection": GraphQLField(GraphQLString),
            "type": GraphQLField(GraphQLString),
            "result_count": GraphQLField(GraphQLInt),
            "total_count": GraphQLField(BIG_INT),
            "filter_count": GraphQLField(BIG_INT),
            "status_count": GraphQLField(JSON),
            "limit": GraphQLField(GraphQLInt),
            "offset": GraphQLField(BIG_INT),
            "page": GraphQLField(BIG_INT),
            "page_count": GraphQLField(BIG_INT),
        },
    )


def _thumbnail() -> GraphQLObjectType:
    texts = ("url", "relative_url", "dimension", "key")
    return GraphQLObjectType(
        "FileThumbnail",
        {
            **{name: GraphQLField(GraphQLString) for name in texts},
            **{name: GraphQLField(GraphQLInt) for name in ("width", "height")},
        },
    )


def _named(collection: Collection, spelled: str) -> str | None:
    """What is said of a collection: its own name, where GraphQL calls it otherwise."""
    said = [] if spelled == collection.name else [f"The collection {collection.name!r}."]
    said += [collection.note] if collection.note else []
    return " ".join(said) or None
