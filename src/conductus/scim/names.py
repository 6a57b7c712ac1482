"""Names of the protocol: schemas and messages. Source: RFC 7643 §8, RFC 7644 §8.2."""

from __future__ import annotations

from typing import Final

_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"
_MESSAGES: Final = "urn:ietf:params:scim:api:messages:2.0"
USER: Final = f"{_CORE}:User"
GROUP: Final = f"{_CORE}:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SCHEMA: Final = f"{_CORE}:Schema"
RESOURCE_TYPE: Final = f"{_CORE}:ResourceType"
PROVIDER: Final = f"{_CORE}:ServiceProviderConfig"
LIST: Final = f"{_MESSAGES}:ListResponse"
SEARCH: Final = f"{_MESSAGES}:SearchRequest"
PATCH: Final = f"{_MESSAGES}:PatchOp"
BULK: Final = f"{_MESSAGES}:BulkRequest"
BULK_ANSWER: Final = f"{_MESSAGES}:BulkResponse"
ERROR: Final = f"{_MESSAGES}:Error"
WORK: Final = "work"
"""The type of the one e-mail address that a user has."""
