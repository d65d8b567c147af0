"""How fast messages are read, beside a yardstick of the same run.

The yardstick is one compiled regular expression that takes the plainest form of a command apart, as a bot without a
language does. It neither refuses nor protects anything; it shows what this machine can do at all.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from botpay.parsing import Context, read

_CHATTER = (
    "Salut tout le monde, on se retrouve à 19h30 devant le cinéma ?",
    "See you tomorrow, I'll bring the cake 🎂",
    "mdr c'est pas possible",
    "Quelqu'un a vu mon parapluie ? Je crois que je l'ai laissé au bureau hier soir.",
    "New blog post about #python and #databases: https://example.org/posts/42",
    "@ana tu viens avec nous samedi ?",
    "Le billet coûte 10 € et le train part à 8h12",
    "Great game last night! #football #sport",
    "ok",
    "Merci beaucoup pour ton aide, c'était vraiment parfait !",
)
_COMMANDS = (
    "#envoyer 10 euros @bob",
    "@PayBot #envoyer 10,50 € à @bob pour la pizza",
    "#send €20 to @ana for the tickets",
    "/envoyer 5€ @bob",
    "10 euros @bob #envoyer",
    "#envoyer 20 € #eaupourtous",
    "#donner vingt-cinq euros cinquante à #eaupourtous merci",
    "#enviar 12,30 € a @luis por la cena",
    "#envoyer 10€50 à @bob, s'il te plaît 🍕",
    "#solde",
)
_YARDSTICK = re.compile(
    r"#(\w+)\s+(\d+)(?:[.,](\d{2}))?\s*(?:€|euros?|eur)\s+(?:à\s+|to\s+)?@(\w+)\s*(.*)", re.IGNORECASE
)


def measure(seconds: float = 1.0) -> dict[str, Any]:
    """Messages per second on one core, each kind measured for about `seconds`, and the parser's start-up.

    Returns:
        chatter_per_second, commands_per_second; yardstick: its name and rate on the same commands; ratio: commands
        against the yardstick; startup_ms: from nothing to the first command read, in a fresh process.
    """
    context = Context(me=("PayBot",))
    chatter = _rate(lambda text: read(text, context), _CHATTER, seconds)
    commands = _rate(lambda text: read(text, context), _COMMANDS, seconds)
    yardstick = _rate(_YARDSTICK.search, _COMMANDS, seconds)
    return {
        "chatter_per_second": round(chatter),
        "commands_per_second": round(commands),
        "yardstick": {"name": "one compiled regular expression", "per_second": round(yardstick)},
        "ratio": round(commands / yardstick, 4),
        "startup_ms": round(_startup() * 1000, 1),
    }


def _rate(reads: Callable[[str], object], texts: Sequence[str], seconds: float) -> float:
    """Texts per second of the best of five stretches: on a shared machine the others measure the neighbours."""
    for text in texts:
        reads(text)
    best, many = 0.0, [*texts] * 20
    for _ in range(5):
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds / 5:
            for text in many:
                reads(text)
            done += len(many)
        best = max(best, done / passed)
    return best


def _startup() -> float:
    """Seconds that a fresh process takes to import the parser and read its first command; the best of three."""
    program = (
        "import time, botpay.commands, botpay.message; began = time.perf_counter(); "
        "from botpay.parsing import Context, read; read('#envoyer 10 € @bob', Context()); "
        "print(time.perf_counter() - began)"
    )
    command = [sys.executable, "-c", program]
    runs = [subprocess.run(command, capture_output=True, check=True, text=True) for _ in range(3)]  # noqa: S603 (ours)
    return min(float(run.stdout) for run in runs)
