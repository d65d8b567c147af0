"""What goes out to Slack: messages, edits, keypads, and the faults of each."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from botpay.adapters.slack import SlackAdapter
from botpay.adapters.slack.blocks import message_blocks
from botpay.adapters.slack.flow import ChannelPace
from botpay.adapters.slack.translate import Installation, translate
from botpay.errors import (
    DeliveryError,
    Forbidden,
    Permanent,
    RetryAfter,
    Transient,
    Unreachable,
)
from botpay.message import Button, Keypad, Press, Receipt, Visibility
from botpay.testing.slack import Channel, FakeSlack, Person, View
from botpay.testing.slack.rig import SlackRig, private, public, settings

HERE = Installation("T0FAKE", None, "U0BOTPAY", "botpay")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGITS = tuple(tuple(Button(str(n), f"token-{n}") for n in row) for row in ((1, 2, 3), (4, 5, 6), (7, 8, 9), (0,)))
KEYPAD = Keypad(title="PIN", open_label="Enter PIN", rows=DIGITS)


@pytest.fixture
async def rig() -> AsyncIterator[SlackRig]:
    """The adapter on a fake Slack."""
    async with SlackRig() as rig:
        yield rig


@pytest.fixture
def fake(rig: SlackRig) -> FakeSlack:
    """Slack."""
    return rig.fake


@pytest.fixture
def adapter(rig: SlackRig) -> SlackAdapter:
    """The adapter, started."""
    return rig.adapter


@pytest.fixture
def alice(fake: FakeSlack) -> Person:
    """Somebody in this workspace."""
    return fake.user("alice")


@pytest.fixture
def channel(fake: FakeSlack, alice: Person) -> Channel:
    """A public channel with alice and bob."""
    return fake.channel("general", alice, fake.user("bob"))


# What goes out


async def test_text_is_said_as_it_is(adapter: SlackAdapter, fake: FakeSlack, alice: Person, channel: Channel) -> None:
    """Whatever a name holds, nobody is called, nothing is linked, and no sign of it is lost."""
    text = "10 € à *Zoé* _x_ `y` <!channel> <@U0BOB> @everyone &amp; <https://a.example|b>"
    await adapter.send(public(text, channel))
    assert alice.sees(channel) == [text]
    _, sent = fake.calls[-1]
    assert (sent["unfurl_links"], sent["unfurl_media"], sent["link_names"], sent["mrkdwn"]) == (False,) * 4
    words = [sent["text"], *[block["text"]["text"] for block in sent["blocks"]]]
    assert all("<" not in word and ">" not in word for word in words)
    assert {block["text"]["type"] for block in sent["blocks"]} == {"plain_text"}


@pytest.mark.parametrize("ref", ["{direct}:1.000001", "nonsense", "C0NOWHERE:1.0"], ids=["gone", "odd", "elsewhere"])
async def test_what_cannot_be_edited_is_sent_anew(adapter: SlackAdapter, alice: Person, ref: str) -> None:
    """A message that is gone does not swallow the words that were to replace it."""
    await adapter.send(private("Done", replaces=ref.format(direct=alice.direct.id)))
    assert alice.sees() == ["Done"]


async def test_deleting_is_tried(adapter: SlackAdapter, fake: FakeSlack, alice: Person) -> None:
    """A bot cannot delete what a person wrote: that is no fault, and nothing is sent."""
    message = await alice.say(None, "482915")
    assert await adapter.send(private("", deletes=f"{message.channel}:{message.ts}")) == Receipt()
    assert fake.calls[-1][0] == "chat.delete"
    assert alice.sees() == ["482915"]


async def test_unreachable(adapter: SlackAdapter, fake: FakeSlack, channel: Channel) -> None:
    """Who cannot be written to in private is unreachable, and is not written to in public instead."""
    fake.user("gone", deactivated=True)
    for to in ("U0GONE", "U0NOBODY", "U0BOTPAY"):
        with pytest.raises(Unreachable):
            await adapter.send(private("Solde", to=to, chat=channel.id))
    assert fake.user("bob").sees(channel) == []


async def test_unreachable_later(adapter: SlackAdapter, alice: Person) -> None:
    """A person who leaves after the first message is unreachable too."""
    await adapter.send(private("one"))
    alice.user.deactivated = True
    for _ in range(2):
        with pytest.raises(Unreachable):
            await adapter.send(private("two"))


async def test_reachable_again(adapter: SlackAdapter, fake: FakeSlack, alice: Person) -> None:
    """A conversation that Slack no longer knows is opened anew at the next try."""
    await adapter.send(private("one"))
    fake.fail_next("chat.postMessage", "channel_not_found")
    with pytest.raises(Unreachable):
        await adapter.send(private("two"))
    await adapter.send(private("three"))
    assert [method for method, _ in fake.calls].count("conversations.open") == 2
    assert alice.sees() == ["one", "three"]


@pytest.mark.parametrize(
    ("error", "status", "fault"),
    [
        ("ratelimited", 429, RetryAfter),
        ("ratelimited", 200, RetryAfter),
        ("internal_error", 500, Transient),
        ("service_unavailable", 200, Transient),
        ("invalid_auth", 200, Forbidden),
        ("missing_scope", 200, Forbidden),
        ("not_in_channel", 200, Forbidden),
        ("account_inactive", 200, Forbidden),
        ("invalid_blocks", 200, Permanent),
        ("channel_not_found", 200, Permanent),
    ],
)
async def test_faults_say_what_to_do_next(
    adapter: SlackAdapter, fake: FakeSlack, channel: Channel, error: str, status: int, fault: type[Exception]
) -> None:
    """Each refusal of Slack's becomes the fault of its kind, without the words that were to be sent."""
    fake.fail_next("chat.postMessage", error, status=status, retry_after=7 if "limited" in error else None)
    with pytest.raises(fault) as caught:
        await adapter.send(public("canary", channel))
    assert [kind for kind in DeliveryError.__subclasses__() if isinstance(caught.value, kind)] == [fault]
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.__context__} {caught.value.__cause__}"
    if isinstance(caught.value, RetryAfter):
        assert caught.value.seconds == 7


async def test_slack_away(adapter: SlackAdapter, fake: FakeSlack, channel: Channel) -> None:
    """Where nobody answers it is tried again later; nothing in the fault tells the token."""
    await fake.stop()
    with pytest.raises(Transient) as caught:
        await adapter.send(public("canary", channel))
    assert caught.value.__context__ is None
    assert fake.bot_token not in repr(caught.value)


async def test_one_message_a_second() -> None:
    """Three messages may go to a channel at once, then one a second; other channels do not wait."""
    now, slept = [100.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = ChannelPace(clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        await pace.wait("C1")
    await pace.wait("C2")
    assert slept == [1, 2]
    now[0] += 5
    await pace.wait("C1")
    assert slept == [1, 2]


async def test_the_adapter_keeps_the_pace(rig: SlackRig, channel: Channel) -> None:
    """Posts and edits in one channel count alike."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    adapter = SlackAdapter(settings(rig.fake), pace=ChannelPace(clock=lambda: 0.0, sleep=sleep))
    await adapter.start(rig.receive)
    receipt = await adapter.send(public("one", channel))
    for text in ("two", "three", "four"):
        await adapter.send(public(text, channel, replaces=receipt.ref))
    await adapter.stop()
    assert slept == [1]


# The keypad


async def open_keypad(rig: SlackRig, alice: Person, text: str = "PIN?") -> View:
    """Send a prompt and press its button."""
    receipt = await rig.adapter.send(private(text, keypad=KEYPAD))
    await alice.press(rig.sent(receipt), "Enter PIN")
    assert alice.modal is not None
    return alice.modal


async def test_a_button_to_a_page_stands_first(alice: Person, rig: SlackRig) -> None:
    """The page is the first way to confirm, the keys the other; that it was opened, which Slack tells, is no press."""
    page = Button("On a page", url="https://pay.example.org/open/x")
    message = rig.sent(await rig.adapter.send(private("PIN?", keypad=KEYPAD, buttons=((page,),))))
    (ways,) = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    assert [(way["text"]["text"], way.get("style")) for way in ways] == [("On a page", "primary"), ("Enter PIN", None)]
    assert (ways[0]["url"], "value" in ways[0]) == ("https://pay.example.org/open/x", False)
    await alice.press(message, "On a page")
    assert rig.received == []


async def test_the_keypad_opens_at_once(alice: Person, rig: SlackRig) -> None:
    """The button of a prompt shows its keys in a modal, with its text, and is no press for the core."""
    modal = await open_keypad(rig, alice, "10,00 EUR à Zoé <z> & co ?")
    assert modal.content["title"]["text"] == "PIN"
    assert modal.shown == "10,00 EUR à Zoé <z> & co ?\n○○○○○○"
    assert rig.received == []


async def test_keys_are_presses(alice: Person, rig: SlackRig) -> None:
    """Each key is a press of its token, private, from the view; a row stays a row."""
    modal = await open_keypad(rig, alice)
    for digit in "40":
        await alice.press(modal, digit)
    assert [inbound.press for inbound in rig.received] == [
        Press(f"token-{digit}", f"view:{modal.id}") for digit in "40"
    ]
    assert rig.last.chat.visibility is Visibility.PRIVATE
    assert [len(block["elements"]) for block in modal.blocks if block["type"] == "actions"] == [3, 3, 3, 1]


async def test_dots_and_last_words(rig: SlackRig, adapter: SlackAdapter, alice: Person) -> None:
    """The modal shows what was entered as dots, and in the end its last words, without keys, in place."""
    modal = await open_keypad(rig, alice)
    surface = f"view:{modal.id}"
    dotted = Keypad("PIN", "Enter PIN", DIGITS, shown="●●○○○○")
    assert await adapter.send(private("PIN?", keypad=dotted, replaces=surface)) == Receipt(surface)
    assert modal.shown == "PIN?\n●●○○○○"
    await adapter.send(private("Payé.", replaces=surface))
    assert modal.shown == "Payé."
    assert modal.content["title"]["text"] == "botpay"
    with pytest.raises(LookupError):
        await alice.press(modal, "1")
    assert alice.sees() == ["PIN?"]


async def test_a_closed_modal_is_no_loss(rig: SlackRig, adapter: SlackAdapter, alice: Person) -> None:
    """What was to be shown in a modal that is closed is dropped: the prompt has an outbound of its own."""
    modal = await open_keypad(rig, alice)
    surface = f"view:{modal.id}"
    alice.close_modal()
    assert await adapter.send(private("Payé.", replaces=surface)) == Receipt()
    assert alice.sees() == ["PIN?"]


async def test_a_late_keypad_can_be_asked_for_again(
    adapter: SlackAdapter, fake: FakeSlack, alice: Person, rig: SlackRig
) -> None:
    """Where the modal cannot be opened, the press is acknowledged and the button still stands."""
    receipt = await adapter.send(private("PIN?", keypad=KEYPAD))
    fake.fail_next("views.open", "expired_trigger_id")
    delivery = await alice.press(rig.sent(receipt), "Enter PIN")
    assert (delivery.statuses, alice.modal, rig.received) == ([200], None, [])
    await alice.press(rig.sent(receipt), "Enter PIN")
    assert alice.modal is not None


async def test_keys_shown_anew_begin_with_nothing_entered(adapter: SlackAdapter, alice: Person, rig: SlackRig) -> None:
    """Who opens the keys again starts from nothing, and the core is told so before they are shown."""
    keypad = replace(KEYPAD, shown="●●●○○○", clear_token="forget")
    receipt = await adapter.send(private("PIN?", keypad=keypad))
    await alice.press(rig.sent(receipt), "Enter PIN")
    assert [inbound.press and inbound.press.token for inbound in rig.received] == ["forget"]
    assert alice.modal is not None
    assert "○○○○○○" in alice.modal.shown


async def test_a_replaced_prompt_has_its_new_keys(rig: SlackRig, adapter: SlackAdapter, alice: Person) -> None:
    """A prompt that replaces another opens its own keys, beside its own buttons."""
    receipt = await adapter.send(private("PIN?", keypad=KEYPAD))
    again = Keypad("PIN", "Again", ((Button("1", "new-1"),),), shown="●○")
    await adapter.send(private("Wrong", keypad=again, buttons=((Button("Cancel", "c"),),), replaces=receipt.ref))
    await alice.press(rig.sent(receipt), "Again")
    assert alice.modal is not None
    assert alice.modal.shown == "Wrong\n○○○○○○"
    assert (await alice.press(rig.sent(receipt), "Cancel")).statuses == [200]


@pytest.mark.parametrize("value", ["{", "[]", "[1,2]", '["a","b",[1]]', "null"])
def test_a_forged_keypad_is_ignored(value: str) -> None:
    """A button that says it opens a keypad, and holds none, does nothing and reaches nobody."""
    from botpay.adapters.slack.blocks import read_opening

    payload = {
        "type": "block_actions",
        "trigger_id": "1.2",
        "user": {"id": "U1", "team_id": "T0FAKE"},
        "container": {"type": "message", "channel_id": "D1", "message_ts": "1.0"},
        "message": {"blocks": []},
        "actions": [{"type": "button", "action_id": "open_keypad", "value": value}],
    }
    assert read_opening(payload) is None
    assert translate(payload, HERE, NOW) is None


def test_a_keypad_that_does_not_fit() -> None:
    """Tokens too long for a Slack button are refused, not cut."""
    rows = tuple((Button(str(n), "x" * 250),) for n in range(10))
    with pytest.raises(Permanent):
        message_blocks(private("PIN?", keypad=Keypad("PIN", "Enter", rows)))


async def test_marks_in_tokens_survive(adapter: SlackAdapter, alice: Person, rig: SlackRig) -> None:
    """Slack may escape "&", "<" and ">" in what it hands back; a keypad's button holds none of them."""
    keypad = Keypad("PIN", "Open", ((Button("1", "a&b<c>"),),))
    receipt = await adapter.send(private("PIN?", keypad=keypad))
    (value,) = [block["elements"][0]["value"] for block in rig.sent(receipt).blocks if "elements" in block]
    assert not set(value) & set("&<>")
    await alice.press(rig.sent(receipt), "Open")
    assert alice.modal is not None
    await alice.press(alice.modal, "1")
    assert rig.last.press is not None
    assert rig.last.press.token == "a&b<c>"


async def test_a_method_that_is_to_rest_is_left_alone(adapter: SlackAdapter, fake: FakeSlack, alice: Person) -> None:
    """After a 429 the same method is not called for anybody before its time is over; other methods are."""
    await adapter.send(private("one"))
    fake.fail_next("chat.postMessage", "ratelimited", status=429, retry_after=30)
    for to in (alice, fake.user("bob")):
        with pytest.raises(RetryAfter) as told:
            await adapter.send(private("two", to=to.id))
        assert 29 < told.value.seconds <= 30
    assert [method for method, _ in fake.calls].count("chat.postMessage") == 2
    await adapter.send(private("home", replaces=f"home:{alice.id}"))
    assert alice.home is not None


async def test_a_hanging_call_is_given_up(
    adapter: SlackAdapter, fake: FakeSlack, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Slack that takes a call and never answers, or hangs up, is no answer: it may or may not have been done."""
    await adapter.send(private("one"))
    [workspace] = [adapter._workspaces._only]
    assert workspace is not None
    monkeypatch.setattr(workspace.api.client, "timeout", 1)
    for how in ({"hangs": True}, {"drops": True}):
        fake.fail_next("chat.postMessage", "", after_effect=True, **how)
        with pytest.raises(Transient):
            await adapter.send(private("two"))
    assert alice.sees() == ["one", "two", "two"]
