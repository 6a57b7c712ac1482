"""Changes of single items of any collections, as they are proposed, to be written together."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from conductus.items.changes import Create, Delete, Item, Update
from conductus.items.judge import Judge
from conductus.items.keys import key_of_text


class CreateProposal(Struct, frozen=True):
    """A new item."""

    collection: str
    body: Item


class UpdateProposal(Struct, frozen=True):
    """A change of the item whose key has this text."""

    collection: str
    key: str
    body: Item


class DeleteProposal(Struct, frozen=True):
    """The removal of the item whose key has this text."""

    collection: str
    key: str


Proposal = CreateProposal | UpdateProposal | DeleteProposal


def judged(judge: Judge, proposal: Proposal, now: datetime) -> Create | Update | Delete:
    """The change that is proposed. Raises as the judge does, and `ItemNotFound`."""
    target = judge.collection(proposal.collection)
    match proposal:
        case CreateProposal():
            return judge.create(target, proposal.body)
        case UpdateProposal():
            return judge.update(target, key_of_text(proposal.key, target, now), proposal.body)
        case DeleteProposal():
            return judge.delete(target, key_of_text(proposal.key, target, now))
        case _:
            assert_never(proposal)
