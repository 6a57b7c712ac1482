"""What a subscription of a GraphQL document asks to be told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from conductus.errors import BadRequest
from conductus.permissions.policy import Policy
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot
from conductus.query.item_query import ItemQuery

if TYPE_CHECKING:
    from conductus.graphql.service import Asked, Service


class ByDocument(Struct, frozen=True):
    """Items of a collection by a subscription of a document."""

    service: Service
    collection: str
    text: str
    operation: str | None
    variables: bytes

    def asked(self) -> Asked:
        """It as the service takes it."""
        from conductus.graphql.service import Asked

        variables = msgspec.json.decode(self.variables)
        return Asked(text=self.text, operation=self.operation, variables=variables)

    async def query(self, project: Project, snapshot: Snapshot, policy: Policy) -> ItemQuery:
        """What is to be read, as the schema of the policy has it."""
        query: ItemQuery = (await found(self, project, snapshot, policy)).query
        return query


async def found(asked: ByDocument, project: Project, snapshot: Snapshot, policy: Policy) -> Any:
    """What the subscription asks for. Raises `BadRequest` when it can no longer be asked."""
    from conductus.graphql.problems import Refused

    try:
        subscribing = await asked.service.find_subscribing(asked.asked(), project, snapshot, policy)
    except Refused as refused:
        raise BadRequest(str(refused.problems[0]["message"])) from refused
    if subscribing is None:
        raise BadRequest("This is no subscription")
    return subscribing
