"""What a server says of itself: capabilities, kinds of resources, their attributes. Pure.

Source: SCIM page §8; RFC 7643 §5 to §7; RFC 9865 §4.
"""

from __future__ import annotations

from typing import Any, Final

from conductus.config.scim import ScimConfig
from conductus.scim import asking, bulk, names
from conductus.scim.resources import Resource, Shape

_DOCUMENTATION: Final = "https://datatracker.ietf.org/doc/html/rfc7644"
_LOCALES: Final = ("en-US", "de-DE", "es-ES", "fr-FR", "it-IT", "ja-JP", "nb-NO", "nl-NL", "pt-BR")
_TIMEZONES: Final = ("UTC", "America/New_York", "Asia/Tokyo", "Europe/Berlin", "Europe/Oslo")
_NEVER: Final = {"mutability": "writeOnly", "returned": "never"}
_READ: Final = {"mutability": "readOnly"}
_EXACT: Final = {"caseExact": True}


def provider(shape: Shape, config: ScimConfig) -> Resource:
    """`ServiceProviderConfig`."""
    return {
        "schemas": [names.PROVIDER],
        "documentationUri": _DOCUMENTATION,
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": bulk.MOST_OPERATIONS,
            "maxPayloadSize": bulk.MOST_BYTES,
        },
        "filter": {"supported": True, "maxResults": asking.MOST},
        "changePassword": {"supported": config.passwords},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": asking.DEFAULT_COUNT,
            "maxPageSize": asking.MOST,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The static token, or an access token, of a user who may provision",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{shape.base}/ServiceProviderConfig",
        },
    }


def resource_types(shape: Shape) -> list[Resource]:
    """The kinds of resources."""
    user = _resource_type("User", names.USER, "Who may sign in", shape)
    user["schemaExtensions"] = [{"schema": names.ENTERPRISE, "required": False}]
    return [user, _resource_type("Group", names.GROUP, "A role and who has it", shape)]


def schemas(shape: Shape, config: ScimConfig) -> list[Resource]:
    """The attributes of each kind, those alone that are kept."""
    return [
        _schema(names.USER, "User", "User account", _user(shape, config), shape),
        _schema(names.GROUP, "Group", "Group", _group(shape), shape),
        _schema(
            names.ENTERPRISE, "EnterpriseUser", "Enterprise user", [_text("organization")], shape
        ),
    ]


def listed(resources: list[Resource]) -> Resource:
    """All of them as one answer."""
    return {
        "schemas": [names.LIST],
        "totalResults": len(resources),
        "startIndex": 1,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _resource_type(name: str, schema: str, description: str, shape: Shape) -> Resource:
    return {
        "schemas": [names.RESOURCE_TYPE],
        "id": name,
        "name": name,
        "description": description,
        "endpoint": f"/{name}s",
        "schema": schema,
        "meta": {
            "resourceType": "ResourceType",
            "location": f"{shape.base}/ResourceTypes/{name}",
        },
    }


def _schema(
    id: str, name: str, description: str, attributes: list[Resource], shape: Shape
) -> Resource:
    return {
        "schemas": [names.SCHEMA],
        "id": id,
        "name": name,
        "description": description,
        "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": f"{shape.base}/Schemas/{id}"},
    }


def _user(shape: Shape, config: ScimConfig) -> list[Resource]:
    primary = _attribute("primary", "boolean", **_READ, returned="request")
    group = [
        _text("value", **_READ, **_EXACT),
        _reference("$ref", "Group", **_READ),
        _text("display", **_READ),
        _text("type", **_READ, canonicalValues=["direct"]),
    ]
    found = [
        _external_id(),
        _text("userName", required=True, uniqueness="server"),
        _complex("name", [_text("familyName"), _text("givenName")]),
        _text("displayName", **_READ),
        _complex(
            "emails",
            [
                _text("value", required=True, uniqueness="server"),
                _text("type", canonicalValues=[names.WORK]),
                primary if shape.strict else {**primary, "returned": "default"},
            ],
            multiValued=True,
            required=True,
        ),
        _text("title"),
        _text("locale", canonicalValues=list(_LOCALES)),
        _text("preferredLanguage", canonicalValues=list(_LOCALES)),
        _text("timezone", required=True, canonicalValues=list(_TIMEZONES)),
        _attribute("active", "boolean", required=True),
        _complex("groups", group, multiValued=True, **_READ),
    ]
    return [*found, _text("password", **_NEVER)] if config.passwords else found


def _group(shape: Shape) -> list[Resource]:
    immutable = {"mutability": "immutable"}
    member = [_text("value", **immutable, **_EXACT), _reference("$ref", "User", **immutable)]
    if shape.strict:
        member.append(_text("type", **immutable, canonicalValues=["User"]))
    else:
        member.append(_text("display", **_READ))
    return [
        _external_id(),
        _text("displayName", required=True, uniqueness="server"),
        _complex("members", member, multiValued=True),
    ]


def _external_id() -> Resource:
    return _text("externalId", **_EXACT, uniqueness="server")


def _attribute(name: str, type: str, **more: Any) -> Resource:
    return {
        "name": name,
        "type": type,
        "multiValued": False,
        "description": name,
        "required": False,
        "mutability": "readWrite",
        "returned": "default",
        **more,
    }


def _text(name: str, **more: Any) -> Resource:
    return _attribute(name, "string", **{"caseExact": False, "uniqueness": "none", **more})


def _reference(name: str, to: str, **more: Any) -> Resource:
    return _attribute(name, "reference", caseExact=True, referenceTypes=[to], **more)


def _complex(name: str, parts: list[Resource], **more: Any) -> Resource:
    return _attribute(name, "complex", subAttributes=parts, **more)
