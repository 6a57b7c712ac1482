"""Makes a database what a document says, by the same changes that the API makes.

All of it is one schema transaction: on PostgreSQL and SQLite it is there whole or not at
all. MySQL keeps each step of DDL; whatever fails there, applying again goes on from where
it stopped, since every step is found by looking.
"""

from __future__ import annotations

from collections.abc import Collection as Words
from datetime import UTC, datetime
from typing import Final, assert_never

from conductus.database.executor import Executor, Transaction, TransactionConflict
from conductus.errors import DatabaseUnreachable, Unprocessable
from conductus.items.context import Context
from conductus.permissions.actor import SYSTEM
from conductus.permissions.policy import ADMINISTRATOR
from conductus.projects.project import Project
from conductus.projects.schema_as_code.describing import describe
from conductus.projects.schema_as_code.documents import Document, Extra, completed
from conductus.projects.schema_as_code.planning import RELATIONS, plan, reworded
from conductus.projects.schema_as_code.rows import ROLES, read_rows, with_rows
from conductus.projects.schema_as_code.steps import (
    Act,
    ChangeCollection,
    CreateCollection,
    Difference,
    DropCollection,
    DropFields,
    DropRow,
    KeepRelation,
    Plan,
    Step,
    Unstore,
    Wait,
    WriteRow,
)
from conductus.projects.schema_changes.relations import check_relation

_LOOKS: Final = 6
"""How often the database is looked at until nothing differs: groups, adopted tables and
permission rows of new roles take a second or third."""
_ATTEMPTS: Final = 5


async def snapshot(
    project: Project, extras: Words[Extra] = (), known: Document | None = None
) -> Document:
    """The schema as it is; in the words of a `known` document where they mean the same."""
    database = project.database
    picture = await project.schema_changes.picture(database)
    document = describe(picture)
    if known is not None:
        document = reworded(database.dialect.name, picture, document, known)
    return with_rows(document, await read_rows(database, database.dialect, picture), extras)


async def compare(project: Project, document: Document) -> Plan:
    """What it would take to make the database what the document says."""
    return await _plan(project, project.database, completed(document))


async def apply(
    project: Project,
    document: Document,
    allowed: Words[str],
    expected: tuple[Difference, ...],
) -> None:
    """Takes every step; drops only what `allowed` names by its word.

    Raises `Unprocessable` where the database is no longer what `expected` was said of, and
    what the changes raise.
    """
    wanted = completed(document)
    for _ in range(_ATTEMPTS):
        try:
            async with project.schema_transaction() as transaction:
                await _Applying(project, transaction, allowed).run(wanted, expected)
                return
        except TransactionConflict:
            continue
    raise DatabaseUnreachable("Too many others change the same tables: try again")


async def _plan(project: Project, executor: Executor, document: Document) -> Plan:
    dialect = project.database.dialect
    picture = await project.schema_changes.picture(executor)
    rows = await read_rows(executor, dialect, picture)
    return plan(dialect.name, picture, rows, document)


class _Applying:
    """One attempt, in one transaction."""

    def __init__(self, project: Project, transaction: Transaction, allowed: Words[str]) -> None:
        self._project = project
        self._transaction = transaction
        self._allowed = allowed
        self._changes = project.schema_changes.within(transaction)
        self._context: Context | None = None
        self._new_roles: list[str] = []

    async def run(self, document: Document, expected: tuple[Difference, ...]) -> None:
        """Looks and acts until nothing is left to do."""
        for look in range(_LOOKS):
            found = await _plan(self._project, self._transaction, document)
            if look == 0 and found.differences != expected:
                raise Unprocessable("The database was changed meanwhile: look at the plan again")
            if found.refused:
                first = found.refused[0]
                raise Unprocessable(f"{first.what} {first.name}: {first.reason}")
            steps = [step for step in found.steps if self._may(step)]
            if not steps:
                return
            for step in steps:
                await self._act(step.act)
                self._note(step)
        left = ", ".join(f"{one.what} {one.name}" for one in found.differences[:3])
        raise Unprocessable(f"The database does not take what the document says of: {left}")

    def _may(self, step: Step) -> bool:
        return all(
            one.action != "drop" or one.word in self._allowed or self._came_with_a_role(one)
            for one in step.differences
        )

    def _came_with_a_role(self, difference: Difference) -> bool:
        """Whether it is one of the rows that every new role starts with."""
        return difference.what == "permission" and any(
            difference.name.startswith(f"{role}/") for role in self._new_roles
        )

    def _note(self, step: Step) -> None:
        if isinstance(step.act, WriteRow) and step.act.collection == ROLES:
            self._new_roles += [one.name for one in step.differences if one.action == "create"]

    async def _act(self, act: Act) -> None:
        match act:
            case CreateCollection(body):
                await self._changes.create_table(body)
            case ChangeCollection(name, body):
                await self._changes.update_collection(name, body)
            case DropFields(collection, fields):
                await self._changes.delete_field(collection, fields)
            case Unstore(collection, bodies):
                await self._changes.update_fields(collection, bodies, force=True)
            case DropCollection(name):
                await self._changes.delete_collection(name)
            case KeepRelation(values, rule):
                await self._changes.create_relation(values, rule, _nothing)
            case WriteRow() | DropRow():
                await self._write(act)
                return
            case Wait():
                return
            case _:
                assert_never(act)
        # Rows are judged by the schema, which is another one now.
        self._context = None

    async def _write(self, act: WriteRow | DropRow) -> None:
        writer, collection = self._project.writer, act.collection
        context = await self._known_context()
        match act:
            case DropRow(_, key):
                await writer.delete_within(self._transaction, collection, key, context)
            case WriteRow(key=None, body=body) if collection == RELATIONS:

                async def write(transaction: Transaction) -> str:
                    return await writer.create_within(transaction, collection, body, context)

                await self._changes.create_relation(body, act.foreign_key, write)
            case WriteRow(key=None, body=body):
                await writer.create_within(self._transaction, collection, body, context)
            case WriteRow(key=str() as key, body=body):
                if collection == RELATIONS:
                    _check_change(context, key, body)
                await writer.update_within(self._transaction, collection, key, body, context)

    async def _known_context(self) -> Context:
        if self._context is None:
            picture = await self._changes.picture(self._transaction)
            self._context = Context(
                schema=picture.schema, actor=SYSTEM, policy=ADMINISTRATOR, now=datetime.now(UTC)
            )
        return self._context


def _check_change(context: Context, key: str, body: dict[str, object]) -> None:
    """Raises `ValidationFailed` where a relation would make no sense afterwards."""
    for relation in context.schema.relations:
        if str(relation.id) == key:
            names = ("collection_many", "field_many", "collection_one", "field_one")
            values = {name: getattr(relation, name) for name in (*names, "junction_field")}
            check_relation(context.schema, values | body)


async def _nothing(_: Transaction) -> None:
    """The row of a relation is there already."""
