"""Templates: what is built in, what a folder puts in its place, what none of them can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conductus.mail.templates import FOLDER, Rendered, Templates, TemplateUnusable

RESET = {
    "project_name": "Books & more",
    "user_full_name": "Ada <b>Quill</b>",
    "reset_url": "https://cms.example.com/admin/#/reset?a=1&b=2",
    "minutes": 20,
}


def put(folder: Path, name: str, text: str) -> None:
    path = folder / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rendered(folder: Path, name: str = "reset-password", **data: Any) -> Rendered:
    return Templates(folder).render("shop", name, {**RESET, **data})


def test_the_built_in_ones_say_what_they_are_for(tmp_path: Path) -> None:
    found = rendered(tmp_path)
    assert found.subject == "Choose a new password for Books & more"
    assert "Hello Ada <b>Quill</b>," in found.text
    assert "\nhttps://cms.example.com/admin/#/reset?a=1&b=2\n" in found.text
    assert "Subject" not in found.text
    assert "Hello Ada &lt;b&gt;Quill&lt;&#x2f;b&gt;," in found.html.replace("/b", "&#x2f;b")
    assert 'href="https://cms.example.com/admin/#/reset?a=1&amp;b=2"' in found.html
    # Written into the elements, as many readers of mail know no other styles.
    assert 'class="button" href=' in found.html or 'style="' in found.html
    assert "background:#1d4ed8" in found.html.replace(": ", ":")
    invitation = rendered(tmp_path, "user-invitation", inviter_name="Bo", invite_url="/x", days=30)
    assert "Bo invites you to work on Books & more" in invitation.text
    assert "you are invited to work on" in rendered(tmp_path, "user-invitation").text


def test_a_folder_comes_before_what_is_built_in(tmp_path: Path) -> None:
    put(tmp_path, "reset-password.txt", "Subject: Ours\n\n{{ reset_url }}")
    assert rendered(tmp_path).subject == "Ours"
    assert "Choose a password" in rendered(tmp_path).html
    put(tmp_path, "shop/reset-password.txt", "Subject: The shop's\n\n{{ minutes }}")
    assert rendered(tmp_path).text == "20\n"
    assert Templates(tmp_path).render("other", "reset-password", RESET).subject == "Ours"
    put(tmp_path, "base.html", "<body>OUR LAYOUT{% block content %}{% endblock %}</body>")
    assert "OUR LAYOUT" in rendered(tmp_path).html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("No subject", "Subject:"),
        ("Subject: {{ unclosed", "reset-password.txt"),
        (
            "Subject: x\n{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}"
            "{% endfor %}",
            "fuel",
        ),
        ("Subject: x\n{% include '../secret.txt' %}", "secret.txt"),
        ("Subject: x\n{% include '/etc/passwd' %}", "passwd"),
        ("Subject: x\n{{ ''.__class__.__mro__ }}", "reset-password.txt"),
        ("Subject: x\n{{ minutes.__class__.__bases__[0].__subclasses__() }}", "reset-password.txt"),
    ],
)
def test_what_cannot_be_rendered_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "secret.txt").write_text("hidden")
    put(tmp_path, "reset-password.txt", text)
    with pytest.raises(TemplateUnusable, match=words):
        rendered(tmp_path)


def test_what_cannot_be_rendered_is_told_without_values(tmp_path: Path) -> None:
    put(tmp_path, "reset-password.txt", "Subject: x\n{{ reset_url }}{{ minutes.of.nothing }}")
    with pytest.raises(TemplateUnusable) as told:
        rendered(tmp_path, reset_url="https://cms.example.com/?token=SECRET")
    assert "reset-password.txt" in str(told.value)
    assert "SECRET" not in str(told.value)


def test_there_is_no_template_of_an_unknown_name(tmp_path: Path) -> None:
    for name in ("nothing", "../reset-password", "base", ""):
        with pytest.raises(TemplateUnusable):
            rendered(tmp_path, name)


@pytest.mark.parametrize("name", ["x\r\nBcc: evil@example.com", "x\nBcc: e", "a\x00b\x85c\u2028d"])
def test_no_value_breaks_the_subject(tmp_path: Path, name: str) -> None:
    subject = rendered(tmp_path, project_name=name).subject
    assert subject.isprintable()
    assert subject.startswith("Choose a new password for ")
    assert len(rendered(tmp_path, project_name="x" * 9999).subject) <= 250
