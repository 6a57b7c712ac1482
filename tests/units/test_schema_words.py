"""Names, slugs and status mappings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.errors import ValidationFailed
from conductus.schema.model import Field, Kind, Status
from conductus.schema.names import check_collection_name, check_field_name
from conductus.schema.slugs import made_slug, mirrored_field, slug_of
from conductus.schema.status import statuses_of
from tests.field_samples import field_of


@pytest.mark.parametrize("name", ["a", "Articles_2", "a-b", "2fa", "x" * 64])
def test_names_that_may_be_given(name: str) -> None:
    assert check_collection_name(name) == name
    assert check_field_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a b", "é", "a.b", 'a"b', "a\n", "a\0", None, 5, ["a"]]
)
def test_names_that_may_not_be_given(name: object) -> None:
    with pytest.raises(ValidationFailed):
        check_collection_name(name)
    with pytest.raises(ValidationFailed):
        check_field_name(name)


@pytest.mark.parametrize("name", ["directus_x", "Directus_x", "conductus_x", "DIRECTUS_"])
def test_reserved_names_are_for_collections_only(name: str) -> None:
    with pytest.raises(ValidationFailed):
        check_collection_name(name)
    assert check_field_name(name) == name


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("First One", "first-one"),
        ("First!", "first"),
        ("  Café -- No. 5  ", "cafe-no-5"),
        ("北京", "beijing"),
        ("Straße", "strasse"),
        ("???", ""),
        ("", ""),
        ("a_b", "a-b"),
    ],
)
def test_slugs(text: str, slug: str) -> None:
    assert slug_of(text) == slug


def test_slugs_keep_capitals_when_asked() -> None:
    assert slug_of("First One", lower=False) == "First-One"


@given(st.text())
def test_a_slug_of_a_slug_is_itself(text: str) -> None:
    slug = slug_of(text)
    assert slug_of(slug) == slug


def test_slugs_are_made_for_a_field() -> None:
    plain = field_of("slug", Kind.TEXT, options={"mirroredField": "title"}, length="8")
    cased = field_of("slug", Kind.TEXT, options={"mirroredField": "title", "forceLowercase": False})
    assert mirrored_field(plain) == "title"
    assert made_slug(plain, "First Time Ever") == "first-ti"
    assert made_slug(plain, "Seventh One") == "seventh"
    assert made_slug(cased, "First One") == "First-One"
    assert made_slug(plain, 5) == "5"
    assert made_slug(plain, None) is None
    assert mirrored_field(field_of("slug", Kind.TEXT)) is None
    assert mirrored_field(field_of("string", Kind.TEXT, options={"mirroredField": "title"})) is None


FULL = {
    "published": {"name": "Published", "value": "published", "published": True},
    "draft": {"name": "Draft", "required_fields": False},
    "deleted": {"value": "deleted", "soft_delete": 1},
}
EXPECTED = (
    Status("published"),
    Status("draft", required_fields=False),
    Status("deleted", soft_delete=True),
)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (FULL, EXPECTED),
        (
            '{"a": {"value": "a", "soft_delete": "true", "published": "0"}}',
            (Status("a", soft_delete=True),),
        ),
        ([{"value": "a"}, "b", 3, None, []], (Status("a"), Status("b"), Status("3"))),
        ({"a": {"value": ""}, "b": None}, (Status("a"), Status("b"))),
        ({"a": {}, "b": {"value": "a", "soft_delete": True}}, (Status("a"),)),
        ("{bad", ()),
        (None, ()),
        (5, ()),
        ({}, ()),
    ],
)
def test_status_mappings(mapping: Any, expected: tuple[Status, ...]) -> None:
    assert (
        statuses_of(field_of("status", Kind.TEXT, options={"status_mapping": mapping})) == expected
    )


def test_statuses_are_numbers_in_a_column_of_integers() -> None:
    mapping = {"1": {"name": "Live"}, "2": {"value": 2}, "x": {"name": "Nonsense"}}
    field = field_of("status", Kind.INTEGER, options={"status_mapping": mapping})
    assert [status.value for status in statuses_of(field)] == [1, 2]


def test_a_status_field_without_column_or_options_has_none() -> None:
    assert statuses_of(Field(collection="samples", name="it", type="status")) == ()
