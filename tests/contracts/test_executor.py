"""What every driver does alike: reading, writing, refusing, altering."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from conductus.database.dialect import Name as Driver
from conductus.database.executor import Database
from conductus.errors import ApiError, DuplicateValue, QueryFailed, Unprocessable, ValidationFailed
from conductus.schema.model import Kind
from tests.contracts.library import (
    AUTHORS,
    BOOKS,
    NOTES,
    ask,
    author,
    change,
    do,
    emails,
    fill,
    many_rows,
)
from tests.loops import LOOPS
from tests.opening import opened


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """On either loop."""
    return request.param


SERVERS: tuple[Driver, ...] = ("postgresql", "mysql")
EXTRA = sa.Table("extra", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))


# -- reading ----------------------------------------------------------------------------


async def test_the_key_that_a_text_stands_for(database: Database) -> None:
    """Whatever the text is: rows of history are written by others, too."""
    texts = ["1", "2", "3", "01", "1x", "x", "", " 1", "1,2", "-1", "1.0", "9" * 30]
    await change(database, author("a"), author("b"))
    await change(database, *(sa.insert(NOTES).values(words=text) for text in texts))
    dialect = database.dialect
    sought = dialect.key_in_text(NOTES.c.words, Kind.INTEGER)
    assert sought is not None
    found = sa.select(NOTES.c.words).where(
        AUTHORS.c.id == sought, dialect.text(AUTHORS.c.id, Kind.INTEGER) == NOTES.c.words
    )
    assert sorted(row[0] for row in await ask(database, found)) == ["1", "2"]
    assert dialect.key_in_text(NOTES.c.words, Kind.DATE) is None


async def test_nothing_one_and_many_rows(database: Database) -> None:
    assert await emails(database) == []
    await change(database, author("a"))
    assert await emails(database) == ["a"]
    await change(database, author("b"), author("c"))
    assert await emails(database) == ["a", "b", "c"]


async def test_values_go_where_they_belong(database: Database) -> None:
    await change(database, author("x", name="y", number=3))
    query = sa.select(
        sa.bindparam("first", type_=sa.Text),
        AUTHORS.c.name,
        sa.bindparam("second", type_=sa.Integer),
    ).where(AUTHORS.c.number == sa.bindparam("third", type_=sa.Integer))
    statement = database.dialect.compile(query)
    bound = {"third": 3, "second": 2, "first": "one"}
    (row,) = await database.fetch(statement.sql, statement.values(bound))
    assert tuple(row) == ("one", "y", 2)


@pytest.mark.parametrize(
    "text",
    ["", "%", "%s %%", "'", '"', "\\", "\\'; --", "`", "\n\r\t\x1a", "ä€😀", "?$1:x", "a" * 70_000],
    ids=range(12),
)
async def test_text_comes_back_as_it_went(database: Database, text: str) -> None:
    if len(text) > 65_000 and database.dialect.name == "mysql":
        text = text[:65_000]
    await change(database, sa.insert(NOTES).values(words=text))
    query = sa.select(NOTES.c.words).where(NOTES.c.words == text)
    assert [row[0] for row in await ask(database, query)] == [text]


async def test_a_statement_that_makes_no_sense_tells_nothing(database: Database) -> None:
    with pytest.raises(QueryFailed) as caught:
        await database.fetch("SELECT secret_column FROM authors")
    assert "secret_column" not in caught.value.message
    assert caught.value.__cause__ is not None
    assert await emails(database) == []


async def test_a_table_altered_elsewhere_is_read_as_it_is_now(
    database: Database, database_url: str
) -> None:
    await change(database, author("a", name="7"))
    everything = sa.select(sa.text("*")).select_from(AUTHORS)
    ((*before,),) = await ask(database, everything)
    async with opened(database_url) as other, other.schema_transaction() as transaction:
        await transaction.execute("ALTER TABLE authors ADD COLUMN added INTEGER")
    ((*after,),) = await ask(database, everything)
    assert after == [*before, None]


async def test_asking_again_answers_as_asking_does(database: Database, database_url: str) -> None:
    await change(database, author("a", name="%s?", number=7), author("b"))
    named = sa.select(AUTHORS).where(AUTHORS.c.name == sa.bindparam("name", type_=sa.String()))
    statement = database.dialect.compile(named.where(sa.literal_column("'%'") != "?"))
    values = statement.values({"name": "%s?"})

    async def answers() -> list[list[tuple[Any, ...]]]:
        ways = (database.fetch, database.fetch_again, database.fetch_again)
        return [[tuple(row) for row in await way(statement.sql, values)] for way in ways]

    assert await answers() == [[(1, "a", "%s?", 7)]] * 3
    async with opened(database_url) as other, other.schema_transaction() as transaction:
        await transaction.execute("ALTER TABLE authors DROP COLUMN number")
        await transaction.execute("ALTER TABLE authors ADD COLUMN number VARCHAR(9) DEFAULT 'x'")
    assert await answers() == [[(1, "a", "%s?", "x")]] * 3


async def test_any_number_of_statements_is_asked_again(database: Database) -> None:
    await change(database, author("a", name="7"))
    queries = [sa.select(sa.literal_column(str(n)), AUTHORS.c.name) for n in range(40)]
    for query in queries * 2:
        statement = database.dialect.compile(query)
        ((_, name),) = await database.fetch_again(statement.sql, [])
        assert name == "7"


async def test_asking_again_for_nonsense_is_refused_as_asking_is(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(QueryFailed):
            await database.fetch_again("SELECT secret_column FROM authors", [])


# -- streams ----------------------------------------------------------------------------


async def test_a_stream_brings_every_row_once(database: Database) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    seen: set[tuple[int, int]] = set()
    async with database.stream(statement.sql, statement.values({}), 5000) as batches:
        async for batch in batches:
            assert len(batch) <= 5000
            seen.update((row[0], row[1]) for row in batch)
    assert len(seen) == 160_000


async def test_a_stream_of_nothing(database: Database) -> None:
    statement = database.dialect.compile(sa.select(AUTHORS.c.id))
    async with database.stream(statement.sql, (), 10) as batches:
        assert [batch async for batch in batches] == []


async def test_a_stream_left_early_leaves_its_transaction_usable(database: Database) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    async with database.transaction() as transaction:
        await do(transaction, database, author("kept"))
        async with transaction.stream(statement.sql, (), 10) as batches:
            assert len(await anext(batches)) == 10
        await do(transaction, database, author("kept too"))
    assert (await emails(database))[-2:] == ["kept", "kept too"]


async def test_a_stream_is_read_beside_another(database: Database, database_url: str) -> None:
    await fill(database)
    statement = database.dialect.compile(many_rows())
    asked = (statement.sql, statement.values({}), 100)
    async with opened(database_url, pool_size=1, busy_seconds=5) as small:
        async with small.stream(*asked) as batches, small.stream_beside(*asked) as others:
            # Where parts of a table cost no more than all of it, nobody gains by it.
            assert (others is not None) == small.dialect.walks_tables
            if others is not None:
                for _ in range(3):
                    assert await anext(batches) == await anext(others)
            # Who holds one already waits for no other.
            async with small.stream_beside(*asked) as none:
                assert none is None
        # Left early, it stops, and another takes its place.
        async with small.stream(*asked) as batches:
            assert len(await anext(batches)) == 100


async def test_a_stream_refuses_as_a_fetch_does(database: Database) -> None:
    with pytest.raises(QueryFailed):
        async with database.stream("SELECT nothing FROM authors", (), 10) as batches:
            await anext(batches)


# -- transactions -----------------------------------------------------------------------


async def test_a_transaction_is_kept(database: Database) -> None:
    async with database.transaction() as transaction:
        await do(transaction, database, author("a"))
        await do(transaction, database, author("b"))
    assert await emails(database) == ["a", "b"]


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def failing() -> None:
        async with database.transaction() as transaction:
            await do(transaction, database, author("a"))
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await emails(database) == []


async def test_a_transaction_reads_what_it_wrote_and_others_do_not(database: Database) -> None:
    mine = database.dialect.compile(sa.select(AUTHORS.c.email))
    async with database.transaction() as transaction:
        await do(transaction, database, author("a"))
        assert len(await transaction.fetch(mine.sql, mine.values({}))) == 1
        assert await emails(database) == []


async def test_a_refusal_that_is_caught_still_loses_the_transaction(database: Database) -> None:
    await change(database, author("taken"))

    async def failing() -> None:
        async with database.transaction() as transaction:
            await do(transaction, database, author("lost"))
            with pytest.raises(DuplicateValue):
                await do(transaction, database, author("taken"))

    with pytest.raises(QueryFailed):
        await failing()
    assert await emails(database) == ["taken"]


async def test_how_many_rows_were_touched(database: Database) -> None:
    await change(database, author("a"), author("b"), author("c"))
    some = AUTHORS.c.email != "a"
    async with database.transaction() as transaction:
        update = sa.update(AUTHORS).where(some).values(name="same")
        assert await do(transaction, database, update) == 2
        # Found, though nothing is different afterwards.
        assert await do(transaction, database, update) == 2
        assert await do(transaction, database, sa.delete(AUTHORS).where(some)) == 2
        assert await do(transaction, database, sa.delete(AUTHORS).where(some)) == 0


@pytest.mark.parametrize("rows", [1, 2, 100])
async def test_generated_keys_come_in_the_order_of_the_rows(database: Database, rows: int) -> None:
    await change(database, author("first"))
    insert = sa.insert(AUTHORS).values([{"email": f"{row}"} for row in range(rows)])
    if database.dialect.returning:
        insert = insert.returning(AUTHORS.c.id)
    statement = database.dialect.compile(insert)
    async with database.transaction() as transaction:
        keys = await transaction.insert(statement.sql, statement.values({}), rows)
    query = sa.select(AUTHORS.c.id, AUTHORS.c.email).where(AUTHORS.c.email != "first")
    found = {row[1]: row[0] for row in await ask(database, query)}
    assert keys == [found[f"{row}"] for row in range(rows)]


async def test_a_table_without_a_generated_key_answers_none(database: Database) -> None:
    statement = database.dialect.compile(sa.insert(NOTES).values([{"words": "a"}, {"words": "b"}]))
    async with database.transaction() as transaction:
        assert await transaction.insert(statement.sql, statement.values({}), 2) == []


# -- refusals ---------------------------------------------------------------------------


class Refusal(NamedTuple):
    name: str
    statement: sa.ClauseElement
    error: type[ApiError]
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


REFUSALS = [
    Refusal("a value that is there", author("taken"), DuplicateValue, ("email",)),
    Refusal(
        "a pair that is there",
        sa.insert(BOOKS).values({"Shelf": "A", "place": 1}),
        DuplicateValue,
        ("Shelf", "place"),
    ),
    Refusal("a key that is there", author("new", id=1), DuplicateValue, ("id",)),
    Refusal(
        "a value changed to one that is there",
        sa.update(AUTHORS).where(AUTHORS.c.id == 2).values(email="taken"),
        DuplicateValue,
        ("email",),
    ),
    Refusal("nothing where something must be", author(None), ValidationFailed, ("email",)),
    Refusal(
        "a field left out that must be there",
        sa.insert(AUTHORS).values(name="x"),
        ValidationFailed,
        ("email",),
    ),
    Refusal("a reference to nobody", sa.insert(BOOKS).values(author=99), Unprocessable),
    Refusal("somebody who is referred to", sa.delete(AUTHORS), Unprocessable),
    Refusal("a broken rule", sa.insert(BOOKS).values(pages=-1), Unprocessable),
    Refusal("a number too large", author("x", number=2**70), Unprocessable),
    Refusal("half a character", author("\ud800"), ValidationFailed),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
async def test_what_a_client_caused_is_said_in_our_words(
    inhabited: Database, refusal: Refusal
) -> None:
    before = await emails(inhabited)
    with pytest.raises(refusal.error) as caught:
        await change(inhabited, author("first"), refusal.statement)
    said = caught.value.details.get("fields", {})
    assert tuple(said) == refusal.fields
    for word in ("constraint", "CONSTRAINT", "authors", "books", "taken", "SQL"):
        assert word not in caught.value.message
    assert await emails(inhabited) == before


STRICT = [
    Refusal("text too long", author("x", name="a" * 11), Unprocessable),
    Refusal(
        "text for a number",
        sa.text("INSERT INTO authors (email, number) VALUES ('x', 'many')"),
        Unprocessable,
    ),
]


@pytest.mark.parametrize("driver", SERVERS)
@pytest.mark.parametrize("refusal", STRICT, ids=str)
async def test_a_value_that_does_not_fit_is_never_cut(
    inhabited: Database, refusal: Refusal
) -> None:
    with pytest.raises(refusal.error):
        await change(inhabited, refusal.statement)
    assert await emails(inhabited) == ["taken", "other"]


@pytest.mark.parametrize("driver", ["postgresql"])
async def test_a_null_character_is_no_text(database: Database) -> None:
    with pytest.raises(ValidationFailed, match="NUL"):
        await change(database, author("a\0b"))


@pytest.mark.parametrize("driver", ["mysql"])
@pytest.mark.parametrize(
    "value",
    [["a"], {"a": 1}, {1}, (), ((1,),), object(), [1, 2]],
    ids=lambda value: type(value).__name__,
)
async def test_mysql_binds_nothing_but_scalars(database: Database, value: Any) -> None:
    with pytest.raises(QueryFailed):
        await database.fetch("SELECT %s", [value])


@pytest.mark.parametrize("driver", ["mysql"])
@pytest.mark.parametrize("number", [float("nan"), float("-inf"), Decimal("NaN")], ids=str)
async def test_mysql_refuses_what_is_no_number(database: Database, number: Any) -> None:
    with pytest.raises(Unprocessable):
        await database.fetch("SELECT %s", [number])


@pytest.mark.parametrize("driver", ["mysql"])
async def test_mysql_takes_a_list_as_one_value(database: Database) -> None:
    members = (1, "a'b", None, Decimal("1.5"), b"\xff'", date(2031, 2, 3))
    (row,) = await database.fetch("SELECT %s IN %s, %s IN %s", ["a'b", members, "z", ("a", "b")])
    assert tuple(row) == (1, 0)
