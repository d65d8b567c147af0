"""The ways to enter a PIN that an operator can allow: keys in another order, and typing where it is not the rule."""

from pathlib import Path

import pytest

from botpay.config import Confirmation, Keys, Web
from botpay.testing.clocks import FixedClock
from botpay.testing.play import ALICE, BOB, embedded, on_stage, settle_in
from botpay.testing.slack.stage import SlackStage
from botpay.testing.stage import Stage
from botpay.testing.telegram.stage import TelegramStage

PAY = "#envoyer 10 € @bob"


@pytest.mark.parametrize("kind", [TelegramStage, SlackStage])
async def test_shuffled_keys_pay(tmp_path: Path, kind: type[Stage]) -> None:
    """On keys in another order people enter the same PIN, and pay."""
    settings = embedded(tmp_path / "ways.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"confirmation": Confirmation(shuffled_keypad=True)})
    stage = kind()
    async with on_stage(settings, stage, FixedClock()) as application:
        settle_in(application, stage)
        await stage.say("alice", PAY)
        await application.settled()
        await stage.enter_pin("alice", ALICE.pin)
        await application.settled()
        assert "C’est fait" in stage.take_lines()[-2].text


async def test_a_typed_pin_is_deleted_where_it_can_be(tmp_path: Path) -> None:
    """Where the operator lets people type their PIN, it is taken, and gone from the chat, right or wrong."""
    settings = embedded(tmp_path / "ways.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"confirmation": Confirmation(typed_pin=True)})
    stage = TelegramStage()
    async with on_stage(settings, stage, FixedClock()) as application:
        settle_in(application, stage)
        await stage.say("alice", PAY)
        for pin in (BOB.pin, ALICE.pin):
            await stage.say("alice", pin, private=True)
            await application.settled()
            assert pin not in [message.text for message in stage.user("alice").sees()]
        assert "C’est fait" in stage.user("alice").sees()[-1].text


@pytest.mark.parametrize("kind", [TelegramStage, SlackStage])
async def test_the_page_comes_first_and_the_keys_stay(tmp_path: Path, kind: type[Stage]) -> None:
    """With pages, the prompt offers its page first; who taps the platform's keys instead pays as before."""
    settings = embedded(tmp_path / "ways.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"web": Web(port=0, public_url="https://pay.example.org")})
    stage = kind()
    async with on_stage(settings, stage, FixedClock()) as application:
        settle_in(application, stage)
        await stage.say("alice", PAY)
        await application.settled()
        await stage.enter_pin("alice", ALICE.pin)
        await application.settled()
        assert "C’est fait" in stage.take_lines()[-2].text
