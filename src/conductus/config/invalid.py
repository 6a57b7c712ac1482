"""What is said of a configuration that cannot be used."""

from __future__ import annotations


class ConfigInvalid(Exception):
    """The configuration cannot be used; the message says what and where, in one line."""
