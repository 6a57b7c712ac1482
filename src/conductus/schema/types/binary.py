"""`binary`: bytes, base64 in JSON."""

from __future__ import annotations

import base64
import binascii

from conductus.errors import ValidationFailed
from conductus.schema.model import Field, Kind
from conductus.schema.types.field_type import JSON, Plain, Present
from conductus.schema.types.fitting import fit, text_presenter
from conductus.schema.types.scalar import ScalarType


class Binary(ScalarType):
    """Bytes. A column of text keeps their base64."""

    name = "binary"
    kinds = (Kind.BINARY,)

    def parse_scalar(self, value: JSON, field: Field) -> Plain:
        """The bytes of base64 text."""
        try:
            if not isinstance(value, str):
                raise ValidationFailed({field.name: "Must be base64"})
            return fit(base64.b64decode(value, validate=True), field)
        except (binascii.Error, ValueError) as error:
            raise ValidationFailed({field.name: "Must be base64"}) from error

    def presenter(self, kind: Kind) -> Present | None:
        """Base64."""
        return _base64 if kind is Kind.BINARY else text_presenter(kind)


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
