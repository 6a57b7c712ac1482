"""Documents as YAML: in one file, or in a folder with a file for each collection.

The order of keys is that of the document, collections come by name: the same schema is the
same text. What a text says twice or in keys that do not exist is refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
import yaml
from msgspec import Struct, structs

from conductus.errors import ValidationFailed
from conductus.projects.schema_as_code.documents import CollectionDocument, Document

T = TypeVar("T")
SUFFIXES: Final = frozenset({".yaml", ".yml"})
COLLECTIONS: Final = "collections"
_WHOLE: Final = "schema.yaml"
"""In a folder: everything but the collections."""


def to_text(document: Document) -> str:
    """The whole document as one text."""
    return _dump(_plain(document))


def from_text(text: str, name: str = "schema") -> Document:
    """The document of a text. Raises `ValidationFailed`, which says where it is wrong."""
    return _convert(_load(text, name), Document, name)


def read(path: Path) -> Document:
    """The document of a file, or of a folder. Raises `OSError`, `ValidationFailed`."""
    if not path.is_dir():
        return from_text(_text_of(path), str(path))
    whole = path / _WHOLE
    content = _load(_text_of(whole), str(whole))
    if not isinstance(content, dict):
        raise ValidationFailed(f"{whole}: this must be a mapping")
    collections: dict[str, Any] = {}
    for file in sorted((path / COLLECTIONS).glob("*.yaml")):
        for name, told in _one_collection(file).items():
            if name in collections:
                raise ValidationFailed(f"{file}: {name!r} is told in another file too")
            collections[name] = told
    return _convert({**content, COLLECTIONS: collections}, Document, str(path))


def write(path: Path, document: Document) -> None:
    """Into a file if the name ends like YAML's, else into a folder.

    In a folder, the files of collections that are gone are removed.
    """
    if path.suffix in SUFFIXES:
        path.write_text(to_text(document), encoding="utf-8")
        return
    content: dict[str, Any] = _plain(document)
    collections = content.pop(COLLECTIONS)
    folder = path / COLLECTIONS
    folder.mkdir(parents=True, exist_ok=True)
    (path / _WHOLE).write_text(_dump(content), encoding="utf-8")
    files = {folder / f"{quote(name, safe=' ')}.yaml": name for name in collections}
    for file in set(folder.glob("*.yaml")) - set(files):
        file.unlink()
    for file, name in files.items():
        file.write_text(_dump({name: collections[name]}), encoding="utf-8")


def _plain(value: Any) -> Any:
    """A part of a document as mappings and lists, without the keys that have their default."""
    match value:
        case Struct():
            return {
                field.name: _plain(told)
                for field in structs.fields(value)
                if (told := getattr(value, field.name)) != field.default
            }
        case dict():
            return {key: _plain(told) for key, told in value.items()}
        case list():
            return [_plain(told) for told in value]
        case _:
            return value


def _one_collection(file: Path) -> Mapping[str, Any]:
    content = _load(_text_of(file), str(file))
    checked = _convert(content, dict[str, CollectionDocument], str(file))
    return {name: content[name] for name in checked}


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValidationFailed(f"{path}: this is no text in UTF-8") from None


def _convert(content: Any, kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise ValidationFailed(f"{name}: {error}") from error


class _Loader(yaml.SafeLoader):
    """YAML's plain values; moments are texts, and no key may be there twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # as its parent has it
        letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys are distinct."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes no references: two alike values are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _load(text: str, name: str) -> Any:
    try:
        # S506: it is a SafeLoader.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValidationFailed(f"{name}: {' '.join(str(error).split())}") from error


def _dump(content: Any) -> str:
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )
