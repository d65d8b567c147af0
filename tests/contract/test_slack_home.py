"""The Home tab of the Slack app: opened, filled, kept fresh."""

from collections.abc import AsyncIterator

import pytest

from botpay.adapters.slack.translate import Installation, translate
from botpay.errors import Busy, Transient
from botpay.message import ASKED_HELP, OPENED_HOME, Button, Press, Visibility
from botpay.testing.slack import Person
from botpay.testing.slack.rig import SlackRig, private
from tests.contract.test_slack_inbound import HERE, NOW

AT_HOME = "home:U0ALICE"


@pytest.fixture
async def rig() -> AsyncIterator[SlackRig]:
    """The adapter on a fake Slack."""
    async with SlackRig() as rig:
        yield rig


@pytest.fixture
def alice(rig: SlackRig) -> Person:
    """Somebody in this workspace."""
    return rig.fake.user("alice")


async def test_opening_it_is_a_press(alice: Person, rig: SlackRig) -> None:
    """Who opens the Home tab asks for it, in private; each opening is an event of its own, each delivery is not."""
    await alice.open_home()
    await rig.fake.redeliver_last(alice)
    await alice.open_home()
    assert [inbound.press for inbound in rig.received] == [Press(OPENED_HOME, AT_HOME)] * 3
    assert {inbound.chat.visibility for inbound in rig.received} == {Visibility.PRIVATE}
    assert rig.last.author is not None
    assert rig.last.author.key == ("slack", "T0FAKE", "U0ALICE")
    first, again, second = [inbound.event_id for inbound in rig.received]
    assert first == again != second


def test_other_tabs_are_not_home() -> None:
    """Coming to the messages of the app asks for nothing."""
    event = {"type": "app_home_opened", "user": "U1", "tab": "messages", "channel": "D1", "event_ts": "1.0"}
    assert translate({"type": "event_callback", "event": event}, HERE, NOW) is None
    assert translate({"type": "event_callback", "event": {**event, "tab": "home"}}, HERE, NOW) is not None


async def test_it_is_filled_for_one_person(alice: Person, rig: SlackRig) -> None:
    """What replaces the Home tab is shown there, and nowhere else; its buttons work."""
    help_button = ((Button("How?", ASKED_HELP),),)
    receipt = await rig.adapter.send(private("Vous avez 10 € <&>", replaces=AT_HOME, buttons=help_button))
    assert receipt.ref == AT_HOME
    assert alice.home is not None
    assert alice.home.shown == "Vous avez 10 € <&>"
    assert alice.sees() == []
    assert rig.fake.user("bob").saw == []
    await alice.press(alice.home, "How?")
    assert rig.last.press == Press(ASKED_HELP, AT_HOME)


async def test_it_is_kept_fresh_while_it_is_looked_at(alice: Person, rig: SlackRig) -> None:
    """After a private message to somebody who looked at home lately, the core is asked for it once more."""
    await rig.adapter.send(private("paid", id="o1"))
    assert rig.received == []
    await alice.open_home()
    rig.received.clear()
    await rig.adapter.send(private("paid", id="o2"))
    await rig.adapter.send(private("paid", id="o2"))
    assert [inbound.press for inbound in rig.received] == [Press(OPENED_HOME, AT_HOME)] * 2
    assert len({inbound.event_id for inbound in rig.received}) == 1
    rig.received.clear()
    await rig.adapter.send(private("home", replaces=AT_HOME))
    await rig.adapter.send(private("to bob", to=rig.fake.user("bob").id))
    rig.ahead = 100_000
    await rig.adapter.send(private("a day later"))
    assert rig.received == []


async def test_a_failing_renewal_does_not_send_twice(alice: Person, rig: SlackRig) -> None:
    """The message was sent, whatever becomes of the page."""
    await alice.open_home()
    rig.faults = [Busy("full")]
    assert (await rig.adapter.send(private("paid"))).ref is not None


async def test_where_it_cannot_be_shown_nothing_is_lost(alice: Person, rig: SlackRig) -> None:
    """A workspace without Home tabs is no fault; a Slack that fails is asked again."""
    rig.fake.fail_next("views.publish", "not_enabled")
    assert (await rig.adapter.send(private("home", replaces=AT_HOME))).ref is None
    rig.fake.fail_next("views.publish", "internal_error", status=500)
    with pytest.raises(Transient):
        await rig.adapter.send(private("home", replaces=AT_HOME))


def test_an_organisations_people_have_one_home() -> None:
    """The tenant of a Home tab is that of its person."""
    grid = Installation("T0FAKE", "E0GRID", "U0BOTPAY", "botpay")
    event = {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1", "event_ts": "1.0"}
    inbound = translate({"type": "event_callback", "event": event}, grid, NOW)
    assert inbound is not None
    assert inbound.tenant == "E0GRID"
