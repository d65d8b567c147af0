"""Slack: the Events API over HTTP or Socket Mode, slash commands, buttons and modals.

`translate.py` reads what Slack sends, `blocks.py` writes what it shows, `api.py` calls it, `hook.py` and `socket.py`
are the two ways in, and `adapter.py` joins them. Nothing here knows about money.
"""

from botpay.adapters.slack.adapter import SlackAdapter
from botpay.adapters.slack.settings import SlackSettings

__all__ = ["SlackAdapter", "SlackSettings"]
