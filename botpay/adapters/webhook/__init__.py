"""Signed webhooks: JSON in and out, for platforms that have no adapter of their own.

`signing.py` proves who speaks, `bodies.py` is what is said, `openapi.py` describes it, `adapter.py` takes and delivers.
Signatures are those of https://www.standardwebhooks.com, both ways. Nothing here knows about money.
"""

from botpay.adapters.webhook.adapter import WebhookAdapter
from botpay.adapters.webhook.settings import Tenant, WebhookSettings

__all__ = ["Tenant", "WebhookAdapter", "WebhookSettings"]
