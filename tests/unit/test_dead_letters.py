"""Dead letters: what a fault of ours kept from being handled is kept sealed, its author told, and not done again."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from botpay.confirm.checker import PinVerdict
from botpay.dead_letters import DeadLetters
from botpay.errors import LedgerFault, StorageUnavailable
from botpay.handlers.world import Deadline, Event
from botpay.message import Press, Visibility
from botpay.pipeline import Result
from tests.conftest import KEYRING, Town, actor


def keep(town: Town, event: Event) -> Result:
    """Bury an event for a fault of ours, whose text holds what must not be logged."""
    letters = DeadLetters(town.database, town.clock, KEYRING, "en")
    with pytest.raises(LedgerFault, match="482915") as fault:
        KEYRING.unseal("482915", b"")
    return letters.keep(event, fault.value)


def kept(town: Town) -> list[dict[str, Any]]:
    """The payloads that are kept, opened."""
    rows = town.rows("select id, payload from dead_letters order by at")
    ids = [f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i, _ in rows]
    return [
        json.loads(KEYRING.unseal(f"dead_letters|{id_}|payload", payload))
        for id_, (_, payload) in zip(ids, rows, strict=True)
    ]


def test_the_message_is_kept_for_the_operator(town: Town) -> None:
    """What was typed, where and by whom can be opened with the key of the data; the fault is kept by its kind."""
    message = town.says("alice", "#send 10 euros @bob")
    assert keep(town, message).outcome == "dead_letter"
    (payload,) = kept(town)
    assert (payload["text"], payload["source"]) == ("#send 10 euros @bob", message.source)
    assert (payload["chat"], payload["author"], payload["press"]) == ("group", "alice", False)
    assert town.rows("select fault from dead_letters") == [("LedgerFault",)]


def test_the_message_cannot_be_read_in_the_table(town: Town) -> None:
    """Nothing that was typed stands in the database in the clear, nor do texts of exceptions."""
    keep(town, town.says("alice", "482915", private=True))
    ((payload,),) = town.rows("select payload from dead_letters")
    assert b"482915" not in payload
    for (table,) in town.rows("select name from sqlite_master where type = 'table'"):
        assert "482915" not in repr(town.rows(f"select * from {table}"))


def test_the_operator_is_told_without_the_words(town: Town) -> None:
    """The log has id, kind and place of the fault, and nothing of the message or of the exception's text."""
    with capture_logs() as logs:
        keep(town, town.says("alice", "#send 10 euros @bob"))
    (line,) = logs
    assert (line["event"], line["log_level"], line["fault"]) == ("dead_letter", "error", "LedgerFault")
    assert line["at"].startswith("unseal:")
    assert not any(word in str(logs) for word in ("482915", "bob", "alice", "euros"))


def test_the_author_is_told(town: Town) -> None:
    """Whoever wrote is told in private that nothing was sent; in a group the fallback says nothing of it."""
    assert keep(town, town.says("alice", "#send 10 euros @bob")).letters == 1
    (letter,) = town.letters()
    assert (letter.outbound.to, letter.outbound.visibility) == ("alice", Visibility.PRIVATE)
    assert "nothing was sent" in letter.outbound.text
    assert "euros" not in letter.outbound.text
    assert letter.fallback is not None
    assert letter.fallback.chat == "group"
    assert "private" in letter.fallback.text


def test_it_is_not_handled_when_it_comes_again(town: Town) -> None:
    """A message that was buried is marked in the same commit: another delivery of it is a duplicate."""
    message = town.says("alice", "#send 10 euros @bob")
    keep(town, message)
    assert town.rows("select source, outcome from marks") == [(message.source, "dead_letter")]
    assert town.do(message).outcome == "duplicate"
    assert town.counters("alice") == (300_00, 0)


def test_what_has_no_author_tells_nobody(town: Town) -> None:
    """A verdict, a deadline and a message without an author are kept, and nobody is written to."""
    about = town.charity.id
    events: list[Event] = [
        PinVerdict(transfer_id=about, person_id=town.people["alice"].id, number=1, right=True, tried_at=town.clock()),
        Deadline(transfer_id=about),
        replace(town.says("alice", "x"), author=None),
    ]
    for event in events:
        assert keep(town, event).letters == 0
        town.clock.move(timedelta(seconds=1))
    assert town.rows("select * from outbound") == []
    assert [payload.get("event") for payload in kept(town)] == ["PinVerdict", "Deadline", None]
    assert [payload.get("about") for payload in kept(town)] == [about, about, None]


def test_a_tap_is_kept_without_its_token(town: Town) -> None:
    """What stands behind a key is no business of the operator's."""
    keep(town, replace(town.says("alice", ""), press=Press("token-of-a-key")))
    (payload,) = kept(town)
    assert payload["press"] is True
    assert "token-of-a-key" not in repr(payload)


def test_when_it_cannot_be_kept_nothing_of_it_is(town: Town) -> None:
    """If the database does not take it there is no mark either, so that the platform delivers it again."""
    with town.database.write() as connection:
        connection.exec_driver_sql("alter table outbound rename to elsewhere")
    with pytest.raises(StorageUnavailable):
        keep(town, town.says("alice", "x"))
    assert town.rows("select * from marks") == []
    assert town.rows("select * from dead_letters") == []


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "a" * 100_000])
def test_whatever_a_name_holds_it_can_be_kept(town: Town, name: str) -> None:
    """Half a surrogate pair or a zero in somebody's name or text keeps no message from being buried."""
    odd = replace(actor("alice"), handle=None, name=name)
    assert keep(town, replace(town.says("alice", f"x{name}"), author=odd)).outcome == "dead_letter"
    assert kept(town)[0]["text"] == f"x{name}"
