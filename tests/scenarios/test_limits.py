"""Limits over time, as people are told of them."""

from decimal import Decimal
from pathlib import Path

from botpay.config import Keys, Limits
from botpay.testing.chat import by_person, expected_after, read_script
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import embedded, on_stage, play, settle_in

SCRIPT = Path(__file__).parent / "limits" / "day.chat"


async def test_everybody_is_told_which_limit_and_what_is_left(tmp_path: Path) -> None:
    """With limits in the settings, each person reads just the lines of the transcript."""
    clock = FixedClock()
    stage = ConsoleStage(clock)
    limits = Limits(per_day=Decimal("100.00"), per_week=Decimal("150.00"))
    settings = embedded(tmp_path / "chat.sqlite", Keys.fresh()).model_copy(update={"limits": limits})
    steps = read_script(SCRIPT.read_text(encoding="utf-8").splitlines())
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage)
        async for index, action, lines in play(application, stage, clock, steps):
            expected = expected_after(steps, index, stage.adapter.name)
            assert by_person(lines) == by_person(expected), f"after line {index + 1}: {action}"
