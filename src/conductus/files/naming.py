"""What files are called: in the storage, where they are saved, in lists. Pure.

Source: files page §2, "Naming"; security page, "Path traversal".
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

from conductus.errors import ValidationFailed

LONGEST: Final = 255
"""Characters of a name in the database, bytes of one on a disk."""
_EXECUTED: Final = frozenset(
    {
        *("php", "php3", "php4", "php5", "php6", "php7", "php8", "phps", "pht", "phtml", "phar"),
        *("asp", "aspx", "ashx", "asmx", "asa", "cer", "cdx", "config", "jsp", "jspx", "jspf"),
        *("cgi", "fcgi", "pl", "py", "pyc", "rb", "sh", "bash", "lua", "shtml", "shtm", "stm"),
        *("cfm", "cfml", "cfc", "htaccess", "htpasswd", "user", "ini", "exe", "bat", "cmd", "dll"),
    }
)
"""Extensions that some web server runs, or takes for its own settings."""
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_PLAIN_EXTENSION: Final = re.compile(r"[a-z0-9]{1,16}")
_CONTROL: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown_name(stated: str) -> str:
    """What a client calls a file, without folders. Raises `ValidationFailed`."""
    name = re.split(r"[/\\]", stated)[-1].strip().strip("\0")
    if any(unicodedata.category(character) in _CONTROL for character in name):
        raise ValidationFailed({"filename_download": "Must not hold control characters"})
    if not name.strip(". "):
        raise ValidationFailed({"filename_download": "Must be the name of a file"})
    return _cut(name, LONGEST)


def title_of(name: str) -> str:
    """The name without its extension, its words capitalised."""
    words = re.split(r"[\s_.-]+", stem(name))
    return " ".join(word[:1].upper() + word[1:] for word in words if word)[:LONGEST]


def extension(name: str) -> str:
    """The extension with its dot, in small letters; empty for none that is plain.

    Raises `ValidationFailed` for one that a web server might run.
    """
    found = PurePosixPath(name.rstrip(". ")).suffix[1:].lower()
    if name.startswith(".") and not found:
        found = name[1:].lower()
    _refuse(found, "filename_download")
    return f".{found}" if _PLAIN_EXTENSION.fullmatch(found) else ""


def stem(name: str) -> str:
    """The name without its extension."""
    return PurePosixPath(name).stem


def readable_name(name: str) -> str:
    """The name as it is kept where names are readable. Raises `ValidationFailed`."""
    found = re.sub(r"[^a-z0-9_.-]", "-", name.lower()).strip(".")
    found = re.sub(r"\.{2,}", ".", found) or "file"
    for part in found.split(".")[1:]:
        _refuse(part, "filename_download")
    if _RESERVED.match(found):
        found = f"file-{found}"
    # Room for a number that makes it unlike others.
    return _cut(found, LONGEST - 10)


def numbered(name: str, number: int) -> str:
    """Another name like this one: `photo-2.png`."""
    if number == 0:
        return name
    path = PurePosixPath(name)
    return f"{path.stem}-{number}{path.suffix}"


def kept_name(stated: object) -> str:
    """A name in the storage that a client chose. Raises `ValidationFailed`."""
    name = stated if isinstance(stated, str) else ""
    problem = _problem(name)
    if problem is not None:
        raise ValidationFailed({"filename_disk": problem})
    for part in name.split(".")[1:]:
        _refuse(part.lower(), "filename_disk")
    return name


def _problem(name: str) -> str | None:
    if not name.strip(". ") or name != name.strip():
        return "Must be the name of a file"
    if len(name.encode(errors="replace")) > LONGEST:
        return f"Must be no longer than {LONGEST} bytes"
    if re.search(r'[/\\:*?"<>|#%]', name) or name.startswith(".") or name.endswith("."):
        return 'Must not begin or end with a dot, nor hold any of / \\ : * ? " < > | # %'
    if any(unicodedata.category(character) in _CONTROL for character in name):
        return "Must not hold control characters"
    if _RESERVED.match(name):
        return "Is a name that some systems keep for themselves"
    return None


def _refuse(found: str, field: str) -> None:
    if found in _EXECUTED:
        raise ValidationFailed({field: f"Files that end in .{found} are not taken"})


def _cut(name: str, most: int) -> str:
    """The name with at most so many bytes, its extension kept."""
    if len(name.encode(errors="replace")) <= most:
        return name
    path = PurePosixPath(name)
    suffix = path.suffix if len(path.suffix) <= 17 else ""
    room = most - len(suffix.encode())
    return name[: -len(suffix) or None].encode()[:room].decode(errors="ignore") + suffix
