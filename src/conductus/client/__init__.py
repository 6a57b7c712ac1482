"""A client for Python: calls are values, a client does them.

from conductus.client import Client, items

with Client("http://localhost:8055/main", email="…", password="…") as client:
    for album in client.each(items("Album").list(filter={"ArtistId.Name": {"_eq": "AC/DC"}})):
        print(album["Title"])
"""

from conductus.client.calls import Call, Key, Listing, Query, Shape
from conductus.client.clients import AsyncClient, Client
from conductus.client.errors import ClientError, Refused, Unintelligible
from conductus.client.items import Item, Items, items
from conductus.client.sections import (
    activity,
    collections,
    files,
    folders,
    permissions,
    presets,
    relations,
    revisions,
    roles,
    server,
    settings,
    users,
    webhooks,
)

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "ClientError",
    "Item",
    "Items",
    "Key",
    "Listing",
    "Query",
    "Refused",
    "Shape",
    "Unintelligible",
    "activity",
    "collections",
    "files",
    "folders",
    "items",
    "permissions",
    "presets",
    "relations",
    "revisions",
    "roles",
    "server",
    "settings",
    "users",
    "webhooks",
]
