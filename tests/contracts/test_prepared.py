"""A server that keeps too many prepared statements already is asked without any."""

from __future__ import annotations

import pytest

from tests.clusters import cluster
from tests.opening import opened


@pytest.mark.timeout(300)
async def test_a_mysql_server_that_prepares_no_more_answers_all_the_same() -> None:
    with cluster("mysql") as server:
        async with opened(server.url, pool_size=1) as database:
            for most in (100, 0, 0, 100):
                async with database.transaction() as transaction:
                    await transaction.execute(f"SET GLOBAL max_prepared_stmt_count = {most}")
                for answer in (1, 2):
                    sql = f"SELECT {answer} + {most} + %s"
                    ((sum,),) = await database.fetch_again(sql, [3])
                    assert sum == answer + most + 3
