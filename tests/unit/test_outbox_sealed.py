"""The outbox at rest: what is to be said to whom cannot be read in the table, and is gone once it was said."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from botpay.errors import Forbidden, Permanent, Transient, Unreachable
from botpay.outbox.dispatcher import Dispatcher
from botpay.outbox.model import Delivery, Fate
from botpay.outbox.store import due_to_drop
from tests.conftest import ADAPTER, KEYRING, Town
from tests.unit.test_dispatcher import Post, letter, running

ADDRESS, WORDS = "alice@example.org", "you have 12,00"


@pytest.fixture
def post(town: Town) -> Post:
    """An empty outbox."""
    return Post(town)


async def test_neither_words_nor_addresses_can_be_read(post: Post) -> None:
    """While a letter waits its row shows neither what it says nor whom it is for; delivered it is whole."""
    post.queue(letter(ADDRESS, WORDS))
    shown = repr(post.town.rows("select * from outbound"))
    assert not any(word in shown for word in (ADDRESS, "alice", "example", WORDS, "12,00"))
    await post.settle()
    assert [(sent.to, sent.text) for sent in post.platform.sent] == [(ADDRESS, WORDS)]


@pytest.mark.parametrize("fault", [None, Unreachable("blocked")])
async def test_what_is_over_is_wiped(post: Post, fault: Exception | None) -> None:
    """A letter that was sent, or whose person cannot be reached, is no longer kept; while it is tried again it is."""
    post.platform.faults[WORDS] = [Transient("away"), *([fault] if fault else [])]
    post.queue(letter("alice", WORDS))
    await post.settle()
    ((fate, body),) = post.town.rows("select fate, body from outbound")
    assert (fate, body is None) == ("queued", False)
    post.town.clock.move(timedelta(seconds=1))
    await post.settle()
    ((fate, body),) = post.town.rows("select fate, body from outbound")
    assert (fate != "queued", body) == (True, None)


async def test_what_is_superseded_is_wiped(post: Post) -> None:
    """A letter that a later one makes needless is wiped unsent."""
    post.queue(letter("alice", "1 try", replaces="m1"), letter("alice", "paid", replaces="m1"))
    await post.settle()
    assert post.town.rows("select fate, body from outbound order by seq") == [("superseded", None), ("sent", None)]


@pytest.mark.parametrize("fault", [Permanent("no"), Forbidden("no")])
async def test_what_is_dead_is_kept_for_thirty_days(post: Post, fault: Exception) -> None:
    """A dead letter stays sealed, so that it can be sent again; after thirty days its words are gone."""
    post.platform.faults[WORDS] = [fault]
    post.queue(letter("alice", WORDS))
    await post.settle()
    ((fate, sealed),) = post.town.rows("select fate, body from outbound")
    assert (fate, WORDS.encode() in sealed) == ("dead", False)
    for days, due in ((29, 0), (1, 1)):
        post.town.clock.move(timedelta(days=days))
        with post.town.database.read() as connection:
            found = due_to_drop(connection, post.town.clock(), most=9)
        assert len(found) == due
        for id_ in found:
            post.town.do(Delivery(letter_id=id_, fate=Fate.DROPPED))
    assert post.town.rows("select fate, body, tries, reason from outbound") == [
        ("dropped", None, 1, type(fault).__name__)
    ]


async def test_only_what_is_dead_is_dropped_by_time(post: Post) -> None:
    """A letter that an operator sends again just then is not wiped by the sweep that found it dead before."""
    post.queue(letter("alice", WORDS))
    ((id_,),) = post.town.rows("select id from outbound")
    post.town.do(Delivery(letter_id=id_, fate=Fate.DROPPED))
    await post.settle()
    assert post.platform.texts == [WORDS]


@pytest.mark.parametrize("change", ["body = null", "fate = 'sent'"])
def test_the_database_refuses_words_that_outlive_their_letter(post: Post, change: str) -> None:
    """A letter that waits has words, and one that is over has none: the database says so too."""
    post.queue(letter("alice", WORDS))
    with pytest.raises(IntegrityError, match="wiped"), post.town.database.write() as connection:
        connection.exec_driver_sql(f"update outbound set {change}")


async def test_a_letter_that_no_key_opens_waits_for_its_key(post: Post) -> None:
    """A letter sealed with a key that was taken away keeps no other waiting, and is sent once the key is back."""
    post.queue(letter("alice", WORDS))
    changed = replace(KEYRING, data=b"n" * 32)
    post_of_changed = Dispatcher(post.town.database, changed, {ADAPTER: post.platform}, post.submit, post.town.clock)
    async with running(post_of_changed):
        pass
    assert post.platform.sent == []
    assert post.town.rows("select fate, tries, reason from outbound") == [("queued", 1, "Unreadable")]
    post.town.clock.move(timedelta(seconds=1))
    await post.settle()
    assert post.platform.texts == [WORDS]


async def test_a_letter_that_was_moved_is_not_sent(post: Post) -> None:
    """Somebody who can write to the database cannot make one person read what is sealed for another."""
    post.queue(letter("alice", WORDS), letter("bob", "hello"))
    with post.town.database.write() as connection:
        connection.exec_driver_sql("update outbound set body = (select body from outbound where seq = 1) where seq = 2")
    await post.settle()
    assert post.platform.texts == [WORDS]
