"""One-time passwords and their secrets. Reference: authentication §3 and §11."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conductus.auth.second_factor import new_secret, opened, sealed, usable, verify

# RFC 6238, appendix B: the key "12345678901234567890", the last six digits of SHA-1's column.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
KEY = "n0t-the-secret-of-anybody-0123456789-abcdef"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "otp"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_samples_of_the_standard(seconds: int, otp: str) -> None:
    assert verify(SECRET, otp, at(seconds), None) == seconds // 30
    assert verify(SECRET, f" {otp[:3]} {otp[3:]} ", at(seconds), None) == seconds // 30


@pytest.mark.parametrize(("late", "right"), [(-90, False), (-60, True), (60, True), (90, False)])
def test_a_clock_may_be_two_steps_wrong(late: int, right: bool) -> None:
    now = at(1234567890 // 30 * 30) + timedelta(seconds=late)
    assert (verify(SECRET, "005924", now, None) is not None) is right


def test_a_step_is_accepted_once() -> None:
    step = 1234567890 // 30
    for last, expected in ((step - 1, step), (step, None), (step + 1, None)):
        assert verify(SECRET, "005924", at(1234567890), last) == expected


@pytest.mark.parametrize(
    "otp", ["", "5924", "0005924", "00592\uff14", "٠٠٥٩٢٤", "abcdef", "005924\0", "-05924", "+5924"]
)
def test_what_is_no_one_time_password(otp: str) -> None:
    assert verify(SECRET, otp, at(1234567890), None) is None


@pytest.mark.parametrize("secret", ["", "A" * 15, "A" * 45, "a" * 32, "0" * 32, "*****", "é" * 32])
def test_what_is_no_secret_has_no_passwords(secret: str) -> None:
    assert not usable(secret)
    assert verify(secret, "005924", at(1234567890), None) is None


@pytest.mark.parametrize("secret", [SECRET, "NB2WGZ3TEB2HK43F", "A" * 44])
def test_a_sealed_secret_fits_its_column_and_opens(secret: str) -> None:
    assert usable(secret)
    stored = sealed(secret, KEY)
    assert len(stored) <= 100
    assert secret not in stored
    assert stored != sealed(secret, KEY)
    assert opened(stored, KEY) == secret
    assert opened(stored, KEY + "x") == ""
    other = "B" if stored[-6] == "A" else "A"
    assert opened(f"{stored[:-6]}{other}{stored[-5:]}", KEY) == ""
    assert opened("v1:nonsense", KEY) == ""


def test_a_secret_that_was_stored_plainly_is_read() -> None:
    assert opened(SECRET, KEY) == SECRET


def test_a_new_secret_is_usable_and_of_160_bits() -> None:
    secret = new_secret()
    assert usable(secret)
    assert len(secret) == 32
    assert secret != new_secret()
