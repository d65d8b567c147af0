"""A platform that speaks signed webhooks, for tests: `FakePlatform`, and `WebhookStage` for `.chat` scenarios.

It signs and verifies with its own code, shows each webhook-id once, and knows nothing of money.
"""

from botpay.testing.webhook.platform import FakePlatform, Shown
from botpay.testing.webhook.rig import WebhookRig
from botpay.testing.webhook.stage import WebhookStage

__all__ = ["FakePlatform", "Shown", "WebhookRig", "WebhookStage"]
