"""What collections and fields are called in GraphQL.

Names that GraphQL can spell stay as they are; others get a safe one that depends on the
name alone, unless it is taken: then a checksum of the name tells the two apart, and
whoever is spelled as it is called keeps its name. Pure. Source: GraphQL page §1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from zlib import crc32

from anyascii import anyascii

_UNSPEAKABLE = re.compile(r"[^A-Za-z0-9_]+")
_LEADING = re.compile(r"^__+")


def spelled(name: str) -> str:
    """The name as GraphQL can spell it: `2fa_secret` → `_2fa_secret`, `my-table` → `my_table`."""
    text = _LEADING.sub("_", _UNSPEAKABLE.sub("_", anyascii(name)))
    return text if text and not text[0].isdigit() else f"_{text}"


def type_name(collection: str) -> str:
    """The stem of a collection's types: `blog_posts` → `BlogPosts`.

    What is built in is spoken of in the singular: `directus_users` → `DirectusUser`.
    """
    if collection.startswith("directus_"):
        collection = collection.removesuffix("s")
    parts = spelled(collection).split("_")
    text = "".join(part[:1].upper() + part[1:] for part in parts)
    return text if text and not text[0].isdigit() else f"_{text}"


def told_apart(
    names: Iterable[str],
    spell: Callable[[str], str],
    derived: Callable[[str], Iterable[str]],
    taken: set[str],
) -> dict[str, str]:
    """A name for each, so that nothing that is derived of two of them is the same.

    `taken` are names that are not free, and get those that are given.
    """
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (spell(name) != name, name)):
        text = spell(name)
        if not taken.isdisjoint(derived(text)):
            text = spelled(f"{text}_{crc32(name.encode()):08x}")
        while not taken.isdisjoint(derived(text)):
            text += "0"
        taken.update(derived(text))
        found[name] = text
    return found


def itself(name: str) -> Iterable[str]:
    """The name alone, where nothing is derived of it."""
    return (name,)
