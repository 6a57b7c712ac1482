"""Parameters of a request → `ItemQuery`, in every spelling that the reference allows.

Pure: the same parameters, schema and limits give the same query. Names are checked for
existence alone; what the actor may read is decided by `permissions.reading`.
Parameters that it does not know are left alone. Source: items page §3.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, structs

from conductus.errors import Unprocessable, ValidationFailed
from conductus.query import filters, grouping, selection
from conductus.query.brackets import Params
from conductus.query.filters import Budget
from conductus.query.item_query import (
    ALL_META,
    ALL_STATUSES,
    Deep,
    ItemQuery,
    SortKey,
    Statuses,
)
from conductus.query.limits import Limits
from conductus.query.paths import walk
from conductus.query.values import GREATEST, check_pattern, clean, entries, find_whole, text
from conductus.schema.model import Collection, Schema

RANDOM = "?"
SHAPING = ("fields", "meta", "lang", "status", "deep")
"""Parameters that say what is returned of items, not which."""
_META_KEYS = {**{key: key for key in ALL_META}, "status_count": "status"}
_DEEP_OPTIONS = frozenset({"filter", "sort", "limit", "offset"})


def parse(collection: str, params: Params, schema: Schema, limits: Limits) -> ItemQuery:
    """What the parameters ask of a collection.

    `params` come from `brackets.parse`, or are the decoded JSON of another front end.
    Raises `CollectionNotFound`, `FieldNotFound`, `FieldPathNotFound`, `OperatorUnknown`,
    `ValidationFailed`, `ScalarExpected` and `Unprocessable`.
    """
    home = schema.collection(collection)
    get = params.get
    budget = Budget(limits)
    chosen = selection.parse(get("fields"), home, schema, limits)
    languages = _languages(get("lang"), limits)
    if languages is not None:
        selection.check_languages(chosen, home, schema)
    page = _page(params, limits)
    sort = _sort("sort", get("sort"), home)
    groups = grouping.groups(get("groups"), home, limits)
    aggregates = grouping.aggregates(get("aggregate"), home, limits)
    if groups or aggregates:
        grouping.check_sort(sort, groups)
    return ItemQuery(
        collection=collection,
        selection=chosen,
        filter=filters.parse(get("filter"), home, schema, budget),
        search=_search(get("q"), limits),
        sort=sort,
        statuses=_statuses(get("status"), home, limits),
        limit=page.limit,
        offset=page.offset,
        page=page.number,
        single=text("single", get("single")).lower() in ("1", "true"),
        languages=languages,
        meta=_meta(get("meta")),
        deep=_deep(get("deep"), home, schema, budget),
        groups=groups,
        aggregates=aggregates,
    )


def parse_shape(collection: str, params: Params, schema: Schema, limits: Limits) -> ItemQuery:
    """What to return of items that are known by key: reads by id, answers of writes.

    Filter, search, order and paging are ignored, whatever they say. Raises as `parse`.
    """
    shaping = {name: params[name] for name in SHAPING if name in params}
    return structs.replace(parse(collection, shaping, schema, limits), limit=None)


class _Page(Struct, frozen=True):
    limit: int | None
    offset: int
    number: int | None


def _page(params: Params, limits: Limits) -> _Page:
    """`page` counts only with a `limit` and without an `offset`."""
    asked = find_whole("limit", params.get("limit"), -1)
    offset = find_whole("offset", params.get("offset"), 0)
    number = find_whole("page", params.get("page"), 1)
    limit = _limit(asked, limits) if asked is not None else _default_limit(limits)
    if asked is None or limit is None or offset is not None or number is None:
        return _Page(limit, offset or 0, None)
    offset = limit * (number - 1)
    if offset > GREATEST:
        raise ValidationFailed({"page": "The number is too large"})
    return _Page(limit, offset, number)


def _limit(asked: int, limits: Limits) -> int | None:
    if asked == -1:
        return limits.max_limit
    if limits.max_limit is not None and asked > limits.max_limit:
        raise Unprocessable(
            f"`limit` may be at most {limits.max_limit}", details={"limit": limits.max_limit}
        )
    return asked


def _default_limit(limits: Limits) -> int | None:
    given = [each for each in (limits.default_limit, limits.max_limit) if each is not None]
    return min(given, default=None)


def _sort(name: str, value: Any, collection: Collection) -> tuple[SortKey, ...]:
    """Raises `FieldNotFound`; `Unprocessable` for a field without a column."""
    keys: dict[str | None, SortKey] = {}
    for entry in entries(name, value):
        field, descending = entry, False
        if entry[0] == "-" and entry not in collection.fields:
            field, descending = entry[1:], True
        if field == RANDOM and RANDOM not in collection.fields:
            keys.setdefault(None, SortKey(None))
            continue
        if collection.field(field).column is None:
            raise Unprocessable(f"{field}: The field holds no value to sort by")
        # A second key on the same field decides nothing.
        keys.setdefault(field, SortKey(field, descending))
    return tuple(keys.values())


def _search(value: Any, limits: Limits) -> str | None:
    search = text("q", value)
    check_pattern("q", search, limits)
    return search or None


def _statuses(value: Any, collection: Collection, limits: Limits) -> Statuses:
    asked = _listed("status", value, limits)
    if not asked or collection.status_field is None:
        return None
    return ALL_STATUSES if ALL_STATUSES in asked else asked


def _languages(value: Any, limits: Limits) -> tuple[str, ...] | None:
    asked = _listed("lang", value, limits)
    return None if not asked or "*" in asked else asked


def _listed(name: Literal["status", "lang"], value: Any, limits: Limits) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(entries(name, value)))
    if len(asked) > limits.max_values:
        raise Unprocessable(f"More than {limits.max_values} values in `{name}`")
    return asked


def _meta(value: Any) -> frozenset[str] | None:
    asked = entries("meta", value)
    if not asked:
        return None
    if "*" in asked:
        return ALL_META
    return frozenset(_META_KEYS[key] for key in asked if key in _META_KEYS)


def _deep(
    value: Any, collection: Collection, schema: Schema, budget: Budget
) -> tuple[tuple[tuple[str, ...], Deep], ...]:
    """`deep[comments][limit]`; the path of a relation below another has dots."""
    if value is None or value == "":
        return ()
    if not isinstance(value, dict):
        raise ValidationFailed({"deep": "Name a relation: `deep[comments][limit]=3`"})
    found: list[tuple[tuple[str, ...], Deep]] = []
    for name, options in value.items():
        path = tuple(clean("deep", name).split(".", budget.limits.max_depth))
        if len(path) > budget.limits.max_depth:
            raise Unprocessable(f"`deep` goes deeper than {budget.limits.max_depth} levels")
        last = walk(schema, collection, path)[-1]
        if last.target is None or not last.to_many:
            raise Unprocessable(f"{name}: `deep` is for one-to-many fields only")
        narrowed = narrowing(f"deep[{name}]", options, last.target, schema, budget)
        found.append((path, narrowed))
    return tuple(found)


def narrowing(
    name: str, options: Any, collection: Collection, schema: Schema, budget: Budget
) -> Deep:
    """How a list of related items is narrowed. Raises as `parse`."""
    if not isinstance(options, dict) or not options.keys() <= _DEEP_OPTIONS:
        known = ", ".join(sorted(_DEEP_OPTIONS))
        raise ValidationFailed({name: f"The options are {known}"})
    limit = find_whole(f"{name}[limit]", options.get("limit"), -1)
    return Deep(
        filter=filters.parse(options.get("filter"), collection, schema, budget),
        sort=_sort(f"{name}[sort]", options.get("sort"), collection),
        limit=None if limit is None else _limit(limit, budget.limits),
        offset=find_whole(f"{name}[offset]", options.get("offset"), 0) or 0,
    )
