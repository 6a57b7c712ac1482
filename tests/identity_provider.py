"""A real identity provider of SAML 2.0 on loopback, which signs with a key of its own.

It reads questions as they come by redirection, answers only those of whom it knows by their
metadata, and shows a page that posts the answer. It signs by minisignxml where that can do it,
so what verifies is not alone with itself. `before` and
`after` are given what it says before and after it has signed: to have it say what it must not,
and to do with the answer what only somebody on the way would do.
"""

from __future__ import annotations

import secrets
import warnings
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree, html
from msgspec import Struct
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
    # It leans on a part of defusedxml that says it will go.
    from minisignxml.config import SigningConfig
    from minisignxml.sign import sign

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
NAMES = {"p": PROTOCOL, "a": ASSERTION, "md": METADATA, "ds": "http://www.w3.org/2000/09/xmldsig#"}
DIGEST = SHA256()
CLIENT = httpx2.Client(trust_env=False)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Signed = Literal["assertion", "response", "both", "prefixes", "elliptic", "sha1"]
"""What is signed and how; `prefixes` as Okta and Shibboleth do it."""
Spoil = Callable[[Any], Any]


class Pair(Struct, frozen=True):
    """A key that signs, and its certificate."""

    key: Key
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def bare(self) -> str:
        """As it stands in metadata."""
        return b64encode(self.certificate.public_bytes(Encoding.DER)).decode()


def pair(key: Key, days: int = 365) -> Pair:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "id.example.com")])
    began = datetime.now(UTC) - timedelta(days=400)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .sign(key, SHA256())
    )
    return Pair(key, certificate)


def rsa_pair(days: int = 365) -> Pair:
    return pair(rsa.generate_private_key(65537, 2048), days)


def found(tree: Any, path: str) -> Any:
    """The one element there."""
    (element,) = tree.xpath(path, namespaces=NAMES)
    return element


def same(tree: Any) -> Any:
    return tree


class IdentityProvider:
    """The provider, as the tests talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.entity_id = f"{url}/entity"
        self.pair = rsa_pair()
        self.elliptic = pair(ec.generate_private_key(ec.SECP256R1()))
        self.people: dict[str, dict[str, str]] = {}
        self.partners: dict[str, str] = {}
        """Where answers go, by who asks."""
        self.reset()

    def reset(self) -> None:
        self.signed: Signed = "assertion"
        self.signs_with = self.pair
        self.before: Spoil = same
        self.after: Spoil = same

    def learn(self, metadata: bytes) -> None:
        """Knows a partner by its metadata from now on."""
        tree = etree.fromstring(metadata)
        consumer = found(tree, "//md:AssertionConsumerService")
        assert consumer.get("Binding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
        self.partners[tree.get("entityID")] = consumer.get("Location")

    def consent(self, url: str, who: str) -> tuple[str, dict[str, str]]:
        """Somebody signs in there: what the page posts then, and where."""
        assert url.startswith(f"{self.url}/sign-in?"), url
        shown = CLIENT.post(url, data={"who": who})
        assert shown.status_code == 200, shown.text
        (form,) = html.fromstring(shown.text).forms
        return form.action, dict(form.fields)

    # -- the server -------------------------------------------------------------------

    def page(self, url: str, who: str) -> str:
        asked = parse_qs(urlsplit(url).query)
        question = etree.fromstring(zlib.decompress(b64decode(asked["SAMLRequest"][0]), -15))
        issuer = found(question, "a:Issuer").text
        target = self.partners[issuer]
        assert question.tag == f"{{{PROTOCOL}}}AuthnRequest"
        assert question.get("Destination") == f"{self.url}/sign-in"
        assert question.get("AssertionConsumerServiceURL") == target
        answer = self.answer(issuer, target, question.get("ID"), self.people[who])
        fields = {"SAMLResponse": b64encode(answer).decode(), "RelayState": asked["RelayState"][0]}
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in fields.items()
        )
        return f'<form method="post" action="{escape(target)}">{inputs}</form>'

    def answer(self, issuer: str, target: str, question: str, person: dict[str, str]) -> bytes:
        now = datetime.now(UTC)
        soon = f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%S.%f}Z"
        begun = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        attributes = "".join(
            f'<saml:Attribute Name="{name}"><saml:AttributeValue xsi:type="xs:string">'
            f"{escape(value)}</saml:AttributeValue></saml:Attribute>"
            for name, value in person.items()
            if name != "subject"
        )
        heads = f'Version="2.0" IssueInstant="{begun}"'
        tree = etree.fromstring(
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}"'
            ' xmlns:xs="http://www.w3.org/2001/XMLSchema"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            f' ID="_{secrets.token_hex(16)}" {heads} Destination="{target}"'
            f' InResponseTo="{question}">'
            f"<saml:Issuer>{self.entity_id}</saml:Issuer><samlp:Status>"
            '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
            f'<saml:Assertion ID="_{secrets.token_hex(16)}" {heads}>'
            f"<saml:Issuer>{self.entity_id}</saml:Issuer><saml:Subject>"
            '<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">'
            f"{escape(person['subject'])}</saml:NameID>"
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData NotOnOrAfter="{soon}" Recipient="{target}"'
            f' InResponseTo="{question}"/></saml:SubjectConfirmation></saml:Subject>'
            f'<saml:Conditions NotBefore="{begun}" NotOnOrAfter="{soon}">'
            f"<saml:AudienceRestriction><saml:Audience>{issuer}</saml:Audience>"
            "</saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{begun}" SessionNotOnOrAfter="{soon}">'
            "<saml:AuthnContext><saml:AuthnContextClassRef>"
            "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
            f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement>"
            "</saml:Assertion></samlp:Response>"
        )
        changed = self.after(self.sign(self.before(tree)))
        return changed if isinstance(changed, bytes) else etree.tostring(changed)

    def sign(self, tree: Any) -> Any:
        with_key = self.signs_with
        match self.signed:
            case "assertion":
                return self._by_minisignxml(tree, "a:Assertion", with_key)
            case "response":
                return self._by_minisignxml(tree, ".", with_key)
            case "both":
                return self._by_minisignxml(
                    self._by_minisignxml(tree, "a:Assertion", with_key), ".", with_key
                )
            case "prefixes":
                return _with_prefixes(tree, with_key)
            case "elliptic":
                return _by_signxml(tree, self.elliptic)
            case "sha1":
                return self._by_minisignxml(tree, "a:Assertion", with_key, SHA1())

    def _by_minisignxml(
        self, tree: Any, path: str, with_key: Pair, digest: HashAlgorithm = DIGEST
    ) -> Any:
        assert isinstance(with_key.key, rsa.RSAPrivateKey)
        element = tree if path == "." else tree.xpath(path, namespaces=NAMES)[0]
        signed = sign(
            element=element,
            private_key=with_key.key,
            certificate=with_key.certificate,
            config=SigningConfig(digest, digest),
            index=1,
        )
        return etree.fromstring(signed)


def _by_signxml(tree: Any, with_key: Pair) -> Any:
    assertion = found(tree, "a:Assertion")
    place = etree.Element(f"{{{NAMES['ds']}}}Signature", Id="placeholder")
    assertion.insert(1, place)
    signer = XMLSigner(
        signature_algorithm="ecdsa-sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    uri = f"#{assertion.get('ID')}"
    return signer.sign(tree, key=with_key.key, cert=[with_key.pem], reference_uri=uri)


def _with_prefixes(tree: Any, with_key: Pair) -> Any:
    """Signed the way of the libraries in Java, which neither of ours can."""
    assert isinstance(with_key.key, rsa.RSAPrivateKey)
    assertion = found(tree, "a:Assertion")
    plain = {"method": "c14n", "exclusive": True, "with_comments": False}
    digest = sha256(etree.tostring(assertion, inclusive_ns_prefixes=["xs"], **plain)).digest()
    exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
    signature = etree.fromstring(
        f'<ds:Signature xmlns:ds="{NAMES["ds"]}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{exclusive}"/><ds:SignatureMethod'
        ' Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f'<ds:Reference URI="#{assertion.get("ID")}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{NAMES["ds"]}enveloped-signature"/>'
        f'<ds:Transform Algorithm="{exclusive}"><ec:InclusiveNamespaces xmlns:ec="{exclusive}"'
        ' PrefixList="xs"/></ds:Transform></ds:Transforms>'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{b64encode(digest).decode()}</ds:DigestValue></ds:Reference>"
        "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )
    info = etree.tostring(found(signature, "ds:SignedInfo"), **plain)
    value = with_key.key.sign(info, PKCS1v15(), DIGEST)
    found(signature, "ds:SignatureValue").text = b64encode(value).decode()
    assertion.insert(1, signature)
    return tree


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """The provider, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            shown = there.page(self.path, parse_qs(sent)["who"][0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(shown)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = IdentityProvider(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()
