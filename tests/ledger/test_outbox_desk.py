"""The operator's side of the outbox: dead letters are seen, sent again where that still makes sense, or dropped."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from botpay.audit import chain
from botpay.errors import ConfigError, Permanent
from botpay.handlers.world import Deadline
from botpay.outbox.model import Delivery, Fate
from botpay.outbox.store import load_queued
from botpay.outbox_desk import Entry, OutboxDesk
from botpay.register import Register
from botpay.rotation import Rotation
from tests.conftest import ADAPTER, AUDIT_KEY, KEYRING, Town
from tests.ledger.books import printed, run
from tests.unit.test_dispatcher import Post, letter

WORDS = "you have 12,00"
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(params=["sqlite", "postgresql"])
def post(request: pytest.FixtureRequest) -> Post:
    """An empty outbox, on either database."""
    town: Town = request.getfixturevalue("town" if request.param == "sqlite" else "city")
    return Post(town)


def desk(town: Town) -> OutboxDesk:
    """The desk of a town."""
    return OutboxDesk(database=town.database, clock=town.clock, keyring=KEYRING, audit_key=AUDIT_KEY)


async def dies(post: Post, *texts: str, **rest: str) -> list[Entry]:
    """Letters to Alice that the platform never takes."""
    for text in texts:
        post.platform.faults[text] = [Permanent("no")]
        post.queue(letter("alice", text, **rest))
    await post.settle()
    return desk(post.town).entries(Fate.DEAD)


def waiting(town: Town) -> list[str]:
    """What the outbox would say next, in order."""
    with town.database.read() as connection:
        queued = load_queued(connection, KEYRING, [ADAPTER], town.clock(), 99)
    return [q.letter.outbound.text for q in queued if q.letter]


def is_told(town: Town, *events: tuple[str, str]) -> bool:
    """Whether the audit's newest link tells just this of some letters."""
    ((body,),) = town.rows("select body from audit order by seq desc limit 1")
    return bool(body == chain.body([(f"letter:{id_}", outcome) for id_, outcome in events], [], AUDIT_KEY))


async def test_a_dead_letter_is_seen_without_its_words(post: Post) -> None:
    """The operator sees where it was to go, the kind of the error and how long ago; no words, nobody's address."""
    (dead,) = await dies(post, WORDS)
    post.town.clock.move(timedelta(hours=2))
    (seen,) = desk(post.town).entries(adapter=ADAPTER, error="Permanent")
    assert (seen.id, seen.kind, seen.fate, seen.tries, seen.error) == (dead.id, "person", Fate.DEAD, 1, "Permanent")
    assert seen.age == timedelta(hours=2)
    assert not any(word in repr(seen) for word in ("alice", WORDS))
    assert desk(post.town).entries(Fate.QUEUED) == desk(post.town).entries(adapter="slack") == []


async def test_it_goes_behind_what_waits_for_the_same_person(post: Post) -> None:
    """Dead letters come back in their own order at the end of their lane, with all tries before them, in the audit."""
    dead = await dies(post, "first", "second")
    post.queue(letter("alice", "third"))
    done = desk(post.town).retry_all()
    assert done.queued == tuple(entry.id for entry in dead)
    assert is_told(post.town, *((entry.id, "retried") for entry in dead))
    assert waiting(post.town) == ["third", "first", "second"]
    assert {entry.tries for entry in desk(post.town).entries()} == {0}
    await post.settle()
    assert post.platform.texts == ["third", "first", "second"]
    assert desk(post.town).entries() == []
    assert post.town.problems() == []


async def test_all_of_one_adapter(post: Post) -> None:
    """With an adapter named, those of others stay dead; without anything to do nothing is written."""
    await dies(post, WORDS)
    before = post.town.rows("select count(*) from audit")
    assert desk(post.town).retry_all("slack").queued == ()
    assert post.town.rows("select count(*) from audit") == before
    assert len(desk(post.town).retry_all(ADAPTER).queued) == 1


@pytest.mark.parametrize("named", ["replaces", "replaces_letter"])
async def test_what_a_later_letter_replaced_is_not_sent(post: Post, named: str) -> None:
    """An older state of a message is not put over a newer one, whether that was sent or is dead too."""
    place = "m1" if named == "replaces" else NOBODY
    await dies(post, "1 try", **{named: place})
    post.queue(letter("alice", "paid", **{named: place}))
    await post.settle()
    done = desk(post.town).retry_all()
    assert (len(done.queued), len(done.superseded)) == (0, 1)
    assert is_told(post.town, (done.superseded[0], "superseded"))
    assert post.town.rows("select fate from outbound order by seq") == [("superseded",), ("sent",)]


async def test_of_two_dead_states_of_a_message_the_newer_is_sent(post: Post) -> None:
    """Sent again together, the older one is superseded."""
    await dies(post, "1 try")
    await dies(post, "paid", replaces_letter=desk(post.town).entries()[0].id)
    assert len(desk(post.town).retry_all().superseded) == 1
    await post.settle()
    assert post.platform.texts == ["paid"]


def asks(town: Town, text: str = "#send 10 euros @bob") -> str:
    """Alice is asked for her PIN, and the prompt cannot be delivered; its id."""
    town.do(town.says("alice", text, private=True))
    ((prompt,),) = town.rows("select prompt_id from challenges order by created_at desc limit 1")
    town.do(Delivery(letter_id=prompt, fate=Fate.DEAD, next_at=town.clock() + timedelta(days=30), reason="Permanent"))
    return str(prompt)


def test_a_prompt_whose_payment_waits_is_sent_again(post: Post) -> None:
    """While the payment can still be confirmed, its question can be asked again."""
    prompt = asks(post.town)
    assert desk(post.town).retry(prompt).queued == tuple(entry.id for entry in desk(post.town).entries())
    assert any("Bob" in text for text in waiting(post.town))


@pytest.mark.parametrize("ended", ["cancelled", "time is up", "not swept yet"])
def test_a_prompt_whose_payment_is_over_is_not(post: Post, ended: str) -> None:
    """Nobody is asked to confirm what was called off or whose time is over."""
    prompt = asks(post.town)
    if ended == "cancelled":
        post.town.do(post.town.says("alice", "#cancel", private=True))
    else:
        post.town.clock.move(timedelta(hours=1))
    if ended == "time is up":
        ((transfer,),) = post.town.rows("select transfer_id from challenges")
        assert post.town.do(Deadline(transfer_id=str(uuid.UUID(str(transfer))))).outcome == "expired"
    done = desk(post.town).retry(prompt)
    assert (done.queued, len(done.superseded)) == ((), 1)
    assert post.town.problems() == []


def test_what_no_key_opens_stays_as_it_is(post: Post) -> None:
    """Without its key nobody can tell whether a letter is out of date: it stays until the key is back."""
    prompt = asks(post.town)
    blind = replace(desk(post.town), keyring=replace(KEYRING, data=b"n" * 32))
    assert len(blind.retry(prompt).sealed) == 1
    assert [entry.kind for entry in blind.entries(Fate.DEAD)] == [None]
    assert [entry.kind for entry in desk(post.town).entries(Fate.DEAD)] == ["person"]


@pytest.mark.parametrize("dead", [True, False])
async def test_dropping_wipes(post: Post, dead: bool) -> None:
    """A letter that is dropped has no words left, and the audit knows why; it can be dropped once."""
    post.queue(letter("alice", WORDS))
    if dead:
        post.platform.faults[WORDS] = [Permanent("no")]
        await post.settle()
    (entry,) = desk(post.town).entries()
    desk(post.town).drop(entry.id, "asked for")
    assert post.town.rows("select fate, body from outbound") == [("dropped", None)]
    assert is_told(post.town, (entry.id, "dropped: asked for"))
    for again in (desk(post.town).retry, lambda id_: desk(post.town).drop(id_, "x")):
        with pytest.raises(ConfigError, match="letter of this id"):
            again(entry.id)
    assert post.town.problems() == []


def test_who_is_forgotten_is_not_written_to(post: Post) -> None:
    """What could not be delivered to somebody goes with them: no words of theirs are left to be sent again."""
    carol = post.town.people["carol"].id
    post.queue(letter("carol", WORDS))
    (entry,) = desk(post.town).entries()
    post.town.do(Delivery(letter_id=entry.id, fate=Fate.DEAD, next_at=post.town.clock() + timedelta(days=30)))
    post.town.clock.move(timedelta(seconds=1))
    post.town.pays("carol", "#send 200 euros @bob")
    post.town.pays("carol", "#send 100 euros @bob")
    register = Register(
        database=post.town.database,
        clock=post.town.clock,
        audit_key=AUDIT_KEY,
        keyring=KEYRING,
        approves=False,
        language="en",
    )
    register.forget(carol, "asked by letter")
    assert desk(post.town).entries(Fate.DEAD) == []


def test_a_new_key_seals_what_is_dead_too(post: Post) -> None:
    """After a change of keys a dead letter is sent again with the new key alone."""
    new = replace(KEYRING, data=b"n" * 32, old=(KEYRING.data,))
    prompt = asks(post.town)
    Rotation(database=post.town.database, clock=post.town.clock, keyring=new, audit_key=AUDIT_KEY).run()
    assert len(replace(desk(post.town), keyring=replace(new, old=())).retry(prompt).queued) == 1


def test_what_is_typed_and_what_is_told(town: Town) -> None:
    """From the list to the last letter by the command line alone."""
    dropped, kept = asks(town), asks(town, "#send 2 euros @bob")
    table = printed(town, "outbox", "list", "--fate", "dead")
    assert "person " in table
    assert not any(word in table.lower() for word in ("alice", "bob", "euro"))
    (first, second) = map(json.loads, printed(town, "outbox", "list", "--fate", "dead", "--json").splitlines())
    assert (first["error"], first["kind"], first["to"]) == ("Permanent", "person", second["to"])
    assert printed(town, "outbox", "drop", first["id"], "--reason", "a test") == "dropped\n"
    assert "1 superseded: something later" in printed(
        town, "outbox", "retry", second["id"]
    )  # the clock of 2026 is past
    assert {dropped, kept} == {first["id"].replace("-", ""), second["id"].replace("-", "")}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["retry"], "name either one letter, or --all"),
        (["retry", NOBODY, "--all"], "name either one letter, or --all"),
        (["retry", NOBODY, "--adapter", "slack"], "name either one letter, or --all"),
        (["retry", NOBODY], "there is no dead letter of this id"),
        (["retry", "x"], "'x' is no letter's id"),
        (["drop", NOBODY, "--reason", "x"], "there is no letter of this id"),
        (["drop", NOBODY, "--reason", " "], "it needs a reason"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(town: Town, words: list[str], says: str) -> None:
    """What is not there, or not clear, is told, and changes nothing."""
    assert says in str(run(town, "outbox", *words).exception)
