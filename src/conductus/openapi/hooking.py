"""What webhooks offer besides reading and writing their rows. Source: extensions page §4."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from conductus.openapi.operations import READING, WRITING, Operation, told
from conductus.openapi.parameters import path_parameter, references
from conductus.openapi.values import JSONSchema

_TEXT: Final[JSONSchema] = {"type": "string"}
_NUMBER: Final[JSONSchema] = {"type": ["integer", "null"]}
_DELIVERY: Final[JSONSchema] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("id", "message", "event", "collection", "item"), _TEXT),
        "state": {"enum": ["pending", "delivered", "failing", "failed"]},
        "problem": {"type": ["string", "null"]},
        **dict.fromkeys(("webhook", "status", "attempts", "milliseconds"), _NUMBER),
        "created_on": _TEXT,
        "tried_on": {"type": ["string", "null"]},
    },
}


def webhook_operations(tag: str) -> Iterable[Operation]:
    """Every operation below one webhook."""
    webhook = path_parameter("id", "Id of the webhook.", "integer")
    delivery = path_parameter("delivery", "Id of the delivery.")
    path = "/webhooks/{id}/deliveries"
    told_whole = {**_DELIVERY["properties"], "payload": {"type": "object"}}
    yield Operation(
        method="get",
        path=path,
        id="webhooks.deliveries",
        tag=tag,
        summary="List the latest deliveries, the newest first; for administrators",
        parameters=(webhook, *references(("limit", "offset"))),
        answers=told("The deliveries", {"type": "array", "items": _DELIVERY}),
        errors=READING,
    )
    yield Operation(
        method="get",
        path=f"{path}/{{delivery}}",
        id="webhooks.delivery",
        tag=tag,
        summary="Read one delivery and what was told",
        parameters=(webhook, delivery),
        answers=told("The delivery", {"type": "object", "properties": told_whole}),
        errors=READING,
    )
    yield Operation(
        method="post",
        path=f"{path}/{{delivery}}/resend",
        id="webhooks.resend",
        tag=tag,
        summary="Make a delivery again",
        description="With the same `webhook-id`, by which its receiver can tell.",
        parameters=(webhook, delivery),
        answers=told("The delivery", _DELIVERY),
        errors=WRITING,
    )
    yield Operation(
        method="post",
        path="/webhooks/{id}/secret",
        id="webhooks.secret",
        tag=tag,
        summary="Make the secret that signs, or another one",
        description="A former one signs beside it for a day.",
        parameters=(webhook,),
        answers=told(
            "The secret, told this one time", {"type": "object", "properties": {"secret": _TEXT}}
        ),
        errors=WRITING,
    )
