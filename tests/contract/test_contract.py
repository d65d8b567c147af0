"""The contract of adapters, on every platform that botpay ships."""

from botpay.testing.console.contract import ConsoleContract
from botpay.testing.matrix.contract import MatrixContract
from botpay.testing.slack.contract import SlackContract, SlackSocketContract
from botpay.testing.telegram.contract import TelegramContract, TelegramPollingContract
from botpay.testing.webhook.contract import WebhookContract


class TestConsole(ConsoleContract):
    """The console."""


class TestTelegramWebhook(TelegramContract):
    """Telegram by webhook."""


class TestTelegramPolling(TelegramPollingContract):
    """Telegram by long polling."""


class TestSlackHttp(SlackContract):
    """Slack over HTTP."""


class TestSlackSocket(SlackSocketContract):
    """Slack in Socket Mode."""


class TestWebhook(WebhookContract):
    """Signed webhooks."""


class TestMatrix(MatrixContract):
    """Matrix."""
