"""Documents: parsed, measured and validated against one schema, and kept."""

from __future__ import annotations

from typing import Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import NoSchemaIntrospectionCustomRule
from msgspec import Struct

from conductus.config import GraphQLConfig
from conductus.errors import ApiError, BadRequest, Unprocessable
from conductus.graphql import bounds
from conductus.graphql.problems import refusal, refused

MOST_ERRORS: Final = 10
"""Told of one document."""


class Document(Struct, frozen=True):
    """A document that may be carried out."""

    operations: dict[str, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The one that is asked for. Raises `Refused`."""
        if name:
            found = self.operations.get(name)
            if found is None:
                raise refusal(BadRequest(f"The document has no operation {name!r}"))
            return found
        if len(self.operations) != 1:
            raise refusal(BadRequest("`operationName` has to say which operation is meant"))
        return next(iter(self.operations.values()))


def read(text: str, schema: GraphQLSchema, config: GraphQLConfig) -> Document:
    """The document of a text. Raises `Refused`."""
    try:
        check_size(text, config)
        parsed = parse(text, max_tokens=bounds.MOST_TOKENS)
        bounds.check(parsed, config)
    except GraphQLError as error:
        raise refused([error]) from None
    except ApiError as error:
        raise refusal(error) from None
    rules = specified_rules
    if not config.introspection:
        rules = (*rules, NoSchemaIntrospectionCustomRule)
    errors = validate(schema, parsed, rules, MOST_ERRORS, hide_suggestions=not config.introspection)
    if errors:
        raise refused(errors)
    return _sorted(parsed)


def check_size(text: str, config: GraphQLConfig) -> None:
    """Raises `Unprocessable` for a document of too many bytes."""
    if len(text) > config.document_bytes or len(text.encode()) > config.document_bytes:
        raise Unprocessable(
            f"The document is larger than {config.document_bytes} bytes",
            details={"limit": config.document_bytes},
        )


def is_query(operation: OperationDefinitionNode) -> bool:
    """Whether an operation only reads."""
    return operation.operation is OperationType.QUERY


def is_subscription(operation: OperationDefinitionNode) -> bool:
    """Whether an operation is answered again and again."""
    return operation.operation is OperationType.SUBSCRIPTION


def _sorted(parsed: DocumentNode) -> Document:
    operations: dict[str, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for each in parsed.definitions:
        if isinstance(each, OperationDefinitionNode):
            operations[each.name.value if each.name else ""] = each
        elif isinstance(each, FragmentDefinitionNode):
            fragments[each.name.value] = each
    return Document(operations, fragments)
