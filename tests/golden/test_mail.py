"""The letters as they are built in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from conductus.mail.templates import Templates


class TextFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


LETTERS: dict[str, dict[str, Any]] = {
    "message": {
        "subject": "Hello",
        "content": "<p>Dear Ada,<br>see you.</p><p>Bo &amp; Cy</p>",
        "html": True,
    },
    "new-install": {"email": "ada@example.com", "url": "https://cms.example.com/shop/"},
    "reset-password": {
        "reset_url": "https://cms.example.com/admin/#/reset-password?token=T&project=shop",
        "user_full_name": "Ada Quill",
        "minutes": 20,
        "locale": "en-US",
    },
    "user-invitation": {
        "invite_url": "https://cms.example.com/shop/users/invite/T",
        "inviter_name": "Bo Nib",
        "days": 30,
    },
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    data = {"project_name": "Shop", **LETTERS[name]}
    found = Templates(tmp_path).render("shop", name, data)
    text = f"{found.subject}\n\n{found.text}\n{found.html}"
    assert text == snapshot.use_extension(TextFile)
