"""The OpenAPI document: valid, complete, and of one mind with what is routed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from msgspec import structs
from openapi_spec_validator import validate

from conductus.endpoints.assets import Assets
from conductus.endpoints.auth import Authentication
from conductus.endpoints.extensions import Extensions
from conductus.endpoints.files import Files
from conductus.endpoints.gql import Querying
from conductus.endpoints.health import Health
from conductus.endpoints.invitations import Inviting
from conductus.endpoints.listing import SEARCH
from conductus.endpoints.mail import Mailing
from conductus.endpoints.metrics import Counted
from conductus.endpoints.passwords import LostPasswords
from conductus.endpoints.routes import PROJECT_ROUTES, SERVER_ROUTES
from conductus.endpoints.scim import Provisioning
from conductus.endpoints.server import ServerProjects
from conductus.endpoints.specs import Specs, read_docs
from conductus.endpoints.sso import SigningOn
from conductus.endpoints.transfer import Transfers
from conductus.endpoints.utils import Utilities
from conductus.endpoints.webhooks import Hooking
from conductus.errors import ApiError
from conductus.files.variants import Fit, Format
from conductus.http.routing import RouteTable
from conductus.openapi import contents
from conductus.openapi.document import document, public_document
from conductus.openapi.kept import Documents
from conductus.openapi.names import component_names
from conductus.schema.model import Collection, Column, Field, Kind, Schema, Status, assemble
from tests.units.worlds import blog, collection

SYSTEM = (
    *("directus_activity", "directus_collection_presets", "directus_files", "directus_folders"),
    *("directus_permissions", "directus_relations", "directus_revisions", "directus_webhooks"),
)
ODD = (
    *(
        "Error",
        "error",
        "a b",
        "a_b",
        "a/b",
        "ü",
        "日本",
        "quote\"'",
        "{x}",
        "%2F",
        "articles.create",
    ),
    *("..", "A_B", "-", "a#b?c"),
)


def whole() -> Schema:
    """The blog, with every built-in collection that has a section."""
    return with_collections(*(collection(name, {"id": "integer"}) for name in SYSTEM))


def with_collections(*added: Collection) -> Schema:
    world = blog()
    stated = [relation for relation in world.relations if relation.id is None]
    return assemble([*world.collections.values(), *added], stated)


def described(schema: Schema) -> dict[str, Any]:
    return document(schema, "main", "")


def properties(found: dict[str, Any], name: str) -> dict[str, Any]:
    shown: dict[str, Any] = found["components"]["schemas"][name]["properties"]
    return shown


def column(name: str, kind: Kind = Kind.TEXT, **facts: Any) -> Column:
    return Column(name=name, kind=kind, datatype="INT", native="INT", **facts)


def of_one_field(type: str, shown: Column, **facts: Any) -> dict[str, Any]:
    """The document of a collection `things` that has one field `f` beside its key."""
    things = collection("things", {"id": "integer"})
    field = Field(collection="things", name="f", type=type, column=shown, id=1, **facts)
    added = structs.replace(things, fields={**things.fields, "f": field})
    return described(assemble([added], []))


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if method != "servers":
                yield method.upper(), path, operation


@pytest.mark.parametrize("base", ["", "https://cms.example.com"])
def test_it_is_valid(base: str) -> None:
    validate(document(whole(), "main", base))
    validate(public_document("main", base))


def test_it_is_valid_without_any_collection() -> None:
    validate(document(assemble([], []), "main", ""))


def test_what_is_routed_is_described_and_what_is_described_is_routed() -> None:
    nothing: Any = None
    authentication = Authentication(nothing, nothing)
    files = Files(nothing, nothing, nothing)
    routed = (
        *PROJECT_ROUTES,
        *authentication.routes(),
        *Assets(nothing, nothing, nothing).routes(),
        *Inviting(nothing, "").routes(),
        *LostPasswords(nothing).routes(),
        *Mailing(nothing, nothing).routes(),
        *SigningOn(nothing, nothing, "").routes(),
        *Utilities(nothing, nothing).routes(),
        *Transfers(nothing, nothing).routes(),
        *Hooking(nothing).routes(),
        *Extensions(nothing).routes(),
        *Specs().routes(),
        *Provisioning("").offered(),
        *Querying().routes(),
        *files.routes(),
    )
    server_projects = ServerProjects(nothing, nothing, nothing, nothing, nothing, mails=False)
    rooted = (
        *SERVER_ROUTES,
        *Health(nothing, nothing).routes(),
        *server_projects.routes(),
        *Counted("", None, None).routes(),
    )
    uploads = RouteTable(files.open_routes())
    project, server = RouteTable(routed), RouteTable(rooted)
    matched = set()
    for method, path, _ in operations(described(whole())):
        segments = re.sub(r"\{\w+\}", "1", path)[1:].split("/")
        if segments[0] == "server":
            route: Any = server.match(method, segments[1:]).route
        elif segments[0] == "uploads":
            route = uploads.match(method, segments[2:]).route
        else:
            route = project.match(method, [] if segments == [""] else segments).route
        matched.add((route.method, route.pattern))
    # OpenAPI 3.1 has no place for the method `SEARCH`.
    every = [each for each in (*routed, *files.open_routes(), *rooted) if each.method != SEARCH]
    assert matched == {(each.method, each.pattern) for each in every}


def test_the_pictures_that_are_described_are_those_that_are_made() -> None:
    assert get_args(Fit) == contents.FITS
    assert get_args(Format) == contents.FORMATS


def test_the_public_part_holds_no_collection() -> None:
    found = public_document("main", "")
    assert not {path.split("/")[1] for path in found["paths"]} - {
        *("", "assets", "auth", "server", "specs", "docs", "users", "gql"),
    }
    assert set(found["components"]["schemas"]) == {"Envelope", "Error", "Meta", "Warning"}
    assert {} in found["security"]


def test_ids_of_operations_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described(whole()))]
    assert len(ids) == len(set(ids))


def test_unmanaged_collections_are_left_out() -> None:
    hidden = structs.replace(collection("hidden", {"id": "integer"}), managed=False)
    found = described(with_collections(hidden))
    assert "hidden" not in found["components"]["schemas"]
    assert "/items/hidden" not in found["paths"]


def test_odd_names_make_a_valid_document() -> None:
    found = described(with_collections(*(collection(name, {"id": "integer"}) for name in ODD)))
    validate(found)
    listed = [path for path in found["paths"] if re.fullmatch(r"/items/[^/{]+", path)]
    assert len(listed) == len(ODD) + sum(not each.system for each in blog().collections.values())
    assert "/items/a%2Fb" in listed
    for kind in ("schemas", "responses", "requestBodies"):
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in found["components"][kind])


def test_components_are_told_apart_whatever_the_case() -> None:
    names = component_names(collection(name, {"id": "integer"}) for name in ODD)
    assert len({name.lower() for name in names.values()}) == len(ODD)
    assert names["a_b"] == "a_b"
    assert names["Error"].lower() != "error"
    assert not any("." in name for name in names.values())


@pytest.mark.parametrize(
    ("type", "shown", "read"),
    [
        ("integer", column("f", Kind.INTEGER), {"type": ["integer", "null"], "format": "int32"}),
        (
            "integer",
            column("f", Kind.INTEGER, nullable=False, signed=False),
            {"type": "integer", "format": "int32", "minimum": 0},
        ),
        ("string", column("f", length="100"), {"type": ["string", "null"], "maxLength": 100}),
        ("decimal", column("f", Kind.FLOAT, nullable=False), {"type": "number"}),
        ("decimal", column("f", Kind.DECIMAL, nullable=False), {"type": ["number", "string"]}),
        ("boolean", column("f", Kind.BOOLEAN), {"type": "boolean"}),
        ("array", column("f"), {"type": "array", "items": {"type": "string"}}),
        ("json", column("f", Kind.JSON), {}),
        ("date", column("f", Kind.DATE), {"type": ["string", "null"], "format": "date"}),
        (
            "datetime_created",
            column("f", Kind.DATETIME),
            {"type": ["string", "null"], "format": "date-time", "readOnly": True},
        ),
        (
            "uuid",
            column("f", Kind.UUID, nullable=False),
            {"type": "string", "format": "uuid"},
        ),
        ("string", column("f", generated=True), {"type": ["string", "null"], "readOnly": True}),
    ],
)
def test_values_as_they_are_read(type: str, shown: Column, read: dict[str, Any]) -> None:
    assert properties(of_one_field(type, shown), "things")["f"] == read


def test_what_the_database_makes_is_not_written() -> None:
    found = of_one_field("string", column("f", generated=True))
    assert "f" not in properties(found, "things.create")
    assert "f" not in properties(found, "things.update")


def test_a_counted_key_is_named_only_to_find_an_item() -> None:
    found = of_one_field("integer", column("f", Kind.INTEGER, auto_increment=True))
    assert properties(found, "things")["f"]["readOnly"] is True
    assert "f" not in properties(found, "things.create")
    assert "f" not in properties(found, "things.update")
    nested = found["components"]["schemas"]["things.nested"]["allOf"][1]
    assert set(nested["properties"]) == {"id", "$delete"}


@pytest.mark.parametrize(
    ("facts", "statuses", "needed"),
    [
        ({"nullable": False}, (), True),
        ({"nullable": False, "has_default": True, "default": "x"}, (), False),
        ({"nullable": True}, (), False),
        ({"nullable": False}, (Status("draft", required_fields=False),), False),
    ],
)
def test_what_a_new_item_needs(facts: Any, statuses: tuple[Status, ...], needed: bool) -> None:
    things = collection("things", {"id": "integer"}, statuses=statuses)
    field = Field(collection="things", name="f", type="string", column=column("f", **facts), id=1)
    added = structs.replace(things, fields={**things.fields, "f": field})
    schema = described(with_collections(added))["components"]["schemas"]["things.create"]
    assert ("f" in schema.get("required", [])) is needed


@pytest.mark.parametrize(
    ("type", "shown", "default"),
    [
        ("string", column("f", has_default=True, default="x", length="3"), "x"),
        ("string", column("f", has_default=True, default="long", length="3"), None),
        ("integer", column("f", Kind.INTEGER, has_default=True, default=7), 7),
        ("boolean", column("f", Kind.BOOLEAN, has_default=True, default=1), True),
        ("date", column("f", Kind.DATE, has_default=True, default="0000-00-00"), None),
        ("integer", column("f", Kind.INTEGER, has_default=True, default="x"), None),
    ],
)
def test_defaults_that_json_can_tell(type: str, shown: Column, default: Any) -> None:
    found = of_one_field(type, shown)
    validate(found)
    value = properties(found, "things.create")["f"]
    assert value.get("default") == default


def test_statuses_are_an_enumeration() -> None:
    value = properties(described(whole()), "articles")["status"]
    assert value["enum"] == ["published", "draft", "deleted", None]


def test_relations_are_a_key_or_an_object() -> None:
    found = described(whole())
    author = properties(found, "articles")["author"]
    assert author["oneOf"] == [
        {"type": "integer"},
        {"$ref": "#/components/schemas/authors"},
        {"type": "null"},
    ]
    comments = properties(found, "articles")["comments"]["items"]
    assert comments["oneOf"][1] == {"$ref": "#/components/schemas/comments"}
    written = properties(found, "articles.create")["author"]["oneOf"]
    assert {"$ref": "#/components/schemas/authors.nested"} in written
    assert "divider" not in properties(found, "articles")


def test_passwords_are_never_read_and_can_be_written() -> None:
    found = described(whole())
    assert "password" not in properties(found, "directus_users")
    assert "password" in properties(found, "directus_users.update")


def test_a_key_of_several_parts_is_one_segment() -> None:
    pairs = structs.replace(
        collection("pairs", {"a": "integer", "b": "integer"}), primary_key=("a", "b")
    )
    found = described(with_collections(pairs))
    assert "`1%2C3402`" in found["paths"]["/items/pairs/{id}"]["get"]["description"]


def test_views_are_read_and_tables_without_a_key_only_listed_and_filled() -> None:
    view = structs.replace(collection("sums", {"id": "integer"}), view=True)
    heap = structs.replace(collection("heap", {"n": "integer"}), primary_key=())
    paths = described(with_collections(view, heap))["paths"]
    assert set(paths["/items/sums"]) == {"get"}
    assert set(paths["/items/sums/{id}"]) == {"get"}
    assert "/items/heap/{id}" not in paths


def test_every_error_code_is_told() -> None:
    error = described(whole())["components"]["schemas"]["Error"]["properties"]["error"]
    assert set(error["properties"]["code"]["enum"]) == {kind.code for kind in kinds(ApiError)}


def kinds(kind: type[ApiError]) -> Iterator[type[ApiError]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("conductus.errors."):
            yield each
            yield from kinds(each)


def test_documents_are_kept_for_one_schema_and_within_their_bound() -> None:
    kept, first, second = Documents(most_bytes=10), blog(), blog()
    kept.keep("a", first, b"12345")
    assert kept.find("a", first) == b"12345"
    assert kept.find("a", second) is None
    kept.keep("b", second, b"12345")
    kept.find("a", first)
    kept.keep("c", first, b"1")
    assert kept.find("b", second) is None
    assert kept.find("a", first) == b"12345"
    kept.keep("a", first, b"more than ten bytes")
    assert kept.find("a", first) is None


def test_the_page_names_no_foreign_host() -> None:
    page = read_docs()
    ours = (page.html, page.assets["docs.js"].content, page.assets["scripted.css"].content)
    assert not any(b"//" in each.replace(b"    // ", b"").replace(b"\n// ", b"") for each in ours)
    assert "http" not in page.policy
    assert "unsafe-eval" not in page.policy
    loaded = re.findall(rb'(?:src|href)="([^"]+)"', page.html)
    assert {each.partition(b"?")[0].removeprefix(b"docs/").decode() for each in loaded} == {
        "data:,",
        *page.assets,
    }
    assert b"{{" not in page.html
