"""Changes of the schema as the endpoints ask for them, each whole or not at all.

Every call is one schema transaction: it looks at the database as it is under the lock,
judges the request, asks the rows what they allow, then runs DDL and writes metadata. On
MySQL, which commits at every step of DDL, metadata is written after the DDL that it speaks
of and removed after the table is gone: a failure in between leaves columns without
metadata, which are listed as what they are, or metadata without columns, which is passed
over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import TypeVar

from msgspec import UNSET

from conductus.database.ddl import SchemaEditor, schema_editor
from conductus.database.ddl.elements import check_identifier
from conductus.database.dialect import Dialect
from conductus.database.executor import Executor, Transaction, TransactionConflict
from conductus.errors import (
    ApiError,
    CollectionExists,
    CollectionNotManaged,
    DatabaseUnreachable,
    SystemCollection,
    Unprocessable,
    ValidationFailed,
)
from conductus.permissions.actor import Actor
from conductus.projects.merging import Merger
from conductus.projects.schema_changes import adopting, removals
from conductus.projects.schema_changes.checks import RowChecks
from conductus.projects.schema_changes.heralding import Herald, Heralded
from conductus.projects.schema_changes.metadata import MetadataRows
from conductus.projects.schema_changes.picture import Picture, look
from conductus.projects.schema_changes.plans import (
    FieldJudge,
    FieldPlan,
    refuse_double_types,
    table_change,
    unique_names,
)
from conductus.projects.schema_changes.relations import check_relation, reference
from conductus.projects.schema_changes.renames import Renaming
from conductus.projects.schema_changes.requests import (
    Body,
    CollectionRequest,
    FieldRequest,
    parse_collection,
    parse_field,
)
from conductus.schema.model import Collection
from conductus.schema.names import check_collection_name, find_twin

T = TypeVar("T")
_ATTEMPTS = 5
_MOST_KEYS = 16
"""Columns of a key; a limit of MySQL's."""
Begin = Callable[[], AbstractAsyncContextManager[Transaction]]


class _Work:
    """One change under way: the transaction, what it sees, and the hands it works with."""

    def __init__(
        self, transaction: Transaction, dialect: Dialect, picture: Picture, heralded: Heralded
    ) -> None:
        self.transaction = transaction
        self.dialect = dialect
        self.picture = picture
        self.editor: SchemaEditor = schema_editor(dialect)
        self.metadata = MetadataRows(transaction, dialect, picture)
        self.hooks = heralded
        """To be asked before anything is done."""

    def judge(self, collection: Collection) -> FieldJudge:
        """Who judges what is asked of the fields of a collection."""
        return FieldJudge(self.dialect.name, self.picture, collection)


class SchemaChanges:
    """Collections, fields and foreign keys of one project."""

    def __init__(self, dialect: Dialect, merger: Merger, begin: Begin, herald: Herald) -> None:
        """`begin` opens a schema transaction and counts the change when it commits."""
        self._dialect = dialect
        self._merger = merger
        self._begin = begin
        self._herald = herald

    def by(self, actor: Actor) -> SchemaChanges:
        """The same changes, as this one makes them: hooks are told who it is."""
        return SchemaChanges(self._dialect, self._merger, self._begin, self._herald.of(actor))

    async def picture(self, executor: Executor) -> Picture:
        """What the changes go by, as the database or a transaction sees it now."""
        return await look(executor, self._dialect, self._merger)

    def within(self, transaction: Transaction) -> SchemaChanges:
        """The same changes as parts of one schema transaction, which its owner ends.

        They raise `TransactionConflict`: the owner begins again.
        """
        return _Joined(self._dialect, self._merger, transaction, self._herald)

    # -- collections ----------------------------------------------------------------

    async def create_collection(self, body: Body) -> str:
        """Makes a table and manages it, or manages one that is there; answers its name."""
        return await self._create(parse_collection(body), most_keys=1)

    async def create_table(self, body: Body) -> str:
        """The same, also for a table whose key has several columns."""
        return await self._create(parse_collection(body), most_keys=_MOST_KEYS)

    async def _create(self, request: CollectionRequest, most_keys: int) -> str:
        stated = None if request.collection is UNSET else request.collection
        name = check_collection_name(stated)
        check_identifier(self._dialect.name, "collection", name)

        async def create(work: _Work) -> str:
            existing = work.picture.schema.collections.get(name)
            twin = find_twin(name, work.picture.tables)
            if twin is not None:
                raise CollectionExists(twin)
            if existing is not None and existing.managed:
                raise CollectionExists(name)
            await work.hooks.ask("collection.create", name, None, request.stated())
            if existing is None:
                await self._create_table(work, name, request, most_keys)
            else:
                await self._manage(work, existing, request)
            return name

        return await self._whole(create)

    async def update_collection(self, name: str, body: Body) -> str:
        """Changes the metadata and the listed fields; `managed: true` begins to manage."""
        request = parse_collection(body)

        async def update(work: _Work) -> str:
            collection = work.picture.collection(name)
            if not (collection.system or collection.managed or request.managed is True):
                raise CollectionNotManaged(name)
            await work.hooks.ask("collection.update", name, None, request.stated())
            if collection.system:
                await self._update_system(work, collection, request)
            elif collection.managed:
                await work.metadata.put_collection(name, request.metadata())
                await self._put_fields(work, collection, request)
            else:
                await self._manage(work, collection, request)
            return name

        return await self._whole(update)

    async def delete_collection(self, name: str) -> None:
        """Drops the table and forgets everything that spoke of it."""

        async def delete(work: _Work) -> None:
            collection = work.picture.collection(name)
            if collection.system:
                raise SystemCollection(name)
            if not collection.managed:
                raise CollectionNotManaged(name)
            await work.hooks.ask("collection.delete", name)
            await self._drop_table(work, collection)

        await self._whole(delete)

    # -- fields ---------------------------------------------------------------------

    async def create_field(self, collection: str, body: Body) -> str:
        """Adds a field; answers its name."""
        request = parse_field(body)

        async def create(work: _Work) -> str:
            target = work.picture.alterable(collection)
            plan = work.judge(target).create(request)
            await work.hooks.ask("field.create", collection, plan.row.field, request.stated())
            await self._run(work, target, [plan], force=False)
            return plan.row.field

        return await self._whole(create)

    async def update_field(
        self, collection: str, names: Sequence[str], body: Body, *, force: bool = False
    ) -> tuple[str, ...]:
        """The same change to each of the fields; answers their names afterwards."""
        request = parse_field({key: value for key, value in body.items() if key != "field"})
        return await self._update(collection, [(name, request) for name in names], force=force)

    async def update_fields(
        self, collection: str, bodies: Sequence[Body], *, force: bool = False
    ) -> tuple[str, ...]:
        """A change to each of the fields that the bodies name."""
        requests = [parse_field(body) for body in bodies]
        if not requests:
            raise ValidationFailed("A list of fields is needed")
        names = unique_names(requests)
        return await self._update(collection, list(zip(names, requests, strict=True)), force=force)

    async def delete_field(
        self, collection: str, names: Sequence[str], *, delete_junction: bool = False
    ) -> None:
        """Drops fields, their columns and relations."""

        async def delete(work: _Work) -> None:
            target = _with_fields(work, collection)
            gone = [removals.removable(work.picture, target, name) for name in dict.fromkeys(names)]
            removals.refuse_emptying(target, gone)
            removal = removals.removal(work.picture.schema, target, gone, junctions=delete_junction)
            for junction in removal.junctions:
                await work.hooks.ask("collection.delete", junction)
            for field in gone:
                await work.hooks.ask("field.delete", collection, field.name)
            for junction in removal.junctions:
                await self._drop_table(work, work.picture.collection(junction))
            await removals.carry_out(
                removal, work.editor, work.transaction, work.metadata, work.picture
            )

        await self._whole(delete)

    # -- relations ------------------------------------------------------------------

    async def create_relation(
        self, values: Body, on_delete: str | None, write: Callable[[Transaction], Awaitable[T]]
    ) -> T:
        """Makes the database keep a relation; `write` writes its row in the same transaction.

        Without `on_delete`, the database keeps nothing. Raises 4 or 12, also for rows that
        break the relation, and what `write` raises.
        """

        async def create(work: _Work) -> T:
            check_relation(work.picture.schema, values)
            if on_delete is None:
                return await write(work.transaction)
            wanted = reference(work.picture.schema, values, on_delete)
            # First, as MySQL commits with it; the row is then kept or not with its history.
            await work.editor.add_reference(work.transaction, wanted)
            try:
                return await write(work.transaction)
            except ApiError:
                await work.editor.take_back_reference(work.transaction, wanted)
                raise

        return await self._whole(create)

    # -- what they are made of ------------------------------------------------------

    async def _whole(self, action: Callable[[_Work], Awaitable[T]]) -> T:
        """Runs a change in a transaction of its own, again where the database gave it up."""
        for _ in range(_ATTEMPTS):
            with suppress(TransactionConflict):
                async with self._begin() as transaction:
                    return await self._act(action, transaction)
        raise DatabaseUnreachable("Too many others change the same tables: try again")

    async def _act(self, action: Callable[[_Work], Awaitable[T]], transaction: Transaction) -> T:
        """Runs a change by what the transaction sees now, and leaves word of it."""
        picture = await self.picture(transaction)
        heralded = self._herald.begin()
        done = await action(_Work(transaction, self._dialect, picture, heralded))
        await heralded.leave_word(transaction)
        return done

    async def _create_table(
        self, work: _Work, name: str, request: CollectionRequest, most_keys: int
    ) -> None:
        plans = _new_table(work, name, request, most_keys)
        await work.hooks.ask_of_fields(Collection(name=name, fields={}), request)
        columns = [plan.added for plan in plans if plan.added is not None]
        await work.editor.create_table(work.transaction, name, columns)
        await work.metadata.forget_structure(name)
        await work.metadata.put_collection(name, {"managed": True} | request.metadata())
        await self._write_rows(work, name, plans)

    async def _manage(
        self, work: _Work, collection: Collection, request: CollectionRequest
    ) -> None:
        if request.fields is not UNSET:
            await self._put_fields(work, collection, request)
        await work.metadata.put_collection(collection.name, request.metadata() | {"managed": True})
        listed = () if request.fields is UNSET else request.fields
        spoken_of = {field.field for field in listed if field.field is not UNSET}
        await adopting.write(work.picture, work.metadata, collection.name, spoken_of)

    async def _update_system(
        self, work: _Work, collection: Collection, request: CollectionRequest
    ) -> None:
        values = {key: value for key, value in request.metadata().items() if key != "managed"}
        if values:
            await work.metadata.put_collection(collection.name, values)
        if request.fields is not UNSET:
            await self._put_fields(work, work.picture.alterable(collection.name), request)

    async def _put_fields(
        self, work: _Work, collection: Collection, request: CollectionRequest
    ) -> None:
        if request.fields is not UNSET and request.fields:
            plans = work.judge(collection).put(request.fields)
            await work.hooks.ask_of_fields(collection, request)
            await self._run(work, collection, plans, force=False)

    async def _update(
        self, collection: str, requests: Sequence[tuple[str, FieldRequest]], *, force: bool
    ) -> tuple[str, ...]:
        async def update(work: _Work) -> tuple[str, ...]:
            target = _with_fields(work, collection)
            judge = work.judge(target)
            plans = [judge.change(name, request) for name, request in requests]
            judge.refuse_doubles(plans)
            for name, request in requests:
                await work.hooks.ask("field.update", collection, name, request.stated())
            await self._run(work, target, plans, force=force)
            return tuple(plan.rename_to or plan.row.field for plan in plans)

        return await self._whole(update)

    async def _run(
        self, work: _Work, collection: Collection, plans: Sequence[FieldPlan], *, force: bool
    ) -> None:
        checks = RowChecks(work.transaction, work.dialect, collection.name)
        for plan in plans:
            await checks.plan(plan, force=force)
        change = table_change(plans)
        if change.added or change.changed or change.dropped or change.renamed:
            table = work.picture.tables[collection.name]
            await work.editor.change_table(work.transaction, table, change)
        await self._write_rows(work, collection.name, plans)
        for plan in plans:
            if plan.rename_to is not None:
                renaming = Renaming(collection.name, plan.row.field, plan.rename_to)
                await renaming.write(work.transaction, work.dialect, work.picture, work.metadata)

    async def _write_rows(self, work: _Work, collection: str, plans: Sequence[FieldPlan]) -> None:
        for plan in plans:
            row = plan.row
            await work.metadata.put_field(collection, row.field, row.type, row.values)

    async def _drop_table(self, work: _Work, collection: Collection) -> None:
        removals.refuse_referred(work.picture, collection)
        await work.editor.drop_table(work.transaction, collection.name)
        for relation in work.picture.schema.relations:
            if relation.collection_many == collection.name and relation.field_one is not None:
                await work.metadata.remove_field(relation.collection_one, relation.field_one)
        await work.metadata.remove_collection(collection.name)


class _Joined(SchemaChanges):
    """Changes in a transaction that somebody else has begun."""

    def __init__(
        self, dialect: Dialect, merger: Merger, transaction: Transaction, herald: Herald
    ) -> None:
        super().__init__(dialect, merger, lambda: nullcontext(transaction), herald)
        self._transaction = transaction

    async def _whole(self, action: Callable[[_Work], Awaitable[T]]) -> T:
        return await self._act(action, self._transaction)


def _with_fields(work: _Work, name: str) -> Collection:
    """A collection of which some field may be changed, if only its note."""
    collection = work.picture.collection(name)
    if not collection.managed:
        raise CollectionNotManaged(name)
    return collection


def _new_table(
    work: _Work, name: str, request: CollectionRequest, most_keys: int
) -> list[FieldPlan]:
    """The fields of a new collection, judged in the order of the API reference."""
    fields = () if request.fields is UNSET else request.fields
    if not fields:
        raise ValidationFailed({"fields": "A collection needs a list of fields"})
    if not 1 <= sum(field.primary_key is True for field in fields) <= most_keys:
        raise Unprocessable("A collection needs exactly one primary key")
    if sum(field.auto_increment is True for field in fields) > 1:
        raise Unprocessable("A collection has one auto increment at most")
    unique_names(fields)
    refuse_double_types(field.type.lower() for field in fields if field.type is not UNSET)
    plans = [work.judge(Collection(name=name, fields={})).add(field) for field in fields]
    for plan, field in zip(plans, fields, strict=True):
        if field.primary_key is True and plan.added is None:
            raise Unprocessable("A primary key needs a column")
    return plans
