"""What goes wrong between a bot and Telegram: told call by call, or by chance and the same for the same seed."""

import random
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TypeVar

from botpay.testing.telegram.wire import ApiError

T = TypeVar("T")

SPARED = frozenset(("getme", "deletewebhook", "setwebhook", "getwebhookinfo", "getmycommands", "setmycommands"))
"""What a bot calls when it starts or is checked: by chance nothing happens to these."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call fails.

    Attributes:
        error: the answer; None if the connection is cut instead.
        after_effect: what was asked is done all the same.
        hangs_seconds: how long nothing is heard before.
    """

    error: ApiError | None = None
    after_effect: bool = False
    hangs_seconds: float = 0


class Trouble:
    """Strikes calls and updates.

    Attributes:
        seen: how often each kind of trouble struck by chance.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._next: defaultdict[str, deque[Failure]] = defaultdict(deque)
        self._random = random.Random()  # noqa: S311 - trouble, not a secret
        self._share = 0.0

    def fail_next(self, method: str, failure: Failure) -> None:
        """Let the next call of a method fail. After several calls of this the next several fail."""
        self._next[method.lower()].append(failure)

    def disturb(self, share: float, seed: int) -> None:
        """From now on strike that share of calls and of updates; 0 ends it."""
        self._share = share
        self._random.seed(seed)

    def of_call(self, method: str) -> Failure | None:
        """How this call fails, if it does."""
        if self._next[method]:
            return self._next[method].popleft()
        if method in SPARED or not self._strikes():
            return None
        kind = self._random.choice(("429", "500", "502", "cut before", "cut after", "500 after"))
        if kind == "429" and method == "getupdates":  # a poll that waits as long as it is told delays all the rest
            kind = "502"
        self.seen[kind] += 1
        return _failure(kind)

    def twice(self) -> bool:
        """Whether an update that was taken is delivered again."""
        return self._struck("delivered again")

    def in_order(self, items: list[T]) -> list[T]:
        """The order in which updates that wait are delivered."""
        if len(items) > 1 and self._struck("out of order"):
            return self._random.sample(items, len(items))
        return items

    def _struck(self, kind: str) -> bool:
        struck = self._strikes()
        self.seen[kind] += struck
        return struck

    def _strikes(self) -> bool:
        return self._random.random() < self._share


def _failure(kind: str) -> Failure:
    if kind == "429":
        return Failure(ApiError(429, "Too Many Requests: retry after 1", retry_after=1))
    if kind.startswith("cut"):
        return Failure(after_effect=kind == "cut after")
    return Failure(ApiError(int(kind[:3]), "Internal Server Error"), after_effect=kind.endswith("after"))
