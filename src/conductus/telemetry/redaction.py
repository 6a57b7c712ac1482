"""Tokens and passwords, taken out of what is written down."""

from __future__ import annotations

import re
from urllib.parse import unquote

_HIDDEN = "***"
_SECRET_PARAMETERS = frozenset({"access_token", "token", "super_admin_token", "password"})
_PARAMETER = re.compile(r"([^=&?#;\s]+)=([^&#\s]+)")
_TOKEN_IN_PATH = re.compile(r"(/(?:invite|password/reset)/)[^/?\s]+")
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]*@")


def redacted(text: str) -> str:
    """The text without the tokens and passwords that a URL may carry."""
    text = _PARAMETER.sub(_parameter, text)
    text = _TOKEN_IN_PATH.sub(rf"\1{_HIDDEN}", text)
    return _URL_PASSWORD.sub(rf"\1{_HIDDEN}@", text)


def _parameter(found: re.Match[str]) -> str:
    # A client may write any letter of the name as its code.
    secret = unquote(found[1]).lower() in _SECRET_PARAMETERS
    return f"{found[1]}={_HIDDEN}" if secret else found[0]
