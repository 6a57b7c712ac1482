"""The OpenAPI document of the blog, as a whole."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from conductus import __version__
from conductus.openapi.document import document, public_document
from tests.units.worlds import blog


class JsonFile(SingleFileSnapshotExtension):
    """Each snapshot in a file of its own, readable as what it is."""

    _write_mode = WriteMode.TEXT
    file_extension = "json"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JsonFile)


def text(found: object) -> str:
    # A release changes nothing but this number.
    return json.dumps(found, indent=1, ensure_ascii=False).replace(f'"{__version__}"', '"VERSION"')


def test_the_whole_document(golden: SnapshotAssertion) -> None:
    assert text(document(blog(), "main", "https://cms.example.com")) == golden


def test_the_public_document(golden: SnapshotAssertion) -> None:
    assert text(public_document("main", "https://cms.example.com")) == golden
