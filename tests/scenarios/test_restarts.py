"""Databases that are restarted and killed under load, or locked by others.

Who asks meanwhile is told so cleanly, what was acknowledged is there, and all is well again
without help. Reference: errors, code 11.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from conductus.database.dialect import Name as Driver
from tests.clusters import cluster
from tests.scenarios.binary import PATIENCE_SECONDS
from tests.scenarios.test_faults import (
    Writers,
    assert_clean,
    assert_whole,
    orders,
    prepare,
    until,
)
from tests.scenarios.wire import install, served

POLITE = {"postgresql": signal.SIGINT, "mysql": signal.SIGTERM}
"""How a server is asked to stop at once: PostgreSQL's "fast" shutdown."""
HOLDER = """
import sqlite3, sys
line = sqlite3.connect(sys.argv[1], isolation_level=None)
line.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_a_database_that_is_restarted_under_load(driver: Driver, tmp_path: Path) -> None:
    with cluster(driver) as database:
        install(database.url, tmp_path)
        with served(tmp_path) as (server, wire):
            prepare(wire)
            writers = Writers(wire)
            with writers.at_work():
                for sign in (POLITE[driver], signal.SIGKILL):
                    writers.wait_for(3)
                    before = len(writers.refused)
                    database.stop(sign)
                    until(lambda before=before: len(writers.refused) > before)
                    with closing(wire.another()) as other:
                        assert_clean(other.ask("GET", "/items/orders"))
                        # What needs no database is answered.
                        assert other.request("GET", "/server/ping").status == 200
                    database.start()
                writers.wait_for(5)
            for answer in writers.refused:
                assert_clean(answer)
            assert_whole(wire, writers.kept)
            assert not [line for line in server.err if "exception" in line]


def test_a_file_that_another_process_keeps_locked(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    install(f"sqlite:///{path}", tmp_path)
    with served(tmp_path) as (server, wire):
        prepare(wire)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with holder:
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == b"locked\n"
                assert_clean(wire.ask("POST", "/items/orders?fields=id", orders("late")))
                # Who reads does not wait.
                assert wire.ask("GET", "/items/orders").data == []
            finally:
                holder.kill()
                holder.wait(PATIENCE_SECONDS)
        assert wire.ask("POST", "/items/orders?fields=id", orders("after")).status == 200
        assert_whole(wire, set())
        assert not [line for line in server.err if "exception" in line]
