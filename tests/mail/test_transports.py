"""Letters on their way: what a mail server gets, what becomes of refusals."""

from __future__ import annotations

import io
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import structs

from conductus.config import MailConfig
from conductus.jobs.delivery import Undeliverable
from conductus.jobs.letters import Letter
from conductus.mail.mailer import composed
from conductus.mail.templates import Rendered
from conductus.mail.transports import Transports
from conductus.telemetry import Log, MailLogged, Observation
from tests.postbox import part, postbox

SENDER = "Bücher & mehr <shop@example.com>"
RENDERED = Rendered("Grüße \U0001f600", "Text with ü\n.\nafter a dot\n", "<p>HTML with ü</p>")
NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


def letter(to: str = "ada@example.org") -> Letter:
    return Letter(id="0e5f", template="reset-password", to=to, data={})


def smtp(port: int, **facts: Any) -> MailConfig:
    config = MailConfig(
        transport="smtp", sender=SENDER, host="127.0.0.1", port=port, security="none"
    )
    return structs.replace(config, **facts)


async def send(config: MailConfig, folder: Path, to: str = "ada@example.org") -> list[Observation]:
    seen: list[Observation] = []
    message = composed(SENDER, letter(to), RENDERED, NOW)
    await Transports(folder, seen.append).take("shop", config, message, "0e5f")
    return seen


async def test_a_mail_server_gets_the_whole_letter(tmp_path: Path) -> None:
    async with postbox() as box:
        await send(smtp(box.port), tmp_path)
        (envelope,) = box.envelopes
        assert (envelope.mail_from, envelope.rcpt_tos) == ("shop@example.com", ["ada@example.org"])
        (message,) = box.messages
    assert message["from"] == SENDER.replace("Bücher & mehr", '"Bücher & mehr"') or (
        message["from"].addresses[0].display_name == "Bücher & mehr"
    )
    assert message["to"] == "ada@example.org"
    assert message["subject"] == "Grüße \U0001f600"
    assert message["date"].datetime == NOW
    assert message["message-id"] == "<0e5f@example.com>"
    assert message["auto-submitted"] == "auto-generated"
    assert part(message, "plain").replace("\r\n", "\n") == RENDERED.text
    assert "HTML with ü" in part(message, "html")


async def test_one_signs_in_where_it_is_asked_for(tmp_path: Path) -> None:
    async with postbox(auth_require_tls=False) as box:
        await send(smtp(box.port, user="conductus", password="letmein"), tmp_path)
        assert box.logins == [(b"conductus", b"letmein")]
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(smtp(box.port, user="conductus", password="wrong"), tmp_path)
        assert len(box.envelopes) == 1


async def test_what_is_refused_for_good_and_what_for_now(tmp_path: Path) -> None:
    async with postbox() as box:
        box.rejected = {"gone@example.org"}
        with pytest.raises(Undeliverable, match="recipient"):
            await send(smtp(box.port), tmp_path, "gone@example.org")
        box.refusal = "554 looks like spam"
        with pytest.raises(Undeliverable, match="554"):
            await send(smtp(box.port), tmp_path)
        box.refusal = "451 come again"
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await send(smtp(box.port), tmp_path)
        # Encryption that was asked for is never done without.
        box.refusal = None
        with pytest.raises(aiosmtplib.SMTPException):
            await send(smtp(box.port, security="starttls"), tmp_path)
        assert box.envelopes == []


async def test_a_connection_is_encrypted_with_a_server_that_is_vouched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "certificate.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified("localhost", certificate))
    async with postbox(tls_context=context, require_starttls=True) as box:
        config = smtp(box.port, security="starttls", host="localhost")
        with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError), match=r"(?i)certificate"):
            await send(config, tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError), match=r"(?i)certificate"):
            await send(structs.replace(config, host="127.0.0.1"), tmp_path)
        assert box.envelopes == []
        await send(config, tmp_path)
        assert len(box.envelopes) == 1


def certified(name: str, path: Path) -> Path:
    """A file with a key and the certificate that it has given itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    pem = Encoding.PEM
    secret = key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path


async def test_a_server_that_is_away_is_tried_later(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(aiosmtplib.SMTPConnectError):
            await send(smtp(unused.getsockname()[1]), tmp_path)
    with pytest.raises(ConnectionError, match=r"mail\.transport"):
        await send(MailConfig(), tmp_path)


@pytest.mark.parametrize(
    "to",
    [
        "a@example.org\r\nBcc: evil@example.com",
        "a@example.org\nX: y",
        "a@example.org, b@example.org",
        "a,b@example.org",
        "Ada <a@example.org>",
        "a@example.org\0",
        "a\x0b@example.org",
        "<a@example.org>",
        "a@b",
        "",
    ],
)
def test_a_recipient_is_one_address_and_nothing_else(to: str) -> None:
    with pytest.raises(Undeliverable):
        composed(SENDER, letter(to), RENDERED, NOW)


def test_no_value_adds_a_header() -> None:
    with pytest.raises(Undeliverable):
        composed(SENDER, letter(), Rendered("x\r\nBcc: evil@example.com", "", ""), NOW)


async def test_letters_can_be_files(tmp_path: Path) -> None:
    config = MailConfig(transport="file", sender=SENDER)
    await send(config, tmp_path)
    await send(config, tmp_path)
    (path,) = (tmp_path / "outgoing-mail").iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("0e5f.eml", 0o600)
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert message["subject"] == RENDERED.subject
    await send(structs.replace(config, folder=str(tmp_path / "elsewhere")), tmp_path)
    assert (tmp_path / "elsewhere" / "0e5f.eml").exists()


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("go to https://x.org/" + "a" * 300, True),
        ("a" * 2000, False),
        ("\u00fc" + "a" * 300, False),
    ],
)
async def test_links_stay_whole_where_that_is_allowed(
    tmp_path: Path, text: str, whole: bool
) -> None:
    message = composed(SENDER, letter(), Rendered("x", f"{text}\n", f"<p>{text}</p>"), NOW)
    assert (text in message.as_string()) is whole
    assert max(len(line) for line in message.as_bytes().splitlines()) <= 998
    async with postbox() as box:
        await Transports(tmp_path, lambda _: None).take("shop", smtp(box.port), message, "0e5f")
        assert part(box.messages[0], "plain").strip() == text


async def test_letters_can_be_lines_of_the_log_without_their_secrets(tmp_path: Path) -> None:
    seen = await send(MailConfig(transport="log", sender=SENDER), tmp_path)
    assert seen == [MailLogged("shop", "ada@example.org", RENDERED.subject, RENDERED.text)]
    written = io.StringIO()
    Log("json", written)(MailLogged("shop", "a", "b", "see https://x.org/#/reset?token=abc.def\n"))
    assert "abc" not in written.getvalue()
    assert "token=***" in written.getvalue()
