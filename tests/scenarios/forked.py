"""Commands one after another, without the second that each takes to import the same modules.

A command is a process of its own here too, with its own arguments, environment and output;
it is forked from one that has imported what commands import, and not started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from conductus.cli import main
from tests.scenarios.binary import PATIENCE_SECONDS, Done, environment_of
from tests.scenarios.canaries import look

_STEM = multiprocessing.get_context("forkserver")
_STEM.set_forkserver_preload(
    ["conductus.cli.people", "conductus.cli.project", "tests.scenarios.forked"]
)


def conductus_again(*arguments: str | Path, **environment: str) -> Done:
    """Runs to its end a command of a kind that a test has run as its users do."""
    with TemporaryDirectory() as place:
        out, err = Path(place) / "out", Path(place) / "err"
        words = [str(argument) for argument in arguments]
        given = (words, environment_of(environment), os.getcwd(), out, err)
        process = _STEM.Process(target=_run, args=given)
        process.start()
        process.join(PATIENCE_SECONDS)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        process.close()
        assert code is not None, arguments
        done = Done(code, out.read_text(), err.read_text())
    look(done.out + done.err, "the command")
    return done


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: str, out: Path, err: Path
) -> None:
    for path, number in ((out, 1), (err, 2)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["conductus", *arguments]
    main()
