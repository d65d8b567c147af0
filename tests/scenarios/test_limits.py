"""Limits over time, as people are told of them."""

from decimal import Decimal
from pathlib import Path

from botpay.config import Keys, Limits
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import embedded
from botpay.testing.scripted import perform

SCRIPT = Path(__file__).parent / "limits" / "day.chat"


async def test_everybody_is_told_which_limit_and_what_is_left(tmp_path: Path) -> None:
    """With limits in the settings, each person reads just the lines of the transcript."""
    clock = FixedClock()
    stage = ConsoleStage(clock)
    limits = Limits(per_day=Decimal("100.00"), per_week=Decimal("150.00"))
    settings = embedded(tmp_path / "chat.sqlite", Keys.fresh()).model_copy(update={"limits": limits})
    await perform(SCRIPT, stage, settings, clock)
