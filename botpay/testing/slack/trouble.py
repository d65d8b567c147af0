"""Bad days of the fake Slack: calls that fail, before or after they were done, and events that come twice or late."""

import random
from collections import Counter, defaultdict, deque
from dataclasses import dataclass

from botpay.testing.slack.delivery import Delivery

SPARED = frozenset({"apps.connections.open", "auth.teams.list", "auth.test", "oauth.v2.access"})
"""What an app asks while it starts; whether that is tried again is another question."""


@dataclass(frozen=True)
class Failure:
    """A call that is to fail: how, and whether it is done nonetheless.

    Attributes:
        hangs: nobody answers until the caller has hung up.
        drops: the connection ends without an answer.
    """

    error: str
    status: int = 200
    retry_after: int | None = None
    after_effect: bool = False
    hangs: bool = False
    drops: bool = False


KINDS = (
    Failure("ratelimited", 429, retry_after=1),
    Failure("internal_error", 500),
    Failure("service_unavailable", 503),
    Failure("internal_error", 500, after_effect=True),
    Failure("dropped", after_effect=True, drops=True),
)


class Trouble:
    """Which calls fail, as told one by one or at random, the same for the same seed.

    Attributes:
        seen: how often each kind of trouble struck.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._next: defaultdict[str, deque[Failure]] = defaultdict(deque)
        self._share = 0.0
        self._random = random.Random()  # noqa: S311 - trouble, not a secret
        self._held: list[Delivery] = []

    def fail_next(self, method: str, failure: Failure) -> None:
        """Let the next call of a method fail."""
        self._next[method].append(failure)

    def disturb(self, share: float, seed: int) -> None:
        """From now on let this share of calls fail, of deliveries come twice, and of events come late."""
        self._share = share
        self._random.seed(seed)

    def of_call(self, method: str) -> Failure | None:
        """How this call fails, if it does."""
        if self._next[method]:
            return self._next[method].popleft()
        if method in SPARED or not self._strikes():
            return None
        failure = self._random.choice(KINDS)
        self.seen[f"{failure.error} {'after' if failure.after_effect else 'before'}"] += 1
        return failure

    def order(self, delivery: Delivery) -> list[Delivery]:
        """What to bring now that this is to be brought: it, it twice, nothing yet, or it and what was held before."""
        if delivery.kind == "events_api" and self._strikes():
            self.seen["late"] += 1
            self._held.append(delivery)
            return []
        now, self._held = [delivery, *self._held], []
        if delivery.kind != "url_verification" and self._strikes():
            self.seen["twice"] += 1
            now.append(delivery)
        return now

    def release(self) -> None:
        """What is held is brought by a retry instead."""
        self._held.clear()

    def _strikes(self) -> bool:
        return self._share > 0 and self._random.random() < self._share
