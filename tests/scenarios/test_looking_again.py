"""What is remembered of a token is looked at again: whatever counts is seen to have changed.

Reference: authentication §2 and §3.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from conductus.auth.accounts import Accounts
from conductus.auth.identity import REMEMBERED_SECONDS
from conductus.errors import AddressNotAllowed
from tests.scenarios.shop import Live
from tests.scenarios.signing_in import ENDS, ROLES, SESSIONS, USERS, change, clock

SEEN: dict[str, sa.Update | sa.Delete] = {
    "a role that is taken away": sa.update(USERS).values(role=None),
    "a user that is gone": sa.delete(USERS),
    "addresses of a role": sa.update(ROLES).values(ip_whitelist="192.0.2.7"),
    "a second factor that is asked for": sa.update(ROLES).values(enforce_2fa=True),
    "a session that is gone": sa.delete(SESSIONS),
    "another token": sa.update(SESSIONS).values(token="f" * 64),
    "another user": sa.update(SESSIONS).values(user=2),
    "another kind of session": sa.update(SESSIONS).values(token_type="cookie"),
    "a session that has ended": sa.update(ENDS).values(token_expired_at=datetime(2020, 1, 1)),
}


@pytest.mark.parametrize("what", SEEN)
async def test_what_was_looked_up_twice_is_looked_at_again(
    empty: Live, project_url: str, tmp_path: Path, what: str
) -> None:
    async with clock(tmp_path / "data", empty.token) as asking:
        assert (await asking.actor()).role == 1
        assert (await asking.actor(seconds=REMEMBERED_SECONDS)).role == 1
        await change(project_url, SEEN[what])
        try:
            found = await asking.actor(seconds=2 * REMEMBERED_SECONDS)
        except AddressNotAllowed:
            assert what == "addresses of a role"
        else:
            assert found.role != 1


async def test_a_second_factor_that_is_set_up_counts_within_seconds(
    empty: Live, project_url: str, tmp_path: Path
) -> None:
    await change(project_url, sa.update(ROLES).values(enforce_2fa=True))
    async with clock(tmp_path / "data", empty.token) as asking:
        for place in range(2):
            assert (await asking.actor(seconds=place * REMEMBERED_SECONDS)).public
        secret = sa.table("directus_users", sa.column("2fa_secret", sa.String()))
        await change(project_url, sa.update(secret).values({"2fa_secret": "ABC"}))
        assert (await asking.actor(seconds=2 * REMEMBERED_SECONDS)).user == 1


async def test_to_look_again_takes_one_statement(
    empty: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_second(*_: object) -> None:
        raise AssertionError

    async with clock(tmp_path / "data", empty.token) as asking:
        await asking.actor()
        # The row that was fetched is the one that is fetched again, by whatever protocol.
        monkeypatch.setattr(Accounts, "find_by_session", no_second)
        assert (await asking.actor(seconds=REMEMBERED_SECONDS)).user == 1
