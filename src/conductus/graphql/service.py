"""Answers GraphQL requests: what is kept of each actor's world, and how operations are run.

A schema is made for each project and policy when it is first asked for, in a thread, and
kept with the documents and operations of the latest requests until the snapshot or the
policy is another one. Reading is the project's reader's, writing its writer's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from graphql import GraphQLSchema
from msgspec import Struct

from conductus.config import GraphQLConfig
from conductus.errors import ApiError, BadRequest, MethodNotAllowed, Unprocessable
from conductus.graphql import documents
from conductus.graphql.changing import Changing, failing, write
from conductus.graphql.documents import Document
from conductus.graphql.kept import Kept
from conductus.graphql.operations import Describing, Failed, Fixed, Operation, prepared
from conductus.graphql.problems import Problem, refusal, told
from conductus.graphql.reading import Reading
from conductus.graphql.schema import built
from conductus.graphql.subscribing import Subscribing, subscribing
from conductus.graphql.world import World
from conductus.items.context import Context
from conductus.permissions.policy import Policy
from conductus.projects.project import Project
from conductus.projects.snapshot import Snapshot

MOST_WORLDS: Final = 32
MOST_DOCUMENTS: Final = 512 * 1024
"""Characters of the documents that are kept for one world."""
MOST_OPERATIONS: Final = 512 * 1024
MOST_VARIABLES: Final = 256 * 1024
"""Bytes of the variables of a query. Changes have the bounds of what is written."""
Made = TypeVar("Made")
LONG: Final = 4000
"""Bytes of a document and its variables that take longer than the event loop may wait."""
MOST_PERSISTED: Final = 1024 * 1024
"""Characters of the documents that a project's clients may ask for by their checksums."""
_encode: Final = msgspec.json.Encoder(order="sorted").encode
Answer = dict[str, Any]


class Asked(Struct, frozen=True, kw_only=True):
    """A request."""

    text: str
    operation: str | None = None
    variables: Mapping[str, Any] = {}
    reads_only: bool = False
    """It came in a way in which nothing is to be changed."""


class Served(Struct, frozen=True):
    """One world with its schema, and what is kept for it."""

    snapshot: Snapshot
    policy: Policy
    world: World
    schema: GraphQLSchema
    documents: Kept[str, Document]
    operations: Kept[tuple[str, str, bytes], Operation]
    subscriptions: Kept[tuple[str, str, bytes], Subscribing]


class Service:
    """Answers requests to any project."""

    def __init__(self) -> None:
        self._worlds: Kept[tuple[str, int | None, bool], Served] = Kept(MOST_WORLDS)
        self._persisted: dict[str, Kept[str, str]] = {}
        self._building = asyncio.Lock()

    async def answer(
        self, asked: Asked, project: Project, snapshot: Snapshot, context: Context
    ) -> Answer:
        """The result of an operation. Raises `Refused` for one that is not carried out."""
        served = await self.served(project.key, snapshot, context.policy)
        operation = await self._operation(served, asked, project)
        if operation.writes:
            return await _changed(operation, project, context)
        data: Answer = {}
        problems: list[Problem] = []
        for part in operation.parts:
            match part:
                case Reading():
                    data[part.key] = None
                    try:
                        data[part.key] = await part.answer(project.reader, context)
                    except ApiError as error:
                        problems.append(told(error, part.nodes, [part.key]))
                case Fixed():
                    data[part.key] = part.value
                case Failed():
                    data[part.key] = None
                    problems.append(part.problem)
                case Describing():
                    data |= await asyncio.to_thread(part.answer, served.schema)
        return _result(data, problems)

    async def find_subscribing(
        self, asked: Asked, project: Project, snapshot: Snapshot, policy: Policy
    ) -> Subscribing | None:
        """What a subscription asks for; None for another operation. Raises `Refused`."""
        served = await self.served(project.key, snapshot, policy)
        variables = _encode(asked.variables) if asked.variables else b""
        key = asked.text, asked.operation or "", variables
        known = served.subscriptions.find(key)
        if known is not None:
            return known
        config = project.config.graphql
        document = served.documents.find(asked.text)
        if document is None:
            work = partial(documents.read, asked.text, served.schema, config)
            document = await _apart(work, len(asked.text))
            served.documents.put(asked.text, document, len(asked.text))
        chosen = document.operation(asked.operation)
        if not documents.is_subscription(chosen):
            return None
        if len(variables) > MOST_VARIABLES:
            raise refusal(Unprocessable("The variables are too large"))
        schema, world, limits = served.schema, served.world, snapshot.limits
        found = subscribing(document, chosen, asked.variables, schema, world, limits, config)
        served.subscriptions.put(key, found, len(asked.text) + len(variables))
        return found

    async def served(self, project: str, snapshot: Snapshot, policy: Policy) -> Served:
        """What is kept for a policy, made when it is not there."""
        key = project, policy.role, policy.administrator
        found = self._worlds.find(key)
        if found is None or found.snapshot is not snapshot or found.policy is not policy:
            async with self._building:
                found = self._worlds.find(key)
                if found is None or found.snapshot is not snapshot or found.policy is not policy:
                    found = await asyncio.to_thread(_made, snapshot, policy)
                    self._worlds.put(key, found, 1)
        return found

    def persisted(self, project: str, checksum: str) -> str | None:
        """The text of a document that was sent with its checksum before."""
        kept = self._persisted.get(project)
        return None if kept is None else kept.find(checksum)

    def persist(self, project: str, checksum: str, text: str) -> None:
        """Keeps the text of a document, to be asked for by its checksum."""
        kept = self._persisted.setdefault(project, Kept(MOST_PERSISTED))
        kept.put(checksum, text, len(text))

    async def _operation(self, served: Served, asked: Asked, project: Project) -> Operation:
        variables = _encode(asked.variables) if asked.variables else b""
        key = asked.text, asked.operation or "", variables
        known = served.operations.find(key)
        if known is not None:
            return known
        kept = served.documents.find(asked.text)
        work = partial(_made_ready, served, kept, asked, project.config.graphql, len(variables))
        size = len(asked.text) + len(variables)
        document, operation = await _apart(work, size)
        served.documents.put(asked.text, document, len(asked.text))
        if not operation.writes:
            served.operations.put(key, operation, size)
        return operation


async def _apart(work: Callable[[], Made], size: int) -> Made:
    """What is made of so many bytes: other requests must not wait for what takes long."""
    return await asyncio.to_thread(work) if size > LONG else work()


def _made_ready(
    served: Served, document: Document | None, asked: Asked, config: GraphQLConfig, size: int
) -> tuple[Document, Operation]:
    """The document and its operation, whose variables have that many bytes. Raises `Refused`."""
    if document is None:
        document = documents.read(asked.text, served.schema, config)
    chosen = document.operation(asked.operation)
    reads = documents.is_query(chosen)
    if asked.reads_only and not reads:
        raise refusal(MethodNotAllowed("GET", "POST"), MethodNotAllowed.status)
    if reads and size > MOST_VARIABLES:
        raise refusal(
            Unprocessable(
                f"The variables of a query may have {MOST_VARIABLES} bytes",
                details={"limit": MOST_VARIABLES},
            )
        )
    operation = prepared(
        document,
        chosen,
        asked.variables,
        served.schema,
        served.world,
        served.snapshot.limits,
        config,
    )
    return document, operation


def _made(snapshot: Snapshot, policy: Policy) -> Served:
    world = World(snapshot.schema, policy)
    schema = built(world)
    return Served(
        snapshot,
        policy,
        world,
        schema,
        documents=Kept(MOST_DOCUMENTS),
        operations=Kept(MOST_OPERATIONS),
        subscriptions=Kept(MOST_OPERATIONS),
    )


async def _changed(operation: Operation, project: Project, context: Context) -> Answer:
    """Does all that a mutation asks for, or nothing."""
    changings = [part for part in operation.parts if isinstance(part, Changing)]
    problems = [part.problem for part in operation.parts if isinstance(part, Failed)]
    if problems:
        return _nothing_done(operation, problems)
    try:
        for each in changings:
            if each.query is not None:
                project.reader.check(each.query, context)
        written = await write(changings, project.writer, context)
    except ApiError as error:
        at = failing(changings, error) or (changings[0] if len(changings) == 1 else None)
        problem = told(error) if at is None else told(error, at.nodes, [at.key])
        return _nothing_done(operation, [problem])
    answers = dict(zip([each.key for each in changings], written, strict=True))
    data: Answer = {}
    for part in operation.parts:
        match part:
            case Changing():
                data[part.key] = await part.answer(answers[part.key], project.reader, context)
            case Fixed():
                data[part.key] = part.value
            case _:
                raise BadRequest("A mutation does not describe the schema")
    return _result(data, [])


def _nothing_done(operation: Operation, problems: Sequence[Problem]) -> Answer:
    """Every field is null, and where one may not be, the whole answer is."""
    parts = operation.parts
    if any(isinstance(part, Changing) and not part.nullable for part in parts):
        return _result(None, problems)
    found = {part.key: part.value if isinstance(part, Fixed) else None
             for part in parts if not isinstance(part, Describing)}  # fmt: skip
    return _result(found, problems)


def _result(data: Answer | None, problems: Sequence[Problem]) -> Answer:
    return {"errors": list(problems), "data": data} if problems else {"data": data}
