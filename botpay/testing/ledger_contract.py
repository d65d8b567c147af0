"""What a ledger on any database must do: inherit, say which database, and run.

class TestOnSQLite(LedgerContract):
    @pytest.fixture
    def url(self, tmp_path): ...   # the URL of a new database with the current schema
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from botpay.audit import verify as audit
from botpay.audit.store import Chained
from botpay.errors import Code, Refusal
from botpay.ledger.model import AccountKind, Transfer
from botpay.ledger.operations import Operation
from botpay.money import MINOR_DIGITS, Money
from botpay.testing.clocks import FixedClock
from botpay.testing.ledgers import LASTS, Books
from botpay.testing.workers import Worker, at_once

REFUSED = Code.INSUFFICIENT_FUNDS.value


class LedgerContract(ABC):
    """Rules, idempotency, batches and duels, the same on every database."""

    rounds = 100
    """Of the longest duel."""

    @pytest.fixture
    @abstractmethod
    def url(self) -> str | Iterator[str]:
        """The URL of a new database with the current schema."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        """A clock that stands still."""
        return FixedClock()

    @pytest.fixture
    def books(self, url: str, clock: FixedClock) -> Iterator[Books]:
        """An engine on a new database; whatever a test did, the ledger must verify afterwards."""
        books = Books.at(url, clock)
        yield books
        problems = books.problems()
        books.close()
        assert problems == []

    # --- rules

    def test_a_reserve_holds_and_a_post_pays(self, books: Books) -> None:
        """Reserved money is held but still the payer's; posted, it is the payee's."""
        alice, bob = books.open("alice", 100), books.open("bob")
        reserve = books.reserve(alice, bob, 60)
        assert books.do(reserve) == ["reserve"]
        assert (books.counters(alice), books.counters(bob)) == ((100, 60), (0, 0))
        assert books.do(books.post(reserve)) == ["post"]
        assert (books.counters(alice), books.counters(bob)) == ((40, 0), (60, 0))

    @pytest.mark.parametrize("how", ["void", "expire"])
    def test_what_is_not_posted_is_given_back(self, books: Books, clock: FixedClock, how: str) -> None:
        """A voided or expired reserve leaves both accounts as they were."""
        alice, bob = books.open("alice", 100), books.open("bob")
        reserve = books.reserve(alice, bob, 60)
        books.do(reserve)
        clock.move(LASTS)
        assert books.do(getattr(books, how)(reserve)) == [how]
        assert (books.counters(alice), books.counters(bob)) == ((100, 0), (0, 0))

    def test_held_money_cannot_be_held_again(self, books: Books) -> None:
        """What is free is the balance less what is held, to the cent; also for money that moves at once."""
        alice, bob = books.open("alice", 100), books.open("bob")
        assert books.do(books.reserve(alice, bob, 60), books.reserve(alice, bob, 41)) == ["reserve", REFUSED]
        assert books.do(books.direct(alice, bob, 41), books.direct(alice, bob, 40)) == [REFUSED, "direct"]

    def test_a_reserve_ends_once(self, books: Books, clock: FixedClock) -> None:
        """Whoever comes second is told what happened; also within one batch."""
        alice, bob = books.open("alice", 100), books.open("bob")
        first, second, third = (books.reserve(alice, bob, 10) for _ in range(3))
        books.do(first, second, third)
        assert books.do(books.post(first), books.void(first)) == ["post", "already_posted"]
        assert books.do(books.void(second), books.post(second)) == ["void", "already_voided"]
        clock.move(LASTS)
        assert books.do(books.expire(third), books.post(third)) == ["expire", "already_expired"]
        assert books.do(books.void(third)) == ["already_expired"]
        assert books.count() == 7

    def test_the_time_of_a_reserve_is_over_on_the_instant(self, books: Books, clock: FixedClock) -> None:
        """A microsecond before it can be posted and not expired; on the instant it is the other way round."""
        alice, bob = books.open("alice", 100), books.open("bob")
        early, late = books.reserve(alice, bob, 10), books.reserve(alice, bob, 10)
        books.do(early, late)
        clock.move(LASTS - timedelta(microseconds=1))
        assert books.do(books.expire(early), books.post(early)) == ["still_open", "post"]
        clock.move(timedelta(microseconds=1))
        assert books.do(books.post(late), books.expire(late)) == ["already_expired", "expire"]

    def test_what_makes_no_sense_is_refused(self, books: Books) -> None:
        """Nothing, oneself, accounts and reserves that are not there: each has its refusal, and nothing is booked."""
        alice, bob = books.open("alice", 100), books.open("bob")
        before = books.count()
        gift = books.direct(alice, bob, 10)
        assert books.do(books.reserve(alice, bob, 0), books.reserve(alice, alice, 1)) == ["zero_amount", "self_payment"]
        assert books.do(books.reserve(alice, 10**6, 1), books.direct(10**6, bob, 1)) == ["unknown_account"] * 2
        assert books.do(books.post(gift), books.void(gift)) == ["unknown_transfer"] * 2
        assert books.count() == before
        assert books.do(gift, books.post(gift)) == ["direct", "unknown_transfer"]

    def test_two_currencies_never_meet(self, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
        """No transfer joins accounts of two currencies, or is in another than theirs; not even with raw SQL."""
        monkeypatch.setitem(MINOR_DIGITS, "CHF", 2)
        euro, franc = books.open("alice", 100), books.open("alice", 100, currency="CHF")
        other = books.open("bob")
        asked: list[Operation] = [
            books.reserve(euro, franc, 1),
            books.direct(euro, franc, 1, "CHF"),
            books.reserve(euro, other, 1, "CHF"),
        ]
        assert books.do(*asked) == ["other_currency"] * 3
        insert = (
            "insert into transfers (id, kind, debit_id, credit_id, amount_minor, currency, created_at, reason, batch) "
            "values ('00000000000000000000000000000001', 'direct', :debit, :credit, 1, :currency, 0, 'x', 1)"
        )
        for debit, credit, currency in ((euro, franc, "EUR"), (euro, franc, "CHF"), (euro, other, "CHF")):
            with pytest.raises(IntegrityError, match="be in its currency"), books.database.write() as connection:
                connection.execute(text(insert), {"debit": debit, "credit": credit, "currency": currency})

    # --- idempotency

    def test_the_same_asked_again_has_one_effect_and_the_same_answer(self, books: Books, clock: FixedClock) -> None:
        """An operation that comes again, in its batch or much later, is answered with the row that was booked."""
        alice, bob = books.open("alice", 100), books.open("bob")
        reserve = books.reserve(alice, bob, 60)
        asked: list[Operation] = [reserve, books.post(reserve), books.direct(bob, alice, 5)]
        booked = books.engine.process([*asked, *asked])
        assert booked[:3] == booked[3:]
        assert all(isinstance(row, Transfer) for row in booked)
        clock.move(timedelta(days=365))
        after = (books.count(), books.counters(alice), books.counters(bob))
        assert books.engine.process(asked) == booked[:3]
        assert (books.count(), books.counters(alice), books.counters(bob)) == after == (4, (45, 0), (55, 0))

    def test_an_id_stands_for_one_thing(self, books: Books) -> None:
        """Asked again with any other contents an id is refused aloud, and nothing is booked."""
        alice, bob, carol = books.open("alice", 100), books.open("bob", 100), books.open("carol")
        reserve, gift = books.reserve(alice, bob, 10), books.direct(alice, bob, 10)
        post = books.post(reserve)
        books.do(reserve, gift, post)
        before = books.count()
        others: list[Operation] = [
            replace(reserve, amount=Money(11)),
            replace(reserve, debit_id=carol),
            replace(reserve, credit_id=carol),
            replace(reserve, lasts=LASTS * 2),
            replace(gift, reason="another"),
            replace(gift, id=reserve.id),
            replace(post, reserve_id=gift.id),
            replace(books.void(reserve), id=post.id),
        ]
        assert [books.do(other) for other in others] == [["conflict"]] * len(others)
        assert books.count() == before

    def test_a_refused_id_stays_refused(self, books: Books) -> None:
        """What was refused is refused for good: neither money that came since nor other contents let its id succeed."""
        alice, bob = books.open("alice"), books.open("bob", 100)
        asked = books.reserve(alice, bob, 10)
        assert books.do(asked, asked) == [REFUSED, REFUSED]
        books.do(books.direct(bob, alice, 50))
        assert books.do(asked, replace(asked, amount=Money(9))) == [REFUSED, "conflict"]
        assert books.do(books.reserve(alice, bob, 10)) == ["reserve"]

    # --- batches

    def test_a_batch_is_decided_in_order(self, books: Books) -> None:
        """Each operation sees those before it in its batch; one that is refused does not touch its neighbours."""
        alice, bob = books.open("alice"), books.open("bob", 100)
        gift, back = books.direct(bob, alice, 30), books.reserve(alice, bob, 20)
        assert books.do(books.direct(alice, bob, 30), gift, back, books.reserve(alice, bob, 11), books.post(back)) == [
            REFUSED,
            "direct",
            "reserve",
            REFUSED,
            "post",
        ]
        assert books.counters(alice) == (10, 0)

    def test_each_batch_has_one_link_of_the_audit(self, books: Books) -> None:
        """A batch that booked something is one link; one that did not is none."""
        alice, bob = books.open("alice", 100), books.open("bob")
        links = _links(books)
        gifts = [books.direct(alice, bob, 1) for _ in range(30)]
        books.do(*gifts)
        assert _links(books) == links + 1
        books.do(*gifts)
        books.do(books.direct(bob, alice, 10**6))
        books.do()
        assert _links(books) == links + 1

    # --- duels

    @pytest.mark.parametrize("fight", ["threads", "processes"])
    def test_ten_times_eight_of_ten_is_one(self, books: Books, url: str, fight: str) -> None:
        """Of ten payments of 8 at once out of a balance of 10, one is reserved."""
        alice, bob = books.open("alice", 10), books.open("bob")
        found = _fight(fight, url, [[books.reserve(alice, bob, 8)] for _ in range(10)])
        assert sorted(found) == [REFUSED] * 9 + ["reserve"]
        assert books.counters(alice) == (10, 8)

    @pytest.mark.parametrize("fight", ["threads", "processes"])
    def test_fifty_confirmations_are_one_post(self, books: Books, url: str, fight: str) -> None:
        """Of fifty confirmations of one payment at once, one posts and the others are told that it was posted."""
        alice, bob = books.open("alice", 100), books.open("bob")
        reserve = replace(books.reserve(alice, bob, 10), lasts=timedelta(days=36500))
        books.do(reserve)
        found = _fight(fight, url, [[books.post(reserve) for _ in range(10)] for _ in range(5)])
        assert sorted(found) == ["already_posted"] * 49 + ["post"]
        assert (books.counters(alice), books.counters(bob)) == ((90, 0), (10, 0))

    @pytest.mark.parametrize("fight", ["threads", "processes"])
    @pytest.mark.parametrize("size", [5, 50])
    def test_the_same_ids_at_once_are_booked_once(self, books: Books, url: str, fight: str, size: int) -> None:
        """The same payments asked for five times at once are booked once, and everybody is answered alike."""
        alice, bob = books.open("alice", 1000), books.open("bob")
        gifts = [books.direct(alice, bob, 10) for _ in range(size)]
        assert _fight(fight, url, [gifts] * 5) == ["direct"] * (5 * size)
        assert books.counters(alice) == (1000 - 10 * size, 0)

    @pytest.mark.parametrize("fight", ["threads", "processes"])
    @pytest.mark.parametrize("size", [1, 50])
    def test_an_id_for_two_things_at_once_is_one_of_them(self, books: Books, url: str, fight: str, size: int) -> None:
        """Of two payments from different people under one id at once, one is booked and the other is a conflict."""
        people = [books.open(name, 1000) for name in ("alice", "bob", "carol", "dave")]
        first = [books.direct(people[0], people[1], 10) for _ in range(size)]
        second = [replace(gift, debit_id=people[2], credit_id=people[3]) for gift in first]
        assert sorted(_fight(fight, url, [first, second])) == ["conflict"] * size + ["direct"] * size

    def test_post_against_expire_is_exactly_one(self, books: Books, url: str, clock: FixedClock) -> None:
        """When one process still posts what for another one's clock is over, each payment ends once."""
        alice, bob = books.open("alice", 100), books.open("bob")
        reserves = [books.reserve(alice, bob, 5) for _ in range(10)]
        books.do(*reserves)
        workers = [Worker(url, at=clock()), Worker(url, at=clock() + LASTS)]
        posts = [[books.post(reserve)] for reserve in reserves]
        expiries = [[books.expire(reserve)] for reserve in reserves]
        for post, expiry in zip(posts, expiries, strict=True):
            assert sorted(at_once(workers, [post, expiry])) in (
                ["already_expired", "expire"],
                ["already_posted", "post"],
            )
        for worker in workers:
            worker.stop()
        assert books.counters(alice) == (100 - books.counters(bob)[0], 0)

    def test_two_poor_accounts_pay_each_other(self, books: Books, url: str) -> None:
        """Payments in opposite directions at once neither deadlock nor overdraw; nothing is lost between the two."""
        alice, bob = books.open("alice", 20), books.open("bob", 20)

        def pay(debit: int, credit: int) -> list[str]:
            own = Books.at(url, books.clock)
            found = []
            for _ in range(self.rounds):
                reserve = own.reserve(debit, credit, 7)
                found += own.do(reserve)
                found += own.do(own.post(reserve)) if found[-1] == "reserve" else []
            own.close()
            return found

        found = _in_threads([lambda: pay(alice, bob), lambda: pay(bob, alice)])
        assert set(found) <= {"reserve", "post", REFUSED}
        assert found.count("post") == found.count("reserve") == books.count("post") > 0
        assert books.counters(alice)[0] + books.counters(bob)[0] == 40

    def test_everybody_gives_to_one_charity(self, books: Books, url: str) -> None:
        """A hot account takes what four processes give it at once, to the cent, and nobody waits for a version."""
        givers = [books.open(f"giver {number}", 100) for number in range(4)]
        charity = books.open("water", kind=AccountKind.CHARITY)
        batches = [[books.direct(giver, charity, 1) for _ in range(100)] for giver in givers]
        assert _fight("processes", url, batches) == ["direct"] * 400
        assert books.counters(charity) == (400, 0)

    def test_a_refusal_is_never_made_of_a_fault(self, books: Books) -> None:
        """A batch that meets a fault raises; it does not answer with a refusal, and books nothing."""
        alice, bob = books.open("alice", 100), books.open("bob")
        before = books.count()

        class Fails(Chained):
            def append(self, *_: object) -> int:
                raise ZeroDivisionError

        asked = books.direct(alice, bob, 10)
        with pytest.raises(ZeroDivisionError):
            replace(books.engine, links=Fails(b"")).process([asked, books.direct(bob, alice, 1000)])
        assert (books.count(), books.counters(alice)) == (before, (100, 0))
        assert not isinstance(books.engine.process([asked])[0], Refusal)


def _links(books: Books) -> int:
    with books.database.read() as connection:
        return audit.count(connection)


def _fight(how: str, url: str, batches: Sequence[Sequence[Operation]]) -> list[str]:
    """Book batches at once, each on an engine of its own in a thread or process of its own."""
    if how == "threads":
        return _in_threads([lambda batch=batch: _alone(url, batch) for batch in batches])  # type: ignore[misc]
    workers = [Worker(url) for _ in batches]
    found = at_once(workers, batches)
    for worker in workers:
        worker.stop()
    return found


def _alone(url: str, batch: Sequence[Operation]) -> list[str]:
    books = Books.at(url, FixedClock())
    found = books.do(*batch)
    books.close()
    return found


def _in_threads(works: Sequence[Callable[[], list[str]]]) -> list[str]:
    """Begin all at once; all that they return, in their order."""
    ready = threading.Barrier(len(works))
    found: dict[int, list[str]] = {}

    def run(number: int, work: Callable[[], list[str]]) -> None:
        ready.wait()
        found[number] = work()

    threads = [threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcome for number in range(len(works)) for outcome in found[number]]
