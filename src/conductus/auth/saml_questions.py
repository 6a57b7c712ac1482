"""What we say to an identity provider of SAML 2.0: who we are, and who is asked for. Pure.

The question is not signed: nothing is secret in it, its answer goes to the address that the
provider knows us by, and names the question. Source: SAML 2.0 core §3.4, bindings §3.4,
metadata §2.4.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from datetime import UTC, datetime
from typing import Final

from lxml import etree
from lxml.builder import ElementMaker
from msgspec import Struct

from conductus.auth.links import with_query
from conductus.auth.sso_flow import Flow
from conductus.config import SamlConfig

PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BY_EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

_samlp: Final = ElementMaker(namespace=PROTOCOL, nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
_saml: Final = ElementMaker(namespace=ASSERTION, nsmap={"saml": ASSERTION})
_md: Final = ElementMaker(namespace=METADATA, nsmap={"md": METADATA})


class Ourselves(Struct, frozen=True):
    """This project, as one identity provider knows it."""

    entity_id: str
    callback: str
    """Where answers are posted."""


def question_url(config: SamlConfig, ourselves: Ourselves, flow: Flow, now: datetime) -> str:
    """Where the browser is sent, with the question who it is."""
    question = _samlp.AuthnRequest(
        _saml.Issuer(ourselves.entity_id),
        _samlp.NameIDPolicy(Format=_name_format(config), AllowCreate="true"),
        ID=flow.question,
        Version="2.0",
        IssueInstant=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        Destination=config.sign_in_url,
        ProtocolBinding=POST,
        AssertionConsumerServiceURL=ourselves.callback,
    )
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflating.compress(etree.tostring(question)) + deflating.flush()
    parameters = {"SAMLRequest": b64encode(deflated).decode(), "RelayState": flow.state}
    return with_query(config.sign_in_url, parameters)


def metadata(config: SamlConfig, ourselves: Ourselves) -> bytes:
    """What the provider has to know of us."""
    described = _md.EntityDescriptor(
        _md.SPSSODescriptor(
            _md.NameIDFormat(_name_format(config)),
            _md.AssertionConsumerService(
                Binding=POST, Location=ourselves.callback, index="0", isDefault="true"
            ),
            AuthnRequestsSigned="false",
            WantAssertionsSigned="true",
            protocolSupportEnumeration=PROTOCOL,
        ),
        entityID=ourselves.entity_id,
    )
    return bytes(etree.tostring(described, xml_declaration=True, encoding="utf-8"))


def _name_format(config: SamlConfig) -> str:
    return UNSPECIFIED if config.email else BY_EMAIL
