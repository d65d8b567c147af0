"""What an adapter keeps: found again by it alone, readable by nobody else, gone when it says so."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from botpay.database import Database
from botpay.errors import ConfigError
from botpay.lending import Lent
from botpay.message import SecretText
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, KEYRING, TERMS, Town
from tests.dumps import dumped

TOKEN = "xoxb-canary-token"


@pytest.fixture(params=["sqlite", "postgresql"])
def lent(request: pytest.FixtureRequest, town: Town) -> Iterator[Lent]:
    """The host of an adapter, on both databases."""
    if request.param == "sqlite":
        yield _lent(town.database, town.clock)
        return
    with migrated_database() as url:
        database = Database(url)
        yield _lent(database, town.clock)
        database.close()


async def test_what_is_kept_is_found_again(lent: Lent) -> None:
    """A secret is kept by tenant and name, the later in the place of the earlier; what was never kept is None."""
    assert await lent.kept("T1", "bot_token") is None
    for value in ("earlier", TOKEN):
        await lent.keep("T1", "bot_token", SecretText(value))
    await lent.keep("T2", "bot_token", SecretText("another"))
    assert await lent.kept("T1", "bot_token") == SecretText(TOKEN)
    assert await lent.kept("T1", "user_token") is None
    assert await lent.tenants("bot_token") == ["T1", "T2"]


async def test_another_adapter_finds_nothing_of_it(lent: Lent) -> None:
    """An adapter neither reads nor removes what another keeps."""
    await lent.keep("T1", "bot_token", SecretText(TOKEN))
    other = replace(lent, adapter="other")
    assert await other.kept("T1", "bot_token") is None
    assert await other.tenants("bot_token") == []
    assert not await other.forget("T1", "bot_token")
    assert await lent.kept("T1", "bot_token") == SecretText(TOKEN)


async def test_it_is_forgotten_once(lent: Lent) -> None:
    """Of several who forget a secret at the same time one is told that it was there; afterwards it is not."""
    await lent.keep("T1", "state", SecretText(TOKEN))
    assert sorted(await asyncio.gather(*(lent.forget("T1", "state") for _ in range(4)))) == [False, False, False, True]
    assert await lent.kept("T1", "state") is None


async def test_it_cannot_be_read_in_the_database(lent: Lent) -> None:
    """A copy of the database shows for whom something is kept, and not what; nor does the audit, nor a repr."""
    await lent.keep("T1", "bot_token", SecretText(TOKEN))
    shown = dumped(lent.database)
    assert "T1" in shown
    assert TOKEN not in shown
    assert not any(part in repr(lent) for part in (AUDIT_KEY.decode(), "ddd"))


async def test_it_cannot_be_moved_to_another_tenant(lent: Lent) -> None:
    """Who can write to the database cannot let one workspace's token serve another: it does not open there."""
    for tenant in ("T1", "T2"):
        await lent.keep(tenant, "bot_token", SecretText(tenant))
    with lent.database.write() as connection:
        taken = "(select value from vault where tenant = 'T1')"
        connection.execute(text(f"update vault set value = {taken} where tenant = 'T2'"))
    with pytest.raises(ConfigError, match="T2"):
        await lent.kept("T2", "bot_token")


async def test_a_missing_key_is_named(lent: Lent) -> None:
    """A secret sealed with a key that is no longer here is refused with what to do, not taken for missing."""
    await lent.keep("T1", "bot_token", SecretText(TOKEN))
    changed = replace(lent, keyring=replace(KEYRING, data=b"n" * 32))
    with pytest.raises(ConfigError, match="old_data"):
        await changed.kept("T1", "bot_token")


async def test_keeping_and_forgetting_are_in_the_audit(lent: Lent) -> None:
    """Each change is an event of the audit's chain, by outcome; forgetting nothing is none."""
    before = _links(lent.database)
    await lent.keep("T1", "bot_token", SecretText(TOKEN))
    await lent.forget("T1", "bot_token")
    await lent.forget("T1", "bot_token")
    assert [("kept" in body, "forgotten" in body) for body in _links(lent.database)[len(before) :]] == [
        (True, False),
        (False, True),
    ]


def _lent(database: Database, clock: FixedClock) -> Lent:
    return Lent(
        adapter="slack",
        database=database,
        clock=clock,
        keyring=KEYRING,
        audit_key=AUDIT_KEY,
        language="en",
        caps=TERMS.caps,
    )


def _links(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("select body from audit order by seq")).scalars())
