"""What built-in collections ask of a write besides types and permissions: the hook.

The writer runs it for every change, however it came: direct, nested, in a batch, as a
revert. What it asks is said above this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from conductus.database.executor import Transaction
from conductus.items.changes import Item
from conductus.items.context import Context
from conductus.items.records import Records
from conductus.items.steps import Step
from conductus.permissions.writing import Action
from conductus.schema.model import Collection


class Rules(Protocol):
    """Rules of built-in collections."""

    def prepared(
        self, collection: Collection, body: Item, context: Context, action: Action
    ) -> Item:
        """The payload of one item as it is to be written. Raises what its values break."""
        ...

    async def hold(
        self, transaction: Transaction, records: Records, context: Context, steps: Sequence[Step]
    ) -> None:
        """What must hold before the transaction commits, and what goes along with it.

        Called when the steps are done; raises what they break.
        """
        ...
