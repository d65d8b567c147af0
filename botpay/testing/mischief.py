"""What goes wrong between a platform and the bot, at random but from a seed, so that a failing walk can be repeated."""

import random
from enum import StrEnum

SHARE = 0.2


class Harm(StrEnum):
    """What becomes of one call of the bot's."""

    TOO_FAST = "too_fast"  # 429: nothing was done
    BROKEN = "broken"  # 5xx: nothing was done
    LOST = "lost"  # it was done, and its answer was lost


class Mischief:
    """Harms a share of all calls, and doubles and delays the same share of what is delivered."""

    def __init__(self, seed: int, share: float = SHARE) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a walk, not a secret
        self._share = share
        self.done: dict[str, int] = {}

    def of_call(self) -> Harm | None:
        """What happens to the next call of the bot's."""
        if not self._happens():
            return None
        harm = self._random.choice(list(Harm))
        self._note(harm)
        return harm

    def copies(self) -> int:
        """How often the next thing that a person did is delivered."""
        if not self._happens():
            return 1
        self._note("doubled")
        return 2

    def delay_seconds(self) -> float:
        """How long the next delivery is held back, so that later ones overtake it."""
        if not self._happens():
            return 0.0
        self._note("delayed")
        return self._random.uniform(0, 0.05)

    def _happens(self) -> bool:
        return self._random.random() < self._share

    def _note(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1
