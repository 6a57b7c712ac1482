"""What an identity provider of SAML 2.0 answers: read, and believed where it is signed.

Nothing is taken from what came but from the assertion as the signature covers it, read anew
from the very bytes that were signed; so it does not matter where in the document somebody
puts another one. Comments and instructions are gone before anything is looked at, so no
address ends where one begins. The signature is verified by signxml; what the profile for web
browsers asks for beyond it is checked here. Source: SAML 2.0 core §2 and §3, profiles §4.1.4.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree
from msgspec import Struct
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from conductus.auth.saml_questions import ASSERTION, BY_EMAIL, PROTOCOL, UNSPECIFIED, Ourselves
from conductus.auth.sso_exchange import Person, ProviderFailed
from conductus.config import SamlConfig

LARGEST_ANSWER: Final = 512 * 1024
"""Characters; the answers of most providers take some ten thousand."""
LEEWAY: Final = timedelta(seconds=60)
_SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_RESPONSE: Final = f"{{{PROTOCOL}}}Response"
_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_UNDERSTOOD: Final = frozenset({"AudienceRestriction", "OneTimeUse", "ProxyRestriction"})
_METHODS: Final = frozenset(
    {
        *(SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512),
        *(SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512),
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
    }
)
_DIGESTS: Final = frozenset(
    {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}
)
# The last five are what signxml raises where a signature lacks something or has it twice.
_FAILURES: Final = (
    *(ValueError, binascii.Error, etree.LxmlError, SignXMLException),
    *(TypeError, KeyError, AttributeError, AssertionError, NotImplementedError),
)


class Question(Struct, frozen=True):
    """What is answered."""

    number: str
    ourselves: Ourselves
    now: datetime


class Told(Struct, frozen=True):
    """An assertion that holds."""

    number: str
    """Of the assertion, which is good once."""
    person: Person


def told(config: SamlConfig, question: Question, answer: str) -> Told:
    """Who the answer is about. It takes a while: not for the event loop.

    Raises `ProviderFailed`.
    """
    try:
        response = _document(answer)
        _check_response(response, config, question)
        assertion = _signed_assertion(response, config, question.now)
        _check_assertion(assertion, config, question)
        return Told(_stated(assertion, "ID"), _person(assertion, config))
    except _FAILURES as error:
        raise ProviderFailed from error


def _document(answer: str) -> etree._Element:
    if len(answer) > LARGEST_ANSWER:
        raise ValueError("the answer is too large")
    content = b64decode("".join(answer.split()), validate=True)
    root = etree.fromstring(content, _parser())
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("the answer has a document type")
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )


# -- the response, as it came -------------------------------------------------------------


def _check_response(response: etree._Element, config: SamlConfig, question: Question) -> None:
    """What is told around the assertion can only be a reason to refuse it."""
    if response.tag != _RESPONSE or response.get("Version") != "2.0":
        raise ValueError("the answer is no response of SAML 2.0")
    status = _one(_one(response, PROTOCOL, "Status"), PROTOCOL, "StatusCode").get("Value")
    if status != _SUCCESS:
        raise ValueError(f"the provider says {status}")
    if response.get("Destination", question.ourselves.callback) != question.ourselves.callback:
        raise ValueError("the answer was sent elsewhere")
    if response.get("InResponseTo", question.number) != question.number:
        raise ValueError("the answer is to another question")
    for issuer in response.findall(f"{{{ASSERTION}}}Issuer"):
        _check_issuer(issuer, config)


def _signed_assertion(
    response: etree._Element, config: SamlConfig, now: datetime
) -> etree._Element:
    """The one assertion, out of the bytes that are signed."""
    if next(response.iter(f"{{{ASSERTION}}}EncryptedAssertion"), None) is not None:
        raise ValueError("the assertion is encrypted, which is not understood")
    assertion, *more = [*response.iter(f"{{{ASSERTION}}}Assertion")] or [None]
    if more or assertion is None or assertion.getparent() is not response:
        raise ValueError("no assertion, or one too many, or elsewhere than it should be")
    signed = [each.getparent() for each in response.iter(_SIGNATURE)]
    if not 1 <= len(signed) <= 2 or any(each not in (response, assertion) for each in signed):
        raise ValueError("no signature, or one too many, or elsewhere than it should be")
    verified = {each.tag: _verified(response, each, config, now) for each in signed}
    if len(verified) != len(signed):
        raise ValueError("signed twice in the same place")
    if assertion.tag in verified:
        return verified[assertion.tag]
    return _one(verified[_RESPONSE], ASSERTION, "Assertion")


def _verified(
    response: etree._Element, signed: etree._Element, config: SamlConfig, now: datetime
) -> etree._Element:
    """An element that is signed by the provider, as it was signed."""
    place = "./" if signed is response else f"./{signed.tag}/"
    expected = SignatureConfiguration(
        location=place,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=now,
    )
    problem: Exception = ValueError("no certificate")
    for certificate in config.certificates:
        try:
            result = XMLVerifier().verify(
                response,
                x509_cert=certificate,
                parser=_parser(),
                id_attribute="ID",
                expect_config=expected,
            )
        except _FAILURES as error:
            problem = error
            continue
        # One reference was asked for, so it is one result.
        found = None if isinstance(result, list) else result.signed_xml
        if found is None or found.tag != signed.tag or _stated(found, "ID") != signed.get("ID"):
            raise ValueError("the signature is of something else")
        return found
    raise problem


# -- the assertion, as it was signed ------------------------------------------------------


def _check_assertion(assertion: etree._Element, config: SamlConfig, question: Question) -> None:
    if assertion.get("Version") != "2.0":
        raise ValueError("the assertion is not of SAML 2.0")
    _check_issuer(_one(assertion, ASSERTION, "Issuer"), config)
    _check_conditions(_one(assertion, ASSERTION, "Conditions"), question)
    confirmations = _one(assertion, ASSERTION, "Subject").iterfind(
        f"{{{ASSERTION}}}SubjectConfirmation"
    )
    if not any(_confirms(each, question) for each in confirmations):
        raise ValueError("nothing confirms that the bearer is the subject, here and now")
    statements = list(assertion.iterfind(f"{{{ASSERTION}}}AuthnStatement"))
    if not statements:
        raise ValueError("nobody signed in")
    for each in statements:
        ends = each.get("SessionNotOnOrAfter")
        if ends is not None and _moment(ends) <= question.now - LEEWAY:
            raise ValueError("the session at the provider has ended")


def _check_issuer(issuer: etree._Element, config: SamlConfig) -> None:
    if _text(issuer) != config.entity_id:
        raise ValueError(f"the answer is of {_text(issuer)}")


def _check_conditions(conditions: etree._Element, question: Question) -> None:
    _check_times(conditions, question.now)
    names = [etree.QName(each).localname for each in conditions]
    if not _UNDERSTOOD.issuperset(names):
        raise ValueError(f"a condition that is not understood is among {names}")
    restrictions = list(conditions.iterfind(f"{{{ASSERTION}}}AudienceRestriction"))
    if not restrictions:
        raise ValueError("the assertion is for nobody in particular")
    for restriction in restrictions:
        audiences = restriction.iterfind(f"{{{ASSERTION}}}Audience")
        if question.ourselves.entity_id not in map(_text, audiences):
            raise ValueError("the assertion is for somebody else")


def _confirms(confirmation: etree._Element, question: Question) -> bool:
    """Whether the bearer is the subject: who comes with it, here, now, asked by us."""
    facts = confirmation.find(f"{{{ASSERTION}}}SubjectConfirmationData")
    if confirmation.get("Method") != _BEARER or facts is None:
        return False
    if facts.get("NotBefore") is not None or facts.get("NotOnOrAfter") is None:
        return False
    return (
        facts.get("Recipient") == question.ourselves.callback
        and facts.get("InResponseTo") == question.number
        and question.now - LEEWAY < _moment(facts.get("NotOnOrAfter"))
    )


def _check_times(element: etree._Element, now: datetime) -> None:
    begins, ends = element.get("NotBefore"), element.get("NotOnOrAfter")
    if begins is not None and now + LEEWAY < _moment(begins):
        raise ValueError("the assertion does not hold yet")
    if ends is not None and _moment(ends) <= now - LEEWAY:
        raise ValueError("the assertion holds no longer")


def _person(assertion: etree._Element, config: SamlConfig) -> Person:
    return Person(
        email=_value(assertion, config.email) if config.email else _name(assertion),
        # Whoever configured it has said that addresses can be trusted.
        verified=False,
        first_name=_value(assertion, config.first_name),
        last_name=_value(assertion, config.last_name),
    )


def _name(assertion: etree._Element) -> str | None:
    """What the subject is called, if that may be an address."""
    name = _one(_one(assertion, ASSERTION, "Subject"), ASSERTION, "NameID")
    return _text(name) if name.get("Format", UNSPECIFIED) in (BY_EMAIL, UNSPECIFIED) else None


def _value(assertion: etree._Element, name: str) -> str | None:
    """The one value of an attribute; None for none or several."""
    found = [*_values(assertion, name)] if name else []
    return found[0] if len(found) == 1 else None


def _values(assertion: etree._Element, name: str) -> Iterator[str]:
    path = f"{{{ASSERTION}}}AttributeStatement/{{{ASSERTION}}}Attribute"
    for attribute in assertion.iterfind(path):
        if attribute.get("Name") == name:
            yield from map(_text, attribute.iterfind(f"{{{ASSERTION}}}AttributeValue"))


# -- XML ----------------------------------------------------------------------------------


def _one(element: etree._Element, namespace: str, name: str) -> etree._Element:
    found = element.findall(f"{{{namespace}}}{name}")
    if len(found) != 1:
        raise ValueError(f"there are {len(found)} of {name}")
    return found[0]


def _text(element: etree._Element) -> str:
    if len(element):
        raise ValueError("there is something else where a text should be")
    return (element.text or "").strip()


def _stated(element: etree._Element, name: str) -> str:
    value = element.get(name)
    if not value:
        raise ValueError(f"there is no {name}")
    return str(value)


def _moment(text: str | None) -> datetime:
    moment = datetime.fromisoformat(text or "")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
