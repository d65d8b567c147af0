"""Dialogues by their buttons: each question takes the place of the one that was answered."""

from pathlib import Path

from botpay.config import Keys
from botpay.testing.chat import plain
from botpay.testing.clocks import FixedClock
from botpay.testing.play import embedded, on_stage, settle_in
from botpay.testing.slack import SlackStage
from botpay.testing.telegram import TelegramStage

PIN = "571946"


async def test_on_telegram_an_account_is_opened_in_one_message_by_taps_alone_but_for_the_name(tmp_path: Path) -> None:
    """Choices and keys stand under the question; what was tapped is replaced by what comes next."""
    stage, clock = TelegramStage(mode="polling"), FixedClock()
    async with on_stage(embedded(tmp_path / "chat.sqlite", Keys.fresh()), stage, clock) as application:
        settle_in(application, stage)
        carol = stage.user("carol")
        await stage.say("carol", "bonjour", private=True)
        await application.settled()
        await stage.press("carol", "Français")
        await application.settled()
        assert [plain(m.text)[:12] for m in carol.sees() if m.is_bots] == ["Comment vous"]
        await stage.say("carol", "Carol Petit", private=True)
        await application.settled()
        for _ in range(2):
            for digit in PIN:
                await stage.press("carol", digit)
            await application.settled()
        told = [plain(message.text) for message in carol.sees() if message.is_bots]
        assert [text.splitlines()[0][:12] for text in told] == ["Comment vous", "Bienvenue, C"]
        assert not any(message.labels() for message in carol.sees())


async def test_on_slack_choices_are_buttons_and_a_pin_is_chosen_in_a_window(tmp_path: Path) -> None:
    """Both PINs are entered in one window, which ends with the welcome; so does the message behind it."""
    stage, clock = SlackStage(mode="http"), FixedClock()
    async with on_stage(embedded(tmp_path / "chat.sqlite", Keys.fresh()), stage, clock) as application:
        settle_in(application, stage)
        carol = stage.fake.user("carol")
        await stage.say("carol", "bonjour", private=True)
        await application.settled()
        (question,) = [m for m in stage.fake.world.seen_by(carol.id, carol.direct) if "Français" in str(m.blocks)]
        await carol.press(question, "English")
        await stage.fake.settled()
        await application.settled()
        await stage.say("carol", "Carol Petit", private=True)
        await application.settled()
        for _ in range(2):
            await stage.enter_pin("carol", PIN)
            await stage.fake.settled()
            await application.settled()
        assert carol.modal is not None
        assert "Welcome, Carol Petit" in str(carol.modal.blocks)
        assert "Welcome, Carol Petit" in carol.sees()[-1]
