"""`python -m bench`: run the bench, its side measurements, or fetch the peers."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from bench import report
from bench.measure import Effort
from bench.peers import Peer, peer_of
from bench.peers.install import install
from bench.report import tell
from bench.restricted import measure_alone
from bench.run import Options, Servers, existing, run
from bench.workloads import WORKLOADS, Workload
from bench.world import World

DATABASES = ("sqlite", "postgresql", "mariadb")
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Parse the command line, do it, and answer the exit status."""
    # What was started and created is to be ended and dropped also when we are told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parser().parse_args()
    match options.command:
        case "peers":
            return install()
        case "schema-size":
            from bench import schema_size

            return asyncio.run(schema_size.measure(_servers(options), options.databases))
        case "assets":
            from bench import assets

            return asyncio.run(assets.measure(_servers(options), options.databases))
        case "memory":
            from bench import memory

            return asyncio.run(memory.measure(_servers(options), options.databases, options.rows))
        case "projects":
            from bench import projects

            number, seconds = options.projects, options.idle_seconds
            kinds = [kind for kind in options.databases if kind != "mariadb"]
            return asyncio.run(projects.measure(_servers(options), kinds, number, seconds))
        case "subscribers":
            from bench import subscribers

            return asyncio.run(
                subscribers.measure(_servers(options), options.databases, options.subscribers)
            )
        case "files":
            from bench import files

            return asyncio.run(files.measure(_servers(options), options.mebibytes))
        case "authentication":
            import uvloop

            from bench import authentication

            # As in a worker.
            return uvloop.run(authentication.measure(_servers(options), options.databases))
        case "roles":
            from bench import roles

            return asyncio.run(roles.measure(_servers(options), options.databases))
        case "restricted":
            return asyncio.run(_restricted(_options(options)))
        case _:
            return _run(options)


def _run(options: argparse.Namespace) -> int:
    found = asyncio.run(run(_options(options)))
    path = options.json or RESULTS / f"{found.when:%Y%m%d-%H%M%S}.json"
    report.written(found, path)
    print("\n".join(["", report.LEGEND, *found.notes, f"written to {path}"]))
    complaints = found.complaints()
    if complaints:
        tell(f"FAILED: not a result, {len(complaints)} complaints, the first: {complaints[0]}")
    return 1 if complaints else 0


async def _restricted(options: Options) -> int:
    status = 0
    for kind in options.databases:
        with tempfile.TemporaryDirectory(prefix="conductus-bench-") as folder:
            database = options.servers.database(kind, "restricted", Path(folder))
            async with existing(database):
                status |= await measure_alone(
                    database, options.workloads, options.world, options.effort
                )
    return status


def _options(options: argparse.Namespace) -> Options:
    quick = options.quick
    articles = options.articles or (2_000 if quick else 20_000)
    return Options(
        databases=options.databases,
        servers=_servers(options),
        workloads=options.only,
        world=World(articles, comments=articles * 3 // 2),
        effort=Effort(
            options.rounds or (3 if quick else 5), options.seconds or (0.3 if quick else 1.5)
        ),
        peers=tuple(options.peer),
        with_conductus=not options.without_conductus,
        with_local_peers=not options.without_peers,
    )


def _servers(options: argparse.Namespace) -> Servers:
    return Servers(options.postgresql_url, options.mariadb_url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "command", nargs="?", default="run",
        choices=(
            "run", "peers", "restricted", "roles", "schema-size", "memory", "authentication",
            "assets", "files", "projects", "subscribers",
        ),
    )  # fmt: skip
    parser.add_argument("what", nargs="?", choices=("install",), help="with `peers`")
    parser.add_argument("--databases", type=_databases, default=DATABASES, metavar="A,B")
    parser.add_argument("--postgresql-url", default="postgresql://postgres@127.0.0.1:5432")
    parser.add_argument("--mariadb-url", default="mysql://root@127.0.0.1:3306")
    parser.add_argument(
        "--only", type=_workloads, default=WORKLOADS, metavar="A,B",
        help=", ".join(workload.name for workload in WORKLOADS),
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--seconds", type=float, help="per slice, default 1.5")
    parser.add_argument("--articles", type=int, help="default 20000")
    parser.add_argument("--quick", action="store_true", help="a small world, short slices")
    parser.add_argument(
        "--peer", type=_peer, action="append", default=[], metavar="NAME=URL[,ADAPTER]",
        help="a running server; ADAPTER: conductus, pocketbase, datasette, or a JSON file"
        " that maps workloads to paths",
    )  # fmt: skip
    parser.add_argument("--without-conductus", action="store_true")
    parser.add_argument("--without-peers", action="store_true", help="none of the installed ones")
    parser.add_argument("--mebibytes", type=int, default=1024, help="with `files`")
    parser.add_argument("--rows", type=int, default=1_000_000, help="with `memory`")
    parser.add_argument("--projects", type=int, default=200, help="with `projects`")
    parser.add_argument(
        "--idle-seconds", type=float, default=5.0, help="with `projects`: until one is let go"
    )
    parser.add_argument("--subscribers", type=int, default=2000, help="with `subscribers`")
    parser.add_argument("--json", type=Path, help="where to write the results")
    return parser


def _databases(value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    if unknown := set(names) - set(DATABASES):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return names


def _workloads(value: str) -> tuple[Workload, ...]:
    names = value.split(",")
    if unknown := set(names) - {workload.name for workload in WORKLOADS}:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return tuple(workload for workload in WORKLOADS if workload.name in names)


def _peer(value: str) -> Peer:
    try:
        return peer_of(value)
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
