"""What writing to a disk leaves behind when the process is killed in its midst.

obstore writes beside the object, into `<name>#<number>`, and renames at the end. Such files
are no objects: nothing lists or reads them. Buckets keep what was begun out of sight, and
end it by a rule of their own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from conductus.files.storage import Stored

_UNFINISHED: Final = re.compile(r".+#\d+")


def unfinished_below(folder: Path) -> Iterator[Stored]:
    """Every file below a folder that was begun, also those that are being written now."""
    waiting = [folder]
    while waiting:
        # Entry by entry: a folder of a million files is not listed whole.
        with suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif _UNFINISHED.fullmatch(entry.name):
                    yield from _seen(entry, folder)


def _seen(entry: os.DirEntry[str], folder: Path) -> Iterator[Stored]:
    with suppress(FileNotFoundError):
        found = entry.stat(follow_symlinks=False)
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
        yield Stored(os.path.relpath(entry.path, folder), found.st_size, modified, '""')
