"""What must be in no log, repr or exception: tokens, and what people and the bot write."""

import logging
import traceback
from contextlib import suppress

import pytest

from botpay.errors import Busy, DeliveryError
from botpay.testing.contract.base import ContractBase, Rig, delivered
from botpay.testing.platform import Absent, Trouble

SAID = "canary-words"
WRITTEN = "pizza"  # stands in the recorded payload "public"


class Secrecy(ContractBase):
    """Nothing leaks."""

    async def test_logs(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """With every logger at DEBUG, no secret and no word of a message is logged, whatever fails."""
        caplog.set_level(logging.DEBUG)
        rig.core.faults = [Busy("full")] if rig.adapter.capabilities.redelivers else []
        await self.received(rig, "public")
        await rig.adapter.send(rig.private(SAID))
        for trouble in Trouble:
            await _failure(rig, trouble)
        logging.getLogger("contract").debug("the root logger was at DEBUG")
        assert "the root logger was at DEBUG" in caplog.text
        assert _leaks(rig, caplog.text) == []

    async def test_reprs(self, rig: Rig) -> None:
        """No repr of the adapter, of what it holds or of what it hands over shows a secret or a word."""
        got = await self.received(rig, "public")
        await rig.adapter.send(rig.private(SAID))
        assert _leaks(rig, f"{rig.adapter!r} {getattr(rig.adapter, '__dict__', {})!r} {got!r} {got}") == []

    async def test_exceptions(self, rig: Rig) -> None:
        """No exception, nor what it came from, holds a secret or a word, also where it is printed with its causes."""
        raised = [error for trouble in Trouble if (error := await _failure(rig, trouble)) is not None]
        for error in raised:
            printed = "".join(traceback.format_exception(error))
            assert _leaks(rig, f"{printed} {error!r} {error.args} {error.__cause__!r} {error.__context__!r}") == []

    async def test_words_of_a_refusal(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """Words that the core could not take are not told to a log by way of its exception."""
        caplog.set_level(logging.DEBUG)
        if not rig.adapter.capabilities.redelivers:
            return
        rig.core.faults = [RuntimeError(SAID)]
        await delivered(rig, self.payload("public"))
        assert _leaks(rig, caplog.text) == []


async def _failure(rig: Rig, trouble: Trouble) -> DeliveryError | None:
    with suppress(Absent):
        rig.platform.fail_next(trouble)
        try:
            await rig.adapter.send(rig.private(SAID))
        except DeliveryError as error:
            return error
    return None


def _leaks(rig: Rig, shown: str) -> list[str]:
    return [word for word in (SAID, WRITTEN, *rig.platform.secrets) if word in shown]
