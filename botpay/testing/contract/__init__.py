"""The contract of an adapter as tests to inherit: `AdapterContract`.

class TestDemochat(AdapterContract):
    platform = DemochatPlatform          # how to deliver, what is seen, how it fails
    payloads = Path("payloads.json")     # recorded from the platform, by the names in `cases.py`
    cannot = {"edit": "what is said stays said"}
"""

import pytest

_PARTS = ("base", "incoming", "nature", "outgoing", "secrecy", "webhooks")
pytest.register_assert_rewrite(*[f"{__name__}.{part}" for part in _PARTS])  # so that a failure shows what was compared

from botpay.testing.contract.base import Core, abilities_of  # noqa: E402
from botpay.testing.contract.incoming import Incoming  # noqa: E402
from botpay.testing.contract.nature import Nature  # noqa: E402
from botpay.testing.contract.outgoing import Outgoing  # noqa: E402
from botpay.testing.contract.secrecy import Secrecy  # noqa: E402
from botpay.testing.contract.webhooks import Webhooks  # noqa: E402

__all__ = ["AdapterContract", "Core", "abilities_of"]


class AdapterContract(Nature, Incoming, Webhooks, Outgoing, Secrecy):
    """All that an adapter must keep; what it cannot is declared in `cannot`, and tested to be so."""
