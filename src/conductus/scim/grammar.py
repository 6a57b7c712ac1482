"""Filters and paths as text → conditions and places. The one module that knows scim2-models.

It is imported when the first filter or path comes, in a thread, because that takes a
third of a second. Source: SCIM page §4.3 and §6; RFC 7644 §3.4.2.2 and §3.5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NoReturn

from msgspec import Struct
from scim2_models import Path, ScimFilter
from scim2_models.exceptions import SCIMException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from conductus.errors import ValidationFailed
from conductus.query.item_query import NONE, Filter, every, some
from conductus.scim import names
from conductus.scim.attributes import Kind, Mode, among_values, selected
from conductus.scim.refusals import Refused, ScimType
from conductus.scim.terms import Likeness, Term, Terms, negated

LONGEST: Final = 4096
"""Bytes of a filter or a path."""
DEEPEST: Final = 16
MOST_CONDITIONS: Final = 200
_URNS: Final[dict[Kind, tuple[str, ...]]] = {
    "User": (names.USER.lower(), names.ENTERPRISE.lower()),
    "Group": (names.GROUP.lower(),),
}
_LIKENESS: Final[dict[CompareOperator, Likeness]] = {
    CompareOperator.eq: "eq",
    CompareOperator.co: "co",
    CompareOperator.sw: "sw",
    CompareOperator.ew: "ew",
    CompareOperator.gt: "gt",
    CompareOperator.ge: "ge",
    CompareOperator.lt: "lt",
    CompareOperator.le: "le",
}
Accepted = Callable[[str], bool]


class Place(Struct, frozen=True):
    """What the path of an operation names."""

    attribute: str
    """In small letters, with its schema unless that is the core of the resource."""
    part: str | None = None
    """In small letters too."""
    filter: FilterNode | None = None
    """Which of several values are meant; None: all."""

    @property
    def name(self) -> str:
        """Attribute and part: `name.givenname`."""
        return self.attribute if self.part is None else f"{self.attribute}.{self.part}"


def parsed(text: str) -> FilterNode:
    """A filter. Raises `Refused` (`invalidFilter`, `tooMany`)."""
    _check_length(text, "invalidFilter")
    try:
        node = ScimFilter[Any](text).ast
    except (SCIMException, ValueError) as error:
        raise Refused("invalidFilter", f"The filter cannot be read: {_why(error)}") from None
    if _depth(node) > DEEPEST:
        raise Refused("invalidFilter", f"The filter nests deeper than {DEEPEST} levels")
    if sum(1 for _ in _leaves(node)) > MOST_CONDITIONS:
        raise Refused("tooMany", f"The filter has more than {MOST_CONDITIONS} conditions")
    return node


def place(text: str, kind: Kind) -> Place:
    """The place that a path names. Raises `Refused` (`invalidPath`)."""
    _check_length(text, "invalidPath")
    if text.lower() in _URNS[kind]:
        return Place(text.lower())
    try:
        node = Path[Any](text).ast
    except (SCIMException, ValueError) as error:
        raise Refused("invalidPath", f"The path cannot be read: {_why(error)}") from None
    match node:
        case AttrPath():
            attribute, part = _named(node, kind)
            return Place(attribute, part)
        case ValuePath(attr_path=path, val_filter=chosen, sub_attr=part):
            attribute, _ = _named(path, kind)
            return Place(attribute, part.lower() if part else None, chosen)
        case _:
            raise Refused("invalidPath", "The path names no attribute")


def user_names(node: FilterNode) -> Iterator[str]:
    """The names of users that a filter asks for by `eq` and `ne`."""
    for leaf in _leaves(node):
        if isinstance(leaf, Comparison) and leaf.op in (CompareOperator.eq, CompareOperator.ne):
            attribute, part = _named(leaf.attr_path, "User", refuse=False)
            if (attribute, part) == ("username", None) and isinstance(leaf.value, str):
                yield leaf.value


def conditions(node: FilterNode, kind: Kind, mode: Mode, terms: Terms, knows: Accepted) -> Filter:
    """What rows fulfil a filter on resources of that kind.

    An attribute that the kind lacks and `knows` accepts holds for none. Raises `Refused`.
    """
    try:
        return _Conditions(kind, mode, terms, knows).visit(node)
    except ValidationFailed as error:
        raise Refused("invalidFilter", error.message) from None


def chosen_values(node: FilterNode, terms: Terms) -> Filter:
    """What one value of several fulfils that a filter in brackets chooses. Raises `Refused`."""
    try:
        return _Values(terms).visit(node)
    except ValidationFailed as error:
        raise Refused("invalidFilter", error.message) from None


class _Values(FilterVisitor[Filter]):
    """Conditions on the parts of one value."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def visit_comparison(self, node: Comparison) -> Filter:
        """An attribute compared; one without a value differs from every value."""
        term = self._term(node.attr_path)
        if term is None:
            return NONE
        if node.value is None:
            return self._compared_with_null(node, term)
        if node.op is CompareOperator.ne:
            return negated(term.compared("eq", node.value))
        return term.compared(_LIKENESS[node.op], node.value)

    def visit_present(self, node: Present) -> Filter:
        """Whether there is a value."""
        term = self._term(node.attr_path)
        return NONE if term is None else term.present()

    def visit_not(self, node: Not) -> Filter:
        """The opposite."""
        return negated(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Filter:
        """All of them, or any."""
        join = every if node.op is LogicalOperator.and_ else some
        return join(*map(self.visit, node.terms))

    def visit_value_path(self, node: ValuePath) -> Filter:
        """Brackets in brackets, which the grammar does not have."""
        raise Refused("invalidFilter", "Brackets do not stand in brackets")

    def _compared_with_null(self, node: Comparison, term: Term) -> Filter:
        match node.op:
            case CompareOperator.eq:
                return negated(term.present())
            case CompareOperator.ne:
                return term.present()
            case _:
                raise Refused("invalidFilter", "With null goes eq or ne")

    def _term(self, path: AttrPath) -> Term | None:
        term = self._terms.get(path.attr.lower())
        if term is None or path.sub_attr is not None:
            _unknown(path)
        return term


class _Conditions(_Values):
    """Conditions on a resource."""

    def __init__(self, kind: Kind, mode: Mode, terms: Terms, knows: Accepted) -> None:
        super().__init__(terms)
        self._kind = kind
        self._mode = mode
        self._knows = knows

    def visit_value_path(self, node: ValuePath) -> Filter:
        """One of the values of an attribute is so."""
        attribute, _ = _named(node.attr_path, self._kind, refuse=False)
        terms = selected(self._kind, attribute, self._mode)
        if terms is not None:
            return among_values(self._kind, attribute, chosen_values(node.val_filter, terms))
        if attribute in self._terms or not self._knows(attribute):
            _unknown(node.attr_path)
        return NONE

    def _term(self, path: AttrPath) -> Term | None:
        attribute, part = _named(path, self._kind, refuse=False)
        name = attribute if part is None else f"{attribute}.{part}"
        term = self._terms.get(name)
        if term is None and not self._knows(name):
            _unknown(path)
        return term


def _unknown(path: AttrPath) -> NoReturn:
    raise Refused("invalidFilter", f"{path} is no attribute to filter by")


def _named(path: AttrPath, kind: Kind, *, refuse: bool = True) -> tuple[str, str | None]:
    """Attribute and part in small letters; the schema is left out where it is the core."""
    part = path.sub_attr.lower() if path.sub_attr else None
    if path.uri is None:
        return path.attr.lower(), part
    uri = path.uri.lower()
    if uri == _URNS[kind][0]:
        return path.attr.lower(), part
    if refuse and uri not in _URNS[kind]:
        raise Refused("invalidPath", f"{path.uri} is no schema of this resource")
    return f"{uri}:{path.attr.lower()}", part


def _check_length(text: str, scim_type: ScimType) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise Refused(scim_type, f"More than {LONGEST} bytes of it")


def _inner(node: FilterNode) -> Sequence[FilterNode]:
    match node:
        case Not(expr=inner):
            return (inner,)
        case LogicalExpr(terms=terms):
            return terms
        case ValuePath(val_filter=inner):
            return (inner,)
        case _:
            return ()


def _depth(node: FilterNode) -> int:
    return 1 + max(map(_depth, _inner(node)), default=0)


def _leaves(node: FilterNode) -> Iterator[FilterNode]:
    inner = _inner(node)
    if not inner:
        yield node
    for each in inner:
        yield from _leaves(each)


def _why(error: Exception) -> str:
    return str(getattr(error, "detail", None) or "unknown syntax")
