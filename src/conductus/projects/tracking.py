"""Which page a user looks at: written on each move through an app, so without history.

Nothing that is kept of users depends on it, so no other worker is told. Source:
authentication page §10.2.
"""

from __future__ import annotations

from conductus.database.dialect import Dialect
from conductus.database.executor import Transaction
from conductus.errors import ItemNotFound
from conductus.items.context import Context
from conductus.items.keys import key_of_text
from conductus.items.records import Kept, Records
from conductus.items.stamps import moment_in
from conductus.schema.types import type_of

USERS = "directus_users"


class Tracking:
    """Pages of the users of one project."""

    def __init__(self, dialect: Dialect) -> None:
        self._kept = Kept(dialect, 16)

    async def track(
        self, transaction: Transaction, user: str, page: str | None, context: Context
    ) -> bool:
        """Keeps the page and the moment; answers whether there is such a user.

        Raises `ValidationFailed`, `Unprocessable` for a page that cannot be stored.
        """
        users = context.schema.collection(USERS)
        field = users.fields["last_page"]
        values = {
            "last_page": None if page is None else type_of(field).parse(page, field),
            "last_access_on": moment_in(users.fields["last_access_on"], context.now),
        }
        try:
            key = key_of_text(user, users, context.now)
        except ItemNotFound:
            return False
        records = Records(context.schema, self._kept)
        if not await records.read(transaction, users, [key]):
            return False
        await records.update(transaction, users, [key], values)
        return True
