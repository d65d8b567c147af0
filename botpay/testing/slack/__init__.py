"""A Slack to test against: its Web API, its deliveries and its people, on the loop-back interface.

`FakeSlack` is the platform, `Person` somebody on it, `SlackStage` plays `.chat` scenarios. It is strict where Slack is:
what it takes, Slack takes. It knows nothing of money.
"""

from botpay.testing.slack.delivery import Delivery
from botpay.testing.slack.fake import FakeSlack
from botpay.testing.slack.person import Person
from botpay.testing.slack.rig import SlackRig
from botpay.testing.slack.stage import SlackStage
from botpay.testing.slack.world import Channel, Event, Message, User, View

__all__ = ["Channel", "Delivery", "Event", "FakeSlack", "Message", "Person", "SlackRig", "SlackStage", "User", "View"]
