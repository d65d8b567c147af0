"""The audit's lanes on PostgreSQL: writers do not wait for each other, and each lane proves itself."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from botpay.audit import verify as audit
from botpay.audit.chain import LANES, State
from botpay.audit.head import load_heads, read_heads
from botpay.audit.store import append
from botpay.database import raw
from botpay.testing.clocks import FixedClock
from botpay.testing.ledgers import AUDIT_KEY, Books
from botpay.testing.postgres import migrated_database


@pytest.fixture
def url() -> Iterator[str]:
    """A new database with the current schema."""
    with migrated_database() as url:
        yield url


@pytest.fixture
def two(url: str) -> Iterator[tuple[Books, Books]]:
    """Two workers on it, on lanes 3 and 5."""
    books = Books.at(url, FixedClock()), Books.at(url, FixedClock())
    for worker, lane in zip(books, (3, 5), strict=True):
        stand_on(worker, lane)
    yield books
    for worker in books:
        worker.close()


def stand_on(books: Books, lane: int) -> None:
    """Put the links of a worker's connection on a lane."""
    with books.database.engine.connect() as connection:
        connection.info["lane"] = lane


def lanes(books: Books) -> list[tuple[int, list[int]]]:
    """Each lane with the places of its links."""
    with books.database.read() as connection:
        found = connection.execute(
            text("select lane, array_agg(place order by seq) from audit group by lane order by 1")
        )
        return [(lane, list(places)) for lane, places in found]


def tamper(books: Books, *statements: str) -> list[str]:
    """Change rows behind the triggers' back; what the proof then finds."""
    with books.database.write() as connection:
        for statement in ("alter table audit disable trigger user", *statements):
            connection.execute(text(statement))
    return books.problems()


def test_each_worker_puts_its_links_on_a_lane_of_its_own(two: tuple[Books, Books]) -> None:
    """Every lane counts its places without gaps, the numbers rise over all of them, and the whole verifies."""
    first, second = two
    alice, bob = first.open("alice", 100), first.open("bob", 100)
    for _ in range(3):
        assert first.do(first.direct(alice, bob, 1)) == second.do(second.direct(bob, alice, 1)) == ["direct"]
    assert lanes(first) == [(3, [1, 2, 3, 4, 5]), (5, [1, 2, 3])]
    assert first.problems() == []


def test_two_on_one_lane_are_in_each_others_way_no_more(two: tuple[Books, Books]) -> None:
    """Whose place was taken goes on with locks, then on another lane; nothing is refused, lost or forked."""
    first, second = two
    stand_on(second, 3)
    alice, bob = first.open("alice", 100), first.open("bob", 100)
    taken = second.engine.links.row

    class Slow(type(second.engine.links)):  # type: ignore[misc]
        def row(self, *args: object) -> object:
            first.do(first.direct(alice, bob, 1))  # between what the second saw and what it saves
            return taken(*args)  # type: ignore[arg-type]

    object.__setattr__(second.engine, "links", Slow(AUDIT_KEY))
    assert second.do(second.direct(bob, alice, 1)) == ["direct"]
    assert [places for _, places in lanes(first)] == [[1, 2, 3], [1]]
    assert (first.counters(alice), first.counters(bob)) == ((100, 0), (100, 0))
    assert first.problems() == []


def test_a_lane_that_is_in_use_is_passed_over(two: tuple[Books, Books]) -> None:
    """A commit under way on a lane keeps nobody waiting: who wants the same takes the next that is free."""
    first, second = two
    now = first.clock()
    with first.database.write() as holding:
        append(holding, AUDIT_KEY, [("a", "b")], [], now)
        stand_on(second, 3)
        with second.database.write() as passing:
            append(passing, AUDIT_KEY, [("c", "d")], [], now)
    assert lanes(first) == [(3, [1]), (4, [1])]
    assert first.problems() == []


def test_when_no_lane_is_free_one_waits(two: tuple[Books, Books]) -> None:
    """With every lane in use a commit waits for the one that it wanted, and then stands behind it."""
    first, second = two
    with second.database.write() as connection:
        connection.execute(text("set local lock_timeout = 300"))
        with first.database.write() as greedy:
            for lane in range(LANES):
                raw(greedy).execute("select pg_advisory_xact_lock(1651470448, %s)", (lane,))
            with pytest.raises(Exception, match="lock timeout"), connection.begin_nested():
                append(connection, AUDIT_KEY, [("a", "b")], [], first.clock())
        append(connection, AUDIT_KEY, [("a", "b")], [], first.clock())
    assert lanes(first) == [(5, [1])]


def test_the_newest_state_of_a_row_is_the_newest_of_all_lanes(two: tuple[Books, Books]) -> None:
    """A row that two workers changed in turn is as the later left it, on whichever lane that stands."""
    first, second = two
    for worker, failures in ((first, 1), (second, 2), (first, 3), (second, 4)):
        with worker.database.write() as connection:
            append(connection, AUDIT_KEY, [("pin", "tried")], [], worker.clock(), [State("pins", "p", (failures,))])
    with first.database.read() as connection:
        assert list(audit.problems(connection, AUDIT_KEY, living=[State("pins", "p", (4,))])) == []
        (older,) = audit.problems(connection, AUDIT_KEY, living=[State("pins", "p", (3,))])
        assert older == "pins: p is not as link 4 left it"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("update audit set lane = 7 where lane = 5", "does not fit the one before it"),
        ("delete from audit where lane = 5 and place = 2", "audit: link 2 of lane 5 is missing"),
        ("update audit set place = place + 9 where lane = 5", "audit: link 1 of lane 5 is missing"),
        ("delete from audit where lane = 5 and place = 3", "have no link in the audit"),
        (
            "update audit set seq = case seq when 3 then 4 when 4 then 3 end + 100 where seq in (3, 4)",
            "does not fit the one before it",
        ),
    ],
)
def test_no_lane_can_be_bent(two: tuple[Books, Books], change: str, found: str) -> None:
    """A link that was moved to another lane, removed, renumbered or put into another order is named."""
    first, second = two
    alice, bob = first.open("alice", 100), first.open("bob", 100)
    for _ in range(3):
        second.do(second.direct(bob, alice, 1))
        first.do(first.direct(alice, bob, 1))
    assert first.problems() == []
    assert any(found in problem for problem in tamper(first, change))


def test_an_exported_head_holds_the_end_of_every_lane(two: tuple[Books, Books]) -> None:
    """The tail of one lane, cut off with all that it covers, is seen by whoever kept the head, and only by them."""
    first, second = two
    with first.database.write() as connection:
        append(connection, AUDIT_KEY, [("a", "b")], [], first.clock())
    for _ in range(2):
        with second.database.write() as connection:
            append(connection, AUDIT_KEY, [("c", "d")], [], second.clock())
    with first.database.read() as connection:
        heads = load_heads(connection)
    assert heads is not None
    assert read_heads(heads.to_json()) == heads
    assert [(head.lane, head.place) for head in heads.lanes] == [(3, 1), (5, 2)]
    assert tamper(first, "delete from audit where lane = 5 and place = 2") == []
    with first.database.read() as connection:
        found = list(audit.problems(connection, AUDIT_KEY, heads=heads))
    cut = "audit: the chain ends at link 1 of lane 5, but link 2 of lane 5 was exported: its tail was cut off"
    assert found == [cut]
