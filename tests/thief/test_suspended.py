"""A charity that is suspended takes nothing any more, also not from who was asking just then."""

import threading
import time
from dataclasses import replace
from datetime import datetime

from botpay.charities.model import Standing
from botpay.charities.store import load_standing
from botpay.charity_register import CharityRegister
from tests.conftest import AUDIT_KEY, KEYRING, Town

_BLOCKED = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
_LONG_SECONDS = 10


def test_a_donation_that_waits_for_a_suspension_sees_it(city: Town) -> None:
    """Whoever asks how a charity stands while it is being suspended is told once it is, and that it is."""
    register = CharityRegister(database=city.database, clock=city.clock, keyring=KEYRING, audit_key=AUDIT_KEY)
    register.describe("eaupourtous", {"object": "Wells"})
    found: dict[str, Standing] = {}

    def ask() -> None:
        with city.database.write() as connection:
            found.update(load_standing(connection, [city.charity.id]))

    asking = threading.Thread(target=ask)

    def in_the_middle() -> datetime:
        """Asked for behind the lock: from then on somebody waits for it."""
        if not asking.ident:
            asking.start()
            last = time.monotonic() + _LONG_SECONDS
            while city.rows(_BLOCKED) == [(0,)] and time.monotonic() < last:
                time.sleep(0.01)
        return city.clock()

    replace(register, clock=in_the_middle).suspend("eaupourtous", "its board resigned")
    asking.join()
    assert found[city.charity.id].suspended
