"""What a payment costs, beside a yardstick in the same run: ratios hold where a machine's speed does not."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from botpay.adapters.console import ConsoleAdapter
from botpay.app import Application
from botpay.clock import system_clock
from botpay.config import Keys
from botpay.message import Outbound, SecretText
from botpay.money import Money
from botpay.testing.play import embedded
from botpay.testing.yardsticks import BareSqlite

_ROUNDS = 3
_YARDSTICK_SECONDS = 1
_PIN = "482915"


def roundtrip(people: int, payments: int) -> dict[str, Any]:
    """People pay each other through the core on SQLite: message, prompt, PIN, both told; several at once.

    The slow hash is left out, named so in the figures: it would bound everything at tens of payments a second. The
    yardstick is a bare sqlite3 loop that makes the same ledger rows durable, one transaction for the reserve and one
    for the post, on the same settings (WAL, synchronous=FULL). The two are run in turn.
    """
    ours, bare = [], []
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory(prefix="botpay-") as folder:
            bare.append(BareSqlite(Path(folder) / "bare.sqlite").per_second(_YARDSTICK_SECONDS))
        ours.append(asyncio.run(_through_the_core(people, payments)))
    ratios = [o / b for (o, _), b in zip(ours, bare, strict=True)]
    latencies = sorted(latency for _, found in ours for latency in found)
    return {
        "yardstick": {"name": BareSqlite.name, "per_second": round(statistics.median(bare), 1)},
        "round_trips_per_second": round(statistics.median(rate for rate, _ in ours), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 2),
        "p99_ms": round(1000 * latencies[len(latencies) * 99 // 100], 2),
        "people": people,
        "payments": payments,
        "pin_hash": "left out",
    }


class _Crowd(ConsoleAdapter):
    """A console that shows nothing: people wait for their prompt, then for the news of their payment."""

    def __init__(self) -> None:
        super().__init__(show=self._answer, clock=system_clock)
        self._waiting: dict[str, asyncio.Future[None]] = {}

    def awaited(self, who: str) -> "asyncio.Future[None]":
        """Done at the next answer to a person who wrote; news for payees, which carry no chat, do not count."""
        self._waiting[who] = asyncio.get_running_loop().create_future()
        return self._waiting[who]

    def _answer(self, outbound: Outbound) -> None:
        if outbound.to and outbound.chat and (waiting := self._waiting.pop(outbound.to, None)):
            waiting.set_result(None)


async def _through_the_core(people: int, payments: int) -> tuple[float, list[float]]:
    """Payments a second, and how long each took from message to news."""
    with tempfile.TemporaryDirectory(prefix="botpay-") as folder:
        settings = embedded(Path(folder) / "bench.sqlite", Keys.fresh())
        crowd = _Crowd()
        application = Application(settings, [crowd], verify=lambda *_: True)
        names = [f"p{number}" for number in range(people)]
        for name in names:
            person = application.enrolment.add_person(name, "en", SecretText(_PIN), [crowd.actor(name)])
            application.enrolment.fund(person.id, Money(payments * 100), "bench")
        await application.start_core()
        await application.start_adapters()
        share = payments // people
        started = time.perf_counter()
        found = await asyncio.gather(
            *(_pays(crowd, who, to, share) for who, to in zip(names, names[1:] + names[:1], strict=True))
        )
        elapsed = time.perf_counter() - started
        await application.settled()
        await application.stop()
    latencies = [latency for of_one in found for latency in of_one]
    return len(latencies) / elapsed, latencies


async def _pays(crowd: _Crowd, who: str, to: str, times: int) -> list[float]:
    latencies = []
    for _ in range(times):
        started = time.perf_counter()
        for private, line in ((False, f"#send 1 euro @{to}"), (True, _PIN)):
            answered = crowd.awaited(who)
            await crowd.say(who, line, private=private)
            await answered
        latencies.append(time.perf_counter() - started)
    return latencies
