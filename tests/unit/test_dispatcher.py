"""The outbox: each letter is sent at least once, in the order of its lane, and no lane waits for another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from botpay import ids
from botpay.errors import (
    DeliveryError,
    Forbidden,
    Permanent,
    RetryAfter,
    StorageUnavailable,
    Transient,
    Unreachable,
)
from botpay.message import Button, Keypad, Outbound, Receipt, Visibility
from botpay.outbox.dispatcher import Dispatcher
from botpay.outbox.model import Delivery, Fate, Letter
from botpay.outbox.store import load_queued, save_letters
from tests.conftest import ADAPTER, KEYRING, TENANT, Town

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FAST = 5.0  # seconds after which something that should have happened did not


@dataclass
class Platform:
    """A platform that notes what it is given, fails where it is told to, and is slow for those who are held."""

    sent: list[Outbound] = field(default_factory=list)
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    at_once: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver, or raise what is next for this text."""
        lane = outbound.to or outbound.chat or ""
        self.at_once[lane] = self.at_once.get(lane, 0) + 1
        self.most_at_once = max(self.most_at_once, self.at_once[lane])
        try:
            await asyncio.sleep(0)
            if held := self.held.get(lane):
                await held.wait()
            if faults := self.faults.get(outbound.text):
                raise faults.pop(0)
            self.sent.append(outbound)
            return Receipt(f"{lane}:{len(self.sent)}")
        finally:
            self.at_once[lane] -= 1

    @property
    def texts(self) -> list[str]:
        """What was delivered."""
        return [outbound.text for outbound in self.sent]


@dataclass
class Post:
    """A town's outbox with a platform behind it."""

    town: Town
    platform: Platform = field(default_factory=Platform)

    def queue(self, *letters: Letter) -> None:
        """Put letters into the outbox, as a batch does."""
        with self.town.database.write() as connection:
            save_letters(connection, KEYRING, letters, self.town.clock())

    async def submit(self, delivery: Delivery) -> object:
        """What became of a letter goes through the real pipeline."""
        return await asyncio.to_thread(self.town.do, delivery)

    def dispatcher(self, submit: Callable[[Delivery], Any] | None = None, **senders: Platform) -> Dispatcher:
        """A dispatcher of this outbox."""
        platforms = senders or {ADAPTER: self.platform}
        return Dispatcher(self.town.database, KEYRING, platforms, submit or self.submit, self.town.clock)

    async def settle(self) -> None:
        """Send all that can be sent now."""
        async with running(self.dispatcher()):
            pass

    def row(self, text: str) -> Any:
        """What the table says of the letter with a text."""
        ids_ = [ids.derived(NOW, f"{to}{text}").replace("-", "") for to in ("alice", "bob", "carol")]
        (found,) = self.town.rows(f"select * from outbound where id in {tuple(ids_)}")
        return found


@asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[Dispatcher]:
    """A dispatcher at work; at the end all that can be sent now is sent."""
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
        dispatcher.wake()
        async with asyncio.timeout(FAST):
            await dispatcher.idle()
    finally:
        dispatcher.stop()
        async with asyncio.timeout(FAST):
            await task


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(FAST):
        while not condition():  # noqa: ASYNC110 - what is awaited may be a row of a table
            await asyncio.sleep(0.001)


@pytest.fixture
def post(town: Town) -> Post:
    """An empty outbox."""
    return Post(town)


def letter(to: str, text: str, **rest: Any) -> Letter:
    """A private letter."""
    outbound = Outbound(
        id=ids.derived(NOW, f"{to}{text}"),
        adapter=ADAPTER,
        tenant=TENANT,
        visibility=Visibility.PRIVATE,
        to=to,
        text=text,
    )
    return Letter(
        outbound=replace(outbound, **{k: v for k, v in rest.items() if k in ("replaces", "keypad", "adapter")}),
        replaces_letter=rest.get("replaces_letter"),
        fallback=rest.get("fallback"),
    )


async def test_letters_of_a_lane_are_sent_in_order(post: Post) -> None:
    """Letters to one person arrive in the order in which they were written, never two at once, each once."""
    post.queue(*(letter("alice", f"a{n}") for n in range(5)))
    await post.settle()
    assert post.platform.texts == ["a0", "a1", "a2", "a3", "a4"]
    assert post.platform.most_at_once == 1
    await post.settle()
    assert len(post.platform.sent) == 5


async def test_a_slow_lane_keeps_no_other_waiting(post: Post) -> None:
    """While one person's letter hangs the others get theirs, and what was hanging arrives afterwards, in order."""
    post.platform.held["alice"] = asyncio.Event()
    post.queue(letter("alice", "a0"), letter("bob", "b0"), letter("alice", "a1"), letter("bob", "b1"))
    async with running(post.dispatcher()):
        await until(lambda: len(post.platform.sent) == 2)
        assert post.platform.texts == ["b0", "b1"]
        post.platform.held["alice"].set()
    assert post.platform.texts == ["b0", "b1", "a0", "a1"]


async def test_a_long_backlog_keeps_no_other_waiting(post: Post) -> None:
    """Letters for somebody, or for a platform that is away, do not crowd out the rest, however many they are."""
    post.platform.held["alice"] = asyncio.Event()
    post.queue(*(letter("alice", f"a{n}") for n in range(600)))
    post.queue(*(letter("carol", f"c{n}", adapter="elsewhere") for n in range(600)), letter("bob", "b0"))
    dispatcher = post.dispatcher()
    process = asyncio.create_task(dispatcher.run())
    await until(lambda: post.platform.texts == ["b0"])
    dispatcher.stop()
    post.platform.held["alice"].set()
    await asyncio.wait_for(process, FAST)


async def test_people_who_cannot_be_reached_now_do_not_crowd_out_the_rest(post: Post) -> None:
    """Any number of lanes that wait for their next try leaves room for those that can be sent."""
    post.queue(*(letter(f"p{n}", f"p{n}") for n in range(600)))
    with post.town.database.write() as connection:
        connection.exec_driver_sql("update outbound set next_at = next_at + 1000000")
    post.queue(letter("bob", "b0"))
    await post.settle()
    assert post.platform.texts == ["b0"]


def test_what_was_sent_costs_nothing(post: Post) -> None:
    """Looking for letters reads those that wait by their index, and not all that were ever sent."""
    asked: list[tuple[str, Any]] = []

    @event.listens_for(post.town.database.engine, "before_cursor_execute")
    def _note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    with post.town.database.read() as connection:
        load_queued(connection, KEYRING, [ADAPTER], post.town.clock(), 500)
        ((statement, parameters),) = [(sql, values) for sql, values in asked if "outbound" in sql]
        plan = connection.exec_driver_sql(f"explain query plan {statement}", parameters).all()
    reads = [line for *_, line in plan if " outbound" in line]
    assert len(reads) == 1
    assert "ix_outbound_queued" in reads[0]


async def test_a_platform_that_says_when_is_asked_again_then(post: Post) -> None:
    """After RetryAfter the letter stays queued until that time, and so does what follows it in its lane."""
    post.platform.faults["a0"] = [RetryAfter(30)]
    post.queue(letter("alice", "a0"), letter("alice", "a1"), letter("bob", "b0"))
    await post.settle()
    assert post.platform.texts == ["b0"]
    row = post.row("a0")
    assert (row.fate, row.tries, row.reason) == ("queued", 1, "RetryAfter")
    assert row.next_at - post.row("b0").next_at == 30_000_000
    post.town.clock.move(timedelta(seconds=30) - timedelta(microseconds=1))
    await post.settle()
    assert post.platform.texts == ["b0"]
    post.town.clock.move(timedelta(microseconds=1))
    await post.settle()
    assert post.platform.texts == ["b0", "a0", "a1"]
    assert (post.row("a0").fate, post.row("a0").reason) == ("sent", None)


async def test_a_platform_that_is_away_is_asked_less_and_less_often(post: Post) -> None:
    """Pauses after Transient double from a second to five minutes, with jitter below; after twelve tries it is over."""
    post.platform.faults["a0"] = [Transient("away")] * 12
    post.queue(letter("alice", "a0"), letter("alice", "a1"))
    for tries in range(1, 12):
        await post.settle()
        row = post.row("a0")
        assert (row.fate, row.tries, row.reason) == ("queued", tries, "Transient")
        longest = min(2 ** (tries - 1), 300) * 1_000_000
        pause = row.next_at - now(post)
        assert longest / 2 <= pause <= longest
        post.town.clock.move(timedelta(microseconds=pause))
    await post.settle()
    assert (post.row("a0").fate, post.row("a0").tries) == ("dead", 12)
    assert post.platform.texts == ["a1"]


def now(post: Post) -> int:
    """The time in microseconds, as the table has it."""
    return int(post.town.clock().timestamp()) * 1_000_000 + post.town.clock().microsecond


@pytest.mark.parametrize("fault", [Permanent("no"), Forbidden("no")])
async def test_what_will_never_work_is_not_tried_again(post: Post, fault: DeliveryError) -> None:
    """A letter that the platform will never take is dead after one try, and the next in its lane goes on."""
    post.platform.faults["a0"] = [fault]
    post.queue(letter("alice", "a0"), letter("alice", "a1"))
    await post.settle()
    row = post.row("a0")
    assert (row.fate, row.tries, row.reason) == ("dead", 1, type(fault).__name__)
    assert post.platform.texts == ["a1"]


async def test_an_adapters_bug_stops_no_other_lane(post: Post) -> None:
    """Any other exception of an adapter counts as Transient; its text is not logged, for it may hold anything."""
    post.platform.faults["a0"] = [ZeroDivisionError("482915")]
    post.queue(letter("alice", "a0"), letter("bob", "b0"))
    with capture_logs() as logs:
        await post.settle()
    assert post.platform.texts == ["b0"]
    assert (post.row("a0").fate, post.row("a0").reason) == ("queued", "Transient")
    assert "ZeroDivisionError" in str(logs)
    assert "482915" not in str(logs)


def in_public(text: str) -> Outbound:
    """What may be said to everybody."""
    return Outbound(id="", adapter=ADAPTER, tenant=TENANT, visibility=Visibility.PUBLIC, chat="group", text=text)


async def test_who_cannot_be_reached_is_called_in_public(post: Post) -> None:
    """An unreachable person is asked in the chat to open a private one; what was private never appears there."""
    post.platform.faults["you have 12,00"] = [Unreachable("blocked")]
    post.queue(letter("alice", "you have 12,00", fallback=in_public("@alice, open a chat")))
    await post.settle()
    (said,) = post.platform.sent
    assert (said.visibility, said.chat, said.to, said.text) == (Visibility.PUBLIC, "group", None, "@alice, open a chat")
    row = post.row("you have 12,00")
    assert (row.fate, row.reason, row.tries) == ("unreachable", "Unreachable", 1)
    assert [r.fate for r in post.town.rows("select fate from outbound order by seq")] == ["unreachable", "sent"]


async def test_without_a_fallback_nothing_is_said_in_public(post: Post) -> None:
    """A private letter without a fallback is said nowhere else, also when its public one fails in turn."""
    post.platform.faults = {
        "a0": [Unreachable("blocked")],
        "b0": [Unreachable("blocked")],
        "open a chat": [Unreachable("gone")],
    }
    post.queue(letter("alice", "a0"), letter("bob", "b0", fallback=in_public("open a chat")))
    await post.settle()
    await post.settle()
    assert post.platform.sent == []
    assert {r.fate for r in post.town.rows("select fate from outbound")} == {"unreachable"}


async def test_needless_edits_are_not_sent(post: Post) -> None:
    """Of several letters that take the place of one message only the last is sent; other places are not concerned."""
    post.queue(
        letter("alice", "●", replaces="alice:7"),
        letter("alice", "other", replaces="alice:8"),
        letter("alice", "●●", replaces="alice:7"),
        letter("alice", "news"),
        letter("alice", "●●●", replaces="alice:7"),
        letter("bob", "◐", replaces="alice:7"),
    )
    await post.settle()
    assert sorted(post.platform.texts) == sorted(["other", "news", "●●●", "◐"])
    assert [t for t in post.platform.texts if t != "◐"] == ["other", "news", "●●●"]
    fates = [r.fate for r in post.town.rows("select fate from outbound order by seq")]
    assert fates == ["superseded", "sent", "superseded", "sent", "sent", "sent"]


async def test_a_letter_takes_the_place_of_the_one_it_replaces(post: Post) -> None:
    """A letter that replaces another of ours is given the reference under which that one was delivered."""
    prompt = letter("alice", "PIN?")
    post.queue(prompt)
    await post.settle()
    post.queue(letter("alice", "done", replaces_letter=prompt.outbound.id))
    await post.settle()
    assert [(o.text, o.replaces) for o in post.platform.sent] == [("PIN?", None), ("done", "alice:1")]
    assert post.row("done").receipt == "alice:2"


async def test_a_prompt_and_its_end_may_be_queued_together(post: Post) -> None:
    """The reference is looked up when the letter is sent, so both may be written before either was delivered."""
    prompt = letter("alice", "PIN?")
    post.queue(prompt, letter("alice", "done", replaces_letter=prompt.outbound.id))
    await post.settle()
    assert [(o.text, o.replaces) for o in post.platform.sent] == [("PIN?", None), ("done", "alice:1")]


async def test_what_replaces_a_letter_that_never_arrived_is_sent_as_new(post: Post) -> None:
    """Where the message to be replaced was not delivered its replacement is a new message."""
    prompt = letter("alice", "PIN?")
    post.platform.faults["PIN?"] = [Permanent("no")]
    post.queue(prompt, letter("alice", "done", replaces_letter=prompt.outbound.id))
    await post.settle()
    assert [(o.text, o.replaces) for o in post.platform.sent] == [("done", None)]


async def test_a_letter_whose_delivery_was_not_recorded_is_sent_again(post: Post) -> None:
    """A process that dies between sending and recording sends again after its restart: at least once, same id."""
    post.queue(letter("alice", "a0"), letter("alice", "a1"))
    sent = asyncio.Event()

    async def dies(_: Delivery) -> None:
        sent.set()
        await asyncio.Event().wait()

    process = asyncio.create_task(post.dispatcher(dies).run())
    await asyncio.wait_for(sent.wait(), FAST)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.gather(process, return_exceptions=True)
    assert post.platform.texts == ["a0"]
    await post.settle()
    assert post.platform.texts == ["a0", "a0", "a1"]
    assert post.platform.sent[0].id == post.platform.sent[1].id


async def test_when_the_database_is_away_the_outbox_goes_on_later(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage fault while recording ends neither the dispatcher nor the letter."""
    monkeypatch.setattr("botpay.outbox.dispatcher._LOOK_AGAIN_SECONDS", 0.01)
    away = [StorageUnavailable("locked")] * 2

    async def submit(delivery: Delivery) -> object:
        if away:
            raise away.pop()
        return await post.submit(delivery)

    post.queue(letter("alice", "a0"), letter("alice", "a1"))
    async with running(post.dispatcher(submit)):
        await until(lambda: post.row("a1").fate == "sent")
    assert post.platform.texts == ["a0", "a0", "a0", "a1"]


async def test_a_letter_that_is_being_sent_is_not_read_as_waiting(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter whose delivery is recorded while the outbox is being read is not sent a second time."""
    post.platform.held["alice"] = asyncio.Event()
    post.queue(letter("alice", "a0"), letter("bob", "b0"))
    loop = asyncio.get_running_loop()
    real, reads = load_queued, 0

    def slow(*args: Any) -> Any:
        """The second reading finds a0 under way, and takes until its delivery is recorded."""
        nonlocal reads
        reads += 1
        found = real(*args)
        if reads == 2:
            loop.call_soon_threadsafe(post.platform.held["alice"].set)
            recorded = asyncio.run_coroutine_threadsafe(until(lambda: post.row("a0").fate == "sent"), loop)
            recorded.result(FAST)
        return found

    monkeypatch.setattr("botpay.outbox.dispatcher.load_queued", slow)
    async with running(post.dispatcher()):
        await until(lambda: reads >= 3)
    assert sorted(post.platform.texts) == ["a0", "b0"]


async def test_letters_of_another_process_stay(post: Post) -> None:
    """Letters for an adapter that does not run here are left for the process in which it does."""
    post.queue(letter("alice", "a0"))
    async with running(post.dispatcher(elsewhere=Platform())):
        pass
    assert post.row("a0").fate == "queued"
    await post.settle()
    assert post.platform.texts == ["a0"]


async def test_a_letter_comes_out_as_it_was_put_in(post: Post) -> None:
    """Everything that an adapter needs survives the table: keys, buttons, references, and any character."""
    pad = Keypad("Code", "Enter", ((Button("1", "t1"), Button("⌫", None)), (Button("0", "t0"),)), "●○", "t2")
    outbound = replace(
        letter("alice", "a0").outbound,
        text='é "quoted" \\ \0 \ud800 🍕',
        chat="group",
        keypad=pad,
        buttons=((Button("Open"),),),
        replaces="alice:1",
        deletes="alice:2",
    )
    before = Letter(outbound=outbound, replaces_letter=outbound.id, fallback=in_public("hello"))
    post.queue(before)
    with post.town.database.read() as connection:
        (queued,) = load_queued(connection, KEYRING, [ADAPTER], post.town.clock(), 10)
    assert queued.letter == before
    await post.settle()
    assert post.platform.sent == [outbound]


async def test_a_delivery_is_recorded_once(post: Post) -> None:
    """What happened to a letter that is over is not written a second time."""
    post.queue(letter("alice", "a0"))
    id_ = letter("alice", "a0").outbound.id
    await post.submit(Delivery(letter_id=id_, fate=Fate.SENT, receipt="alice:1"))
    await post.submit(Delivery(letter_id=id_, fate=Fate.DEAD, reason="Permanent"))
    row = post.row("a0")
    assert (row.fate, row.receipt, row.tries, row.reason) == ("sent", "alice:1", 1, None)


async def test_stop_waits_for_letters_under_way(post: Post) -> None:
    """A letter that is being sent at the stop is sent and recorded; those behind it wait for the next start."""
    post.platform.held["alice"] = asyncio.Event()
    post.queue(letter("alice", "a0"), letter("alice", "a1"))
    dispatcher = post.dispatcher()
    process = asyncio.create_task(dispatcher.run())
    await until(lambda: post.platform.at_once.get("alice"))
    dispatcher.stop()
    post.platform.held["alice"].set()
    await asyncio.wait_for(process, FAST)
    assert (post.row("a0").fate, post.row("a1").fate) == ("sent", "queued")
    await post.settle()
    assert post.platform.texts == ["a0", "a1"]
