"""The whole application on the console: no PIN is left anywhere, and starting and stopping lose nothing."""

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from botpay import handlers
from botpay.app import Application
from botpay.config import Hashing, Keys, Settings
from botpay.confirm.keypad import token
from botpay.errors import ConfigError
from botpay.handlers.world import Decision, Unit, World
from botpay.message import Chat, Inbound, Press, SecretText, Visibility
from botpay.money import Money
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import ALICE, BOB, embedded, on_stage, settle_in
from tests.conftest import DATA_KEY, KEYRING, PINS, Town

FAST = 5.0  # seconds after which something that should have happened did not
CANARIES = (ALICE.pin, BOB.pin)
KEYS = Keys.model_validate({name: digit * 64 for name, digit in (("pepper", "1"), ("audit", "2"), ("data", "3"))})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation in a file."""
    return embedded(tmp_path / "app.sqlite", KEYS)


def on_disk(folder: Path) -> bytes:
    """Every byte that the database has written."""
    files = sorted(folder.glob("*.sqlite*"))
    assert any(path.name.endswith("-wal") for path in files)
    return b"".join(path.read_bytes() for path in files)


async def pay(stage: ConsoleStage, application: Application) -> list[str]:
    """Wrong PINs, a right one, one in public; each person pays. Returns what the bot said."""
    await stage.say("alice", "#envoyer 10 euros @bob")
    await application.settled()
    await stage.say("alice", ALICE.pin)
    await stage.enter_pin("alice", BOB.pin)
    await application.settled()
    await stage.enter_pin("alice", ALICE.pin)
    await application.settled()
    await stage.say("bob", f"#donner 20 euros #eaupourtous pour {ALICE.pin[:3]}")
    await application.settled()
    await stage.enter_pin("bob", BOB.pin)
    await application.settled()
    await stage.enter_pin("bob", ALICE.pin)  # nothing waits any more
    await application.settled()
    return [line.text for line in stage.take_lines()]


async def test_no_pin_is_left_anywhere(
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A PIN is in no log at any level, no byte of the database, no sentence, and no repr of what passed through."""
    seen: list[str] = []

    def recorded(world: World, unit: Unit) -> Decision:
        decision = handlers.decide(world, unit)
        seen.extend(map(repr, (unit, decision, world)))
        return decision

    monkeypatch.setattr("botpay.pipeline.decide", recorded)
    monkeypatch.setattr("secrets.randbits", random.Random(1).getrandbits)  # noqa: S311 - no digits by chance in an id
    caplog.set_level(logging.DEBUG)
    clock = FixedClock()
    stage = ConsoleStage(clock)
    with capture_logs() as logs:
        async with on_stage(settings, stage, clock) as application:
            settle_in(application, stage)
            said = await pay(stage, application)
            kept = on_disk(tmp_path)
    assert sum("C’est fait" in text or "Merci" in text for text in said) == 2, "both have paid"
    for name in ("Inbound(", "<Outbound", "Challenge(", "PinCheck(", "PinVerdict(", "Pin("):
        assert name in "".join(seen)
    shown = {
        "logs": f"{logs}{caplog.text}",
        "output": "".join(capfd.readouterr()),
        "said": str(said),
        "reprs": str(seen),
    }
    for place, text in shown.items():
        for pin in CANARIES:
            assert pin not in text, place
        for key in (KEYS.pepper, KEYS.audit, KEYS.data):
            assert key.get_secret_value() not in text, place
    for pin in CANARIES:
        assert pin.encode() not in kept
    assert b"Alice Durand" in kept, "what is written can be found"


def test_digits_entered_so_far_cannot_be_read(town: Town) -> None:
    """What was entered on a keypad is sealed while it waits for the last digit, and gone with it."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    ((raw,),) = town.rows("select transfer_id from challenges")
    transfer = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
    entered = PINS["alice"]
    for number, digit in enumerate(entered, start=1):
        tap = replace(
            town.says("alice", ""),
            press=Press(token(DATA_KEY, transfer, digit)),
            chat=Chat("alice", Visibility.PRIVATE),
        )
        result = town.do(tap)
        ((entry,),) = town.rows("select entry from challenges")
        if number < len(entered):
            assert KEYRING.unseal(f"challenges|{transfer}|entry", entry) == entered[:number]
            assert number < 3 or entered[:number].encode() not in entry  # two digits stand in any bytes now and then
    assert (result.outcome, entry, len(result.checks)) == ("pin_tried", None, 1)
    assert town.do(town.verdict(result.checks[0])).outcome == "posted"


class Slow:
    """A check of PINs that is held up until it is let go; every PIN is right."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, *_: object) -> bool:
        """Wait, then agree."""
        assert self.go_on.wait(FAST)
        return True


@asynccontextmanager
async def settled_town(
    settings: Settings, verify: Any = None
) -> AsyncIterator[tuple[Application, ConsoleStage, FixedClock]]:
    """An application with Alice and Bob on the console."""
    clock = FixedClock()
    stage = ConsoleStage(clock)
    application = Application(settings, [stage.adapter], clock, verify=verify)
    settle_in(application, stage)
    await application.start_core()
    await application.start_adapters()
    try:
        yield application, stage, clock
    finally:
        await application.stop()


async def test_beyond_what_can_be_checked_no_try_is_counted(settings: Settings) -> None:
    """While too many PINs wait for their check, one more is neither counted nor read: its sender is told, all else goes
    on, and the same PIN pays once there is room."""
    slow = Slow()
    narrow = settings.model_copy(update={"hashing": Hashing(workers=1, waiting=1)})
    async with settled_town(narrow, slow) as (application, stage, _):
        carol = application.enrolment.add_person("Carol", "fr", SecretText(PINS["carol"]), [stage.actor("carol")])
        application.enrolment.fund(carol.id, Money(300_00), "gift")
        for who, payee in (("alice", "bob"), ("bob", "alice"), ("carol", "bob")):
            await stage.say(who, f"#envoyer 1 euro @{payee}")
        for who in ("alice", "bob"):
            await stage.enter_pin(who, PINS[who])
        await asyncio.sleep(0)  # both checks begin
        await stage.enter_pin("carol", PINS["carol"])
        await stage.say("carol", "#solde", private=True)
        slow.go_on.set()
        await application.settled()
        told = [line.text for line in stage.take_lines() if line.to == "carol"]
        assert [text.split()[0] for text in told] == ["Envoyer", "Trop", "Vous"], "asked, too many, the balance"
        assert "ni lu ni compté" in told[1]
        await stage.enter_pin("carol", PINS["carol"])
        await application.settled()
        with application.database.read() as connection:
            tries = connection.exec_driver_sql("select sum(tries), sum(state = 'passed') from challenges").one()
    assert tuple(tries) == (3, 3)


async def test_the_same_message_many_times_at_once_has_one_effect(settings: Settings) -> None:
    """Deliveries of one message that come at the same time are one payment, and each is acknowledged."""
    async with settled_town(settings, lambda *_: True) as (application, stage, clock):
        message = Inbound(
            adapter="console",
            tenant="local",
            event_id="one",
            chat=Chat("group", Visibility.PUBLIC),
            author=stage.actor("alice"),
            said_at=clock(),
            text=SecretText("#envoyer 10 euros @bob"),
        )
        await asyncio.gather(*(application.receive(replace(message)) for _ in range(20)))
        await application.settled()
        assert [line.to for line in stage.take_lines()] == ["alice"]
        with application.database.read() as connection:
            assert connection.exec_driver_sql("select count(*) from challenges").scalar() == 1


async def test_stop_waits_for_pins_that_are_being_checked(settings: Settings) -> None:
    """A PIN that was entered before the stop still decides: its verdict is committed before the process ends."""
    slow = Slow()
    async with settled_town(settings, slow) as (application, stage, _):
        await stage.say("alice", "#envoyer 10 euros @bob")
        await stage.enter_pin("alice", PINS["alice"])
        stopping = asyncio.create_task(application.stop())
        done, _ = await asyncio.wait([stopping], timeout=0.1)  # as far as it comes while the check is under way
        assert not done
        slow.go_on.set()
        await asyncio.wait_for(stopping, FAST)
        with application.database.read() as connection:
            assert connection.exec_driver_sql("select state from challenges").scalar() == "passed"


async def test_what_waited_at_the_stop_is_said_after_the_start(settings: Settings) -> None:
    """News that were committed but not delivered when the process ended are delivered by the next one."""
    async with settled_town(settings, lambda *_: True) as (application, stage, _):
        await stage.say("alice", "#envoyer 10 euros @bob")
        await application.settled()
        application._outbox.stop()
        await asyncio.wait_for(application._tasks[0], FAST)
        await stage.enter_pin("alice", PINS["alice"])
        await asyncio.gather(*application._checks)
        assert len(stage.take_lines()) == 1
    clock = FixedClock()
    later = ConsoleStage(clock)
    async with on_stage(settings, later, clock) as application:
        await application.settled()
        assert sorted(str(line.to) for line in later.take_lines()) == ["alice", "bob"]


async def test_time_runs_out_by_itself(settings: Settings) -> None:
    """A sweep gives the money of unanswered questions back and tells their senders, and does so once."""
    async with settled_town(settings, lambda *_: True) as (application, stage, clock):
        await stage.say("alice", "#envoyer 10 euros @bob")
        await application.settled()
        stage.take_lines()
        clock.move(settings.confirm_within - timedelta(microseconds=1))
        await application.sweep()
        await application.settled()
        assert stage.take_lines() == []
        clock.move(timedelta(microseconds=1))
        for _ in range(2):
            await application.sweep()
            await application.settled()
        (line,) = stage.take_lines()
        assert line.text.startswith("Trop tard")


async def test_an_application_does_not_start_on_another_schema(tmp_path: Path) -> None:
    """Without its schema an application does not start; the refusal says what to run."""
    clock = FixedClock()
    stage = ConsoleStage(clock)
    application = Application(
        Settings(database=f"sqlite:///{tmp_path / 'x.sqlite'}", keys=KEYS), [stage.adapter], clock
    )
    with pytest.raises(ConfigError, match="botpay upgrade"):
        await application.start_core()
    await application.stop()
