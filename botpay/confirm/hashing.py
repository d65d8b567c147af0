"""The hasher of an installation, and what one check costs on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from botpay.config import Hashing, Settings
from botpay.confirm.challenge import CHECK_WITHIN, NO_PIN
from botpay.confirm.pin import PinHasher
from botpay.message import SecretText

SLOW_MS = 500
_SAMPLES = 3


def hasher_of(settings: Settings) -> PinHasher:
    """Hashes and checks PINs as the settings say."""
    keys = settings.keys
    pepper, *old = (bytes.fromhex(key.get_secret_value()) for key in (keys.pepper, *keys.old_peppers.values()))
    return PinHasher(pepper, memory_kib=settings.hashing.memory_kib, passes=settings.hashing.passes, old_peppers=old)


@dataclass(frozen=True, slots=True)
class Cost:
    """What checking one PIN costs here, with the settings of `hashing`."""

    milliseconds: float
    hashing: Hashing

    def __str__(self) -> str:
        mib, workers = self.hashing.memory_kib / 1024, self.hashing.workers
        return (
            f"checking one PIN takes {self.milliseconds:.0f} ms and {mib:.0f} MiB here; "
            f"{workers} at a time, on as many free cores, are {1000 * workers / self.milliseconds:.0f} a second"
        )

    def troubles(self) -> Sequence[str]:
        """What is wrong with it, and how to mend that. Below OWASP's minimum the settings are refused as such."""
        found = []
        if self.milliseconds > SLOW_MS:
            found.append(
                f"checking one PIN takes {self.milliseconds:.0f} ms here, more than {SLOW_MS}: people wait "
                "for that, so lower [hashing] memory_kib or passes"
            )
        last = self.milliseconds * (self.hashing.waiting + self.hashing.workers) / self.hashing.workers / 1000
        if last > CHECK_WITHIN.total_seconds():
            found.append(
                f"a PIN at the end of a full line is checked after {last:.1f} s, but is taken for lost after "
                f"{CHECK_WITHIN.total_seconds():.0f}: lower [hashing] waiting"
            )
        return found


def measured(settings: Settings) -> Cost:
    """What one check costs here: the quickest of some, for what else the machine does is not the hash's."""
    hasher = hasher_of(settings)
    taken = []
    for _ in range(_SAMPLES):
        begun = time.perf_counter()
        hasher.verify(NO_PIN, "nobody", SecretText("000000"))
        taken.append(time.perf_counter() - begun)
    return Cost(1000 * min(taken), settings.hashing)
