"""A Telegram to test against: `FakeTelegram`, a strict Bot API server on loopback, and `TelegramStage` on top.

Usable with any Bot API library::

    async with FakeTelegram() as telegram:
        bot = Bot(telegram.token, base_url=telegram.base_url)   # the bot under test, started as usual
        alice = telegram.user("alice")
        friends = telegram.group("amis", alice)
        await alice.say(friends, "/envoyer 10 € @bob")
        await telegram.delivered()                              # the bot has confirmed the update
        assert alice.sees()[-1].text == "10,00 EUR à Bob ?"     # in the private chat with the bot

It refuses what Telegram refuses, in Telegram's words, so that a test cannot pass on a call that would fail there.
"""

from botpay.testing.telegram.inline import FakeQuery, FakeResult
from botpay.testing.telegram.people import FakeGroup, FakePress, FakeUser
from botpay.testing.telegram.server import FakeTelegram
from botpay.testing.telegram.stage import TelegramStage
from botpay.testing.telegram.world import FakeButton, FakeMessage, Said

__all__ = [
    "FakeButton",
    "FakeGroup",
    "FakeMessage",
    "FakePress",
    "FakeQuery",
    "FakeResult",
    "FakeTelegram",
    "FakeUser",
    "Said",
    "TelegramStage",
]
