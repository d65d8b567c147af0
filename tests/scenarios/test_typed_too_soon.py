"""A PIN answers the question that was shown when it was typed, and no other."""

from datetime import timedelta
from pathlib import Path

from botpay.config import Keys
from botpay.message import Chat, Inbound, SecretText, Visibility
from botpay.testing.chat import plain
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import ALICE, embedded, on_stage, settle_in


async def test_a_pin_typed_twice_out_of_impatience_pays_one_payment(tmp_path: Path) -> None:
    """The second PIN, typed before the other payment was asked for again, moves nothing; typed after it, it pays."""
    clock = FixedClock()
    stage = ConsoleStage(clock)
    async with on_stage(embedded(tmp_path / "chat.sqlite", Keys.fresh()), stage, clock) as application:
        settle_in(application, stage)
        for amount in (10, 20):
            await stage.say("alice", f"#envoyer {amount} euros @bob")
        typed_at = clock()
        clock.move(timedelta(seconds=1))
        await stage.enter_pin("alice", ALICE.pin)
        await application.settled()
        stage.take_lines()
        again = Inbound(
            adapter="console",
            tenant="local",
            event_id="impatient",
            chat=Chat("alice", Visibility.PRIVATE),
            author=stage.actor("alice"),
            said_at=typed_at,
            text=SecretText(ALICE.pin),
        )
        await application.receive(again)
        await application.settled()
        assert [plain(line.text).splitlines()[0] for line in stage.take_lines()] == [
            "Envoyer 10,00 € à Bob Martin (@bob) ?"
        ]
        await stage.enter_pin("alice", ALICE.pin)
        await application.settled()
        assert plain(stage.take_lines()[0].text).startswith("C’est fait : 10,00 € envoyés")
