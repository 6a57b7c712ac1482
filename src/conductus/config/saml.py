"""What is said of an identity provider of SAML, and what may not be."""

from __future__ import annotations

import re
from importlib.util import find_spec

from msgspec import Struct

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class SamlConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An identity provider of SAML 2.0, in `[auth.sso.NAME.saml]`."""

    entity_id: str = ""
    """What the provider calls itself."""
    sign_in_url: str = ""
    """Where browsers are sent, by redirection."""
    certificate: str = ""
    """Of the key that it signs with, as PEM or as it stands in its metadata; several in a row
    while it changes keys."""
    own_entity_id: str = ""
    """What the provider calls this project; empty: the address of its metadata."""
    email: str = ""
    """The attribute that holds the e-mail address; empty: the subject's name holds it."""
    first_name: str = ""
    """The attribute that holds the first name, of users who are made."""
    last_name: str = ""

    @property
    def certificates(self) -> tuple[str, ...]:
        """The certificates one by one, as PEM."""
        found = tuple(_BLOCK.findall(self.certificate))
        if found or not self.certificate.strip():
            return found
        bare = "".join(self.certificate.split())
        lines = (bare[start : start + 64] for start in range(0, len(bare), 64))
        body = "\n".join(lines)
        return (f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----",)


def saml_problem(config: SamlConfig) -> str | None:
    """What is wrong with an identity provider, besides its address."""
    if find_spec("signxml") is None:
        return "SAML needs `pip install conductus[saml]`"
    if not (config.entity_id and config.sign_in_url and config.certificates):
        return "`saml.entity_id`, `saml.sign_in_url` and `saml.certificate` are needed"
    if not all(map(_is_certificate, config.certificates)):
        return "`saml.certificate` is none of X.509, or its key is neither RSA nor ECDSA"
    return None


def _is_certificate(pem: str) -> bool:
    # Read by nothing else that starts with the configuration.
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_pem_x509_certificate

    try:
        key = load_pem_x509_certificate(pem.encode()).public_key()
    except ValueError:
        return False
    return isinstance(key, RSAPublicKey | EllipticCurvePublicKey)
