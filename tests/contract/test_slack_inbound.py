"""What comes in from Slack, as inbounds."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from botpay.adapters.slack import SlackAdapter
from botpay.adapters.slack.translate import Installation, Malformed, translate
from botpay.message import Actor, Button, Chat, Flag, Press, Span, SpanKind, Visibility
from botpay.testing.slack import Channel, FakeSlack, Person
from botpay.testing.slack.rig import SlackRig, private, public

HERE = Installation("T0FAKE", None, "U0BOTPAY", "botpay")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


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


# What comes in


async def test_a_message(alice: Person, channel: Channel, rig: SlackRig) -> None:
    """A post tells who, where, when and what, with mentions by id and the escapes undone."""
    message = await alice.say(channel, "#envoyer 5 € à @bob <3 & merci")
    got = rig.last
    assert got.text.reveal() == "#envoyer 5 € à <@U0BOB> <3 & merci"
    assert got.spans == (Span(SpanKind.MENTION, 15, 23, "U0BOB"),)
    assert got.author == Actor("slack", "T0FAKE", "U0ALICE", "alice", "Alice", "fr-FR")
    assert (got.chat.id, got.chat.visibility) == (channel.id, Visibility.PUBLIC)
    assert got.event_id == got.message_ref == f"{channel.id}:{message.ts}"
    assert abs((datetime.now(UTC) - got.said_at).total_seconds()) < 5
    assert (got.flags, got.me, got.press) == (frozenset(), ("U0BOTPAY", "botpay"), None)


async def test_two_notices_of_one_post(alice: Person, channel: Channel, rig: SlackRig) -> None:
    """The message and the mention of the bot in it are one event."""
    await alice.say(channel, "@botpay #envoyer 5 € @bob")
    one, other = rig.received
    assert one.event_id == other.event_id
    assert one.text == other.text


async def test_edits_are_flagged(alice: Person, channel: Channel, rig: SlackRig) -> None:
    """An edit is another event, flagged, in both its notices; its author is who wrote it."""
    message = await alice.say(channel, "@botpay one")
    await alice.edit(message, "@botpay two")
    changed, mention = rig.received[2:]
    assert changed.flags == mention.flags == {Flag.EDITED}
    assert changed.event_id == mention.event_id == f"{channel.id}:{message.ts}:edit:{message.edited}"
    assert changed.author is not None
    assert (changed.author.id, changed.text.reveal()) == ("U0ALICE", "<@U0BOTPAY> two")


async def test_previews_are_no_edits(alice: Person, rig: SlackRig) -> None:
    """Slack says "changed" when it adds a preview to a link; nobody edited anything."""
    message = await alice.say(None, "see https://example.org")
    await alice.edit(message, "see https://example.org")
    assert len(rig.received) == 1


async def test_shared_messages_are_flagged(alice: Person, channel: Channel, rig: SlackRig) -> None:
    """Somebody else's words, passed on, are not the person's own."""
    await alice.share(channel, "#envoyer 5 € @bob")
    assert rig.last.flags == {Flag.FORWARDED}


async def test_strangers_are_nobody(adapter: SlackAdapter, fake: FakeSlack, channel: Channel, rig: SlackRig) -> None:
    """People of another workspace (Slack Connect) have no identity here, by whatever way they come."""
    mallory = fake.user("mallory", team_id="T0OTHER")
    channel.members.add(mallory.id)
    receipt = await adapter.send(public("?", channel, buttons=((Button("Yes", "yes"),),)))
    await mallory.say(channel, "#envoyer 5 € @bob")
    await mallory.slash("/pay", "5 € @bob", channel)
    await mallory.press(rig.sent(receipt), "Yes")
    assert [inbound.author for inbound in rig.received] == [None] * 3
    assert {inbound.flags for inbound in rig.received} == {frozenset({Flag.ANONYMOUS})}


@pytest.mark.parametrize(
    ("teams", "known"),
    [
        ({"team": "T0FAKE"}, True),
        ({"team": "T0OTHER"}, False),
        ({"team": "T0FAKE", "user_team": "T0OTHER", "source_team": "T0OTHER"}, False),
        ({"team": "T0FAKE", "user_team": "T0FAKE", "source_team": "T0OTHER"}, False),
        ({"team": "T0OTHER", "user_team": "T0FAKE", "source_team": "T0FAKE"}, True),
    ],
)
def test_the_authors_own_team_counts(teams: dict[str, str], known: bool) -> None:
    """In shared channels `team` may be either side's; where an event names its author's own team, that decides."""
    event = {"type": "message", "user": "U1", "text": "#solde", "channel": "C1", "ts": "1700000000.000100", **teams}
    inbound = translate({"type": "event_callback", "event": event}, HERE, NOW)
    assert inbound is not None
    assert (inbound.author is not None) is known


@pytest.mark.parametrize(
    "event",
    [
        {"bot_id": "B1"},
        {"subtype": "bot_message", "bot_id": "B1", "user": None},
        {"user": "USLACKBOT"},
        {"user": "U0BOTPAY"},
        {"subtype": "channel_join"},
        {"subtype": "me_message"},
        {"subtype": "message_deleted"},
        {"text": ""},
        {"type": "reaction_added"},
        {"type": "app_mention", "bot_id": "B1"},
        {"subtype": "message_changed", "message": {"bot_id": "B1", "user": "U1", "text": "x", "ts": "1.0"}},
    ],
    ids=["bot", "old-bot", "slackbot", "self", "join", "me", "deleted", "empty", "reaction", "bot-mention", "bot-edit"],
)
def test_what_is_no_fresh_word_of_a_person_is_ignored(event: dict[str, Any]) -> None:
    """Bots, Slackbot, joins, reactions and the like are nothing to us."""
    base = {"type": "message", "user": "U1", "text": "#envoyer 5 €", "channel": "C1", "ts": "1700000000.000100"}
    assert translate({"type": "event_callback", "event": base | event}, HERE, NOW) is None
    assert translate({"type": "event_callback", "event": base}, HERE, NOW) is not None


@pytest.mark.parametrize(
    "event",
    [{"ts": "soon"}, {"ts": "1e999"}, {"ts": "nan"}, {"ts": None}, {"channel": 7}, {"text": "\ud800"}, {"user": {}}],
    ids=["words", "huge", "nan", "none", "number", "surrogate", "object"],
)
def test_malformed_events_are_told_apart(event: dict[str, Any]) -> None:
    """A field of the wrong kind is a fault of the sender, and its value is not in the error."""
    base = {"type": "message", "user": "U1", "text": "canary", "channel": "C1", "ts": "1700000000.000100"}
    with pytest.raises(Malformed) as caught:
        translate({"type": "event_callback", "event": base | event}, HERE, NOW)
    assert "canary" not in str(caught.value)


def test_people_of_one_enterprise_have_one_tenant() -> None:
    """On Enterprise Grid the organisation is the tenant."""
    grid = Installation("T0FAKE", "E0GRID", "U0BOTPAY", "botpay")
    event = {"type": "message", "user": "U0ALICE", "text": "solde", "channel": "C1", "ts": "1.0", "team": "E0GRID"}
    inbound = translate({"type": "event_callback", "event": event}, grid, NOW)
    assert inbound is not None
    assert inbound.author is not None
    assert inbound.author.key == ("slack", "E0GRID", "U0ALICE")


async def test_slash_commands(alice: Person, channel: Channel, rig: SlackRig) -> None:
    """A command's words follow its name; it is private wherever it is given, since its channel does not see it."""
    delivery = await alice.slash("/pay", "20 € @bob", channel)
    got = rig.last
    assert got.text.reveal() == "/pay 20 € <@U0BOB>"
    assert got.spans == (Span(SpanKind.COMMAND, 0, 4), Span(SpanKind.MENTION, 10, 18, "U0BOB"))
    assert (got.chat.id, got.chat.visibility) == ("U0ALICE", Visibility.PRIVATE)
    assert got.author is not None
    assert (got.author.id, got.author.handle) == ("U0ALICE", "alice")
    assert got.event_id == f"slash:{delivery.payload['trigger_id']}"
    assert delivery.statuses == [200]
    await alice.slash("/solde")
    assert rig.last.text.reveal() == "/solde"
    assert rig.last.chat.visibility is Visibility.PRIVATE


async def test_a_command_says_where_its_answer_is(
    adapter: SlackAdapter, alice: Person, channel: Channel, rig: SlackRig
) -> None:
    """Who gives a command in a channel is shown, alone, the way to the private chat; there it needs no pointing."""
    await adapter.send(private("bonjour"))
    await alice.slash("/pay", "20 € @bob", channel)
    [pointer] = alice.sees(channel)
    assert pointer.startswith(
        f"<{rig.fake.base_url.removesuffix('api/')}app_redirect?app=A0BOTPAY&team=T0FAKE|I answer"
    )
    assert "20" not in pointer
    assert rig.fake.user("bob").sees(channel) == []
    delivery = await alice.slash("/pay", "20 € @bob")
    assert delivery.answer is None


@pytest.mark.parametrize(
    ("command", "text", "meant"),
    [
        ("/pay", "", "/help"),
        ("/pay", "help", "/help"),
        ("/pay", " Help ", "/help"),
        ("/envoyer", "aide", "/aide"),
        ("/envoyer", "", "/aide"),
        ("/pay", "help bob with 5 €", "/pay help bob with 5 €"),
    ],
)
async def test_a_command_alone_asks_how(alice: Person, rig: SlackRig, command: str, text: str, meant: str) -> None:
    """A paying command without words, or before "help", asks for help; with anything more it is itself."""
    await alice.slash(command, text)
    assert rig.last.text.reveal() == meant
    assert rig.last.spans[0] == Span(SpanKind.COMMAND, 0, len(meant.split()[0]))


async def test_a_thread_is_a_chat_of_its_own(
    adapter: SlackAdapter, alice: Person, channel: Channel, rig: SlackRig
) -> None:
    """What is said in a public thread, shown in the channel too or not, is answered in that thread."""
    first = await alice.say(channel, "lunch?")
    for broadcast in (False, True):
        message = await alice.say(channel, "#envoyer 5 € @bob", thread=first, broadcast=broadcast)
        assert rig.last.chat == Chat(f"{channel.id}:{first.ts}", Visibility.PUBLIC)
        assert rig.last.event_id == f"{channel.id}:{message.ts}"
    receipt = await adapter.send(
        replace(public("Well?", channel, buttons=((Button("Yes", "yes"),),)), chat=rig.last.chat.id)
    )
    assert rig.sent(receipt).thread == first.ts
    await alice.press(rig.sent(receipt), "Yes")
    assert rig.last.chat.id == f"{channel.id}:{first.ts}"
    await alice.say(None, "solde", thread=await alice.say(None, "bonjour"))
    assert rig.last.chat == Chat(alice.direct.id, Visibility.PRIVATE)


async def test_a_channel_named_like_a_charity_is_still_the_charity(
    fake: FakeSlack, alice: Person, channel: Channel, rig: SlackRig
) -> None:
    """Slack makes a link of a hashtag that is also a channel; what was typed still counts, commands too."""
    fake.channel("eaupourtous")
    fake.channel("donner")
    await alice.say(channel, "#donner 5 € #eaupourtous")
    assert rig.last.text.reveal() == "#donner 5 € #eaupourtous"
    assert rig.last.spans == (Span(SpanKind.HASHTAG, 0, 7), Span(SpanKind.HASHTAG, 12, 24))
    unnamed = {"type": "message", "user": "U1", "text": "#donner 5 € <#C1|> <#C2>", "channel": "C1", "ts": "1.0"}
    inbound = translate({"type": "event_callback", "event": unnamed}, HERE, NOW)
    assert inbound is not None
    assert {span.kind for span in inbound.spans} == {SpanKind.OTHER}


async def test_each_command_and_tap_is_one_event(
    adapter: SlackAdapter, fake: FakeSlack, alice: Person, rig: SlackRig
) -> None:
    """The same delivery again is the same event; the same words or the same tap again are another."""
    receipt = await adapter.send(private("Well?", buttons=((Button("Yes", "yes"),),)))
    for _ in range(2):
        await alice.slash("/pay", "5 €")
    await fake.redeliver_last(alice)
    for _ in range(2):
        await alice.press(rig.sent(receipt), "Yes")
    await fake.redeliver_last(alice)
    first, second, again, tap, tap2, tap_again = [inbound.event_id for inbound in rig.received]
    assert (second, tap2) == (again, tap_again)
    assert len({first, second, tap, tap2}) == 4


async def test_presses(adapter: SlackAdapter, alice: Person, channel: Channel, rig: SlackRig) -> None:
    """A tap tells its token, and the message that it was on."""
    receipt = await adapter.send(public("Well?", channel, buttons=((Button("Yes", "yes"), Button("Open the chat")),)))
    await alice.press(rig.sent(receipt), "Yes")
    assert rig.last.press == Press("yes", receipt.ref)
    assert rig.last.author is not None
    assert rig.last.author.key == ("slack", "T0FAKE", "U0ALICE")
    assert (rig.last.chat.id, rig.last.chat.visibility) == (channel.id, Visibility.PUBLIC)
    with pytest.raises(LookupError):
        await alice.press(rig.sent(receipt), "Open the chat")


async def test_names_are_labels(fake: FakeSlack, alice: Person, rig: SlackRig) -> None:
    """Without users:read, or while Slack fails, people have no names, and everything else goes on."""
    fake.fail_next("users.info", "internal_error", status=500)
    await alice.say(None, "one")
    assert rig.last.author == Actor("slack", "T0FAKE", "U0ALICE")
    for text in ("two", "three"):
        await alice.say(None, text)
        assert rig.last.author is not None
        assert rig.last.author.name == "Alice"
    assert [method for method, _ in fake.calls].count("users.info") == 2
