"""The GraphQL schema of a small blog, as three who may not do the same see it."""

from __future__ import annotations

import pytest
from graphql import print_schema, validate_schema
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from conductus.graphql.schema import built
from conductus.graphql.world import World
from conductus.permissions.levels import Level
from conductus.permissions.policy import ADMINISTRATOR, Policy, Rule, Rules
from tests.units.worlds import blog


class SchemaFile(SingleFileSnapshotExtension):
    """A golden file that reads as the schema does."""

    _write_mode = WriteMode.TEXT
    file_extension = "graphql"


def rule(collection: str, *hidden: str, **levels: Level) -> Rules:
    blacklist = frozenset(hidden)
    return Rules(
        whole=Rule(
            id=1,
            collection=collection,
            read_blacklist=blacklist,
            write_blacklist=blacklist,
            **{"read": Level.FULL, **levels},  # type: ignore[arg-type]
        )
    )


PUBLIC = Policy(role=2, rules={"comments": rule("comments", "writer")})
AUTHOR = Policy(
    role=3,
    rules={
        "articles": rule(
            "articles", "pin", "score", create=Level.FULL, update=Level.MINE, delete=Level.MINE
        ),
        "comments": rule("comments", create=Level.FULL, read=Level.NONE),
        "authors": rule("authors"),
        "directus_users": rule("directus_users", read=Level.ROLE),
    },
)


@pytest.mark.parametrize(
    "policy", [ADMINISTRATOR, PUBLIC, AUTHOR], ids=["administrator", "public", "author"]
)
def test_the_schema(policy: Policy, snapshot: SnapshotAssertion) -> None:
    schema = built(World(blog(), policy))
    # Taken on trust when it is made, as it is made of what is known to fit.
    object.__setattr__(schema, "_validation_errors", None)
    assert validate_schema(schema) == []
    assert print_schema(schema) == snapshot(extension_class=SchemaFile)
