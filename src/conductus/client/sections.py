"""The other sections of the reference, as calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from conductus.client.calls import (
    Call,
    Content,
    Key,
    Listing,
    Query,
    Request,
    Shape,
    Upload,
    content,
    data,
    delete,
    get,
    nothing,
    parameters,
    patch,
    path_of,
    post,
    whole,
)
from conductus.client.items import Item, Items


class Users(Items[Item, int]):
    """Users."""

    def me(self, **shape: Unpack[Shape]) -> Call[Item]:
        """Who asks."""
        return Call(get("users/me", parameters(shape)), data)

    def invite(self, email: str, role: int) -> Call[Item | None]:
        """Sends an invitation by mail."""
        return Call(post("users/invite", {"email": email, "role": role}), data)


class Permissions(Items[Item, int]):
    """Rows of permissions."""

    def mine(self) -> Call[Any]:
        """What who asks may do."""
        return Call(get("permissions/me"), data)

    def explain(self, user: int, method: str, path: str) -> Call[Any]:
        """In words, what decides about a request of a user."""
        asked = parameters({"user": user, "method": method, "path": path})
        return Call(get("permissions/explain", asked), data)


class Files(Items[Item, int]):
    """Files: rows and their content."""

    def upload(
        self, name: str, content: Content, type: str = "application/octet-stream", **columns: str
    ) -> Call[Item | None]:
        """A new file; `columns` are those of its row."""
        return Call(_form("POST", "files", Upload(name, content, type), columns), data)

    def fetch(self, url: str, **columns: Any) -> Call[Item | None]:
        """A new file with what the server finds at an address."""
        return Call(post("files", {"data": url, **columns}), data)

    def replace(
        self, key: int, name: str, content: Content, type: str = "application/octet-stream"
    ) -> Call[Item | None]:
        """Other content for a file, whose addresses stay."""
        request = _form("PATCH", path_of("files", [key]), Upload(name, content, type), {})
        return Call(request, data)

    def content(self, private_hash: str, **picture: int | str) -> Call[bytes]:
        """A file's content by its `private_hash`, or a picture of it: `key`, or `w h f q`.

        Give it to a client's `save` where it may be large.
        """
        return Call(get(f"assets/{private_hash}", parameters(picture)), content)


class Activity(Items[Item, int]):
    """Who did what. Comments are what can be written here."""

    def comment(self, collection: str, item: Key, text: str) -> Call[Item | None]:
        """Says something about an item."""
        body = {"collection": collection, "item": item, "comment": text}
        return Call(post("activity/comment", body), data)

    def edit_comment(self, key: int, text: str) -> Call[Item | None]:
        """Says it in other words."""
        return Call(patch(f"activity/comment/{key}", {"comment": text}), data)

    def remove_comment(self, key: int) -> Call[None]:
        """Takes it back."""
        return Call(delete(f"activity/comment/{key}"), nothing)


class Webhooks(Items[Item, int]):
    """Webhooks."""

    def deliveries(self, key: int, **query: Unpack[Query]) -> Listing[Item]:
        """What was sent, and what came of it."""
        return Listing(get(f"webhooks/{key}/deliveries", parameters(query)), data)

    def resend(self, key: int, delivery: int) -> Call[Any]:
        """Sends it again."""
        return Call(post(f"webhooks/{key}/deliveries/{delivery}/resend"), data)


class Collections:
    """The schema: collections and their fields."""

    def list(self) -> Listing[Item]:
        """Every collection that may be seen, with its fields."""
        return Listing(get("collections"), data)

    def read(self, collection: str) -> Call[Item]:
        """One collection, with its fields."""
        return Call(get(path_of("collections", [collection])), data)

    def create(self, collection: str, fields: Sequence[Item], **facts: Any) -> Call[Item]:
        """A new table."""
        return Call(
            post("collections", {"collection": collection, "fields": fields, **facts}), data
        )

    def update(self, collection: str, **facts: Any) -> Call[Item]:
        """Other facts about a collection."""
        return Call(patch(path_of("collections", [collection]), facts), data)

    def delete(self, collection: str) -> Call[None]:
        """Drops a table with all its items."""
        return Call(delete(path_of("collections", [collection])), nothing)

    def create_field(self, collection: str, field: Item) -> Call[Item]:
        """A new column, or an alias."""
        return Call(post(path_of("fields", [collection]), field), data)

    def update_field(self, collection: str, field: str, **facts: Any) -> Call[Item]:
        """Changes a column."""
        return Call(patch(f"{path_of('fields', [collection])}/{field}", facts), data)

    def delete_field(self, collection: str, field: str) -> Call[None]:
        """Drops a column with its values."""
        return Call(delete(f"{path_of('fields', [collection])}/{field}"), nothing)


class Server:
    """The server, and what it does for anybody."""

    def ping(self) -> Call[bytes]:
        """Whether it is there: `pong`."""
        return Call(get("server/ping", at_root=True), content)

    def health(self) -> Call[Any]:
        """Whether everything that it needs is there."""
        return Call(get("server/health", at_root=True), whole)

    def projects(self) -> Call[list[str]]:
        """The projects that may be listed."""
        return Call(get("server/projects", at_root=True), data)

    def project(self) -> Call[Item]:
        """What the project says of itself."""
        return Call(get(""), data)

    def openapi(self) -> Call[Item]:
        """The OpenAPI document of what may be asked."""
        return Call(get("specs/oas"), whole)

    def hash(self, text: str, hasher: str = "core") -> Call[Item]:
        """The `hash` of a text."""
        return Call(post("utils/hash", {"string": text, "hasher": hasher}), data)

    def matches(self, text: str, hash: str, hasher: str = "core") -> Call[Item]:
        """Whether a text has a hash: `valid`."""
        body = {"string": text, "hash": hash, "hasher": hasher}
        return Call(post("utils/hash/match", body), data)

    def random(self, length: int = 32) -> Call[Item]:
        """A text that nobody guesses: `random`."""
        return Call(post("utils/random/string", {"length": length}), data)

    def mail(self, to: Any, subject: str, body: str, **facts: Any) -> Call[None]:
        """Sends a letter to users."""
        return Call(post("mail", {"to": to, "subject": subject, "body": body, **facts}), nothing)

    def request_password(self, email: str) -> Call[None]:
        """Sends a link by which a new password can be set."""
        request = Request(
            method="POST", path="auth/password/request", body={"email": email}, anonymous=True
        )
        return Call(request, nothing)


def _form(method: Any, path: str, upload: Upload, columns: Mapping[str, str]) -> Request:
    return Request(method=method, path=path, body=dict(columns), upload=upload)


activity = Activity("activity")
collections = Collections()
files = Files("files")
folders: Items[Item, int] = Items("folders")
permissions = Permissions("permissions")
presets: Items[Item, int] = Items("collection_presets")
relations: Items[Item, int] = Items("relations")
revisions: Items[Item, int] = Items("revisions")
roles: Items[Item, int] = Items("roles")
server = Server()
settings: Items[Item, int] = Items("settings")
users = Users("users")
webhooks = Webhooks("webhooks")
