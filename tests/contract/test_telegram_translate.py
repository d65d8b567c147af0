"""What an update of Telegram means: recorded payloads in, envelopes out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botpay.adapters.telegram.translate import read_update, translate
from botpay.message import Actor, Chat, Flag, Inbound, Press, SecretText, Span, SpanKind, Visibility

ME = ("SmoneyBot", "700700700")
ALICE = {
    "id": 4503599627370497,
    "is_bot": False,
    "first_name": "Alice",
    "last_name": "Martin",
    "username": "alice",
    "language_code": "fr",
}
BOB = {"id": 1002, "is_bot": False, "first_name": "Bob"}
BOT = {"id": 700700700, "is_bot": True, "first_name": "S-Money", "username": "SmoneyBot"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "amis"}
CHANNEL = {"id": -1009999999999, "type": "channel", "title": "news"}
ANONYMOUS_ADMIN = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}


def message(text: str = "#envoyer 10 € @bob", **fields: Any) -> dict[str, Any]:
    """A message of alice in the group."""
    return {"message_id": 77, "date": 1700000000, "chat": GROUP, "from": ALICE, "text": text} | fields


def read(data: dict[str, Any], kind: str = "message") -> Inbound | None:
    """What an update of that kind means."""
    update = read_update({"update_id": 1, kind: data})
    assert update is not None
    return translate(update, ME, "main")


def got(data: dict[str, Any], kind: str = "message") -> Inbound:
    """What an update means that means something."""
    inbound = read(data, kind)
    assert inbound is not None
    return inbound


def marked(inbound: Inbound) -> list[tuple[SpanKind, str]]:
    """The spans by the words they cover."""
    return [(span.kind, inbound.text.reveal()[span.start : span.end]) for span in inbound.spans]


def entity(kind: str, offset: int, length: int, **fields: Any) -> dict[str, Any]:
    """An entity as the Bot API writes it."""
    return {"type": kind, "offset": offset, "length": length} | fields


def test_a_message_becomes_an_envelope() -> None:
    """Who, where, when, what and which: ids are kept whole, labels are labels."""
    assert got(message()) == Inbound(
        adapter="telegram",
        tenant="main",
        event_id="-1001234567890:77",
        chat=Chat("-1001234567890", Visibility.PUBLIC),
        author=Actor("telegram", "main", "4503599627370497", "alice", "Alice Martin", "fr"),
        said_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        text=SecretText("#envoyer 10 € @bob"),
        me=ME,
        message_ref="-1001234567890:77",
    )


@pytest.mark.parametrize(
    ("kind", "visibility"), [("private", "private"), ("group", "public"), ("supergroup", "public")]
)
def test_only_private_chats_are_private(kind: str, visibility: str) -> None:
    """Where others read along it is public."""
    assert got(message(chat={"id": 5, "type": kind})).chat.visibility == visibility


def test_spans_are_counted_in_code_points() -> None:
    """Emoji before a mention do not shift it, though Telegram counts two units for each (UTF-16)."""
    text = "💶💶 #envoyer 10 euros @bob 👨‍👩‍👧 @carol"
    entities = [
        entity("hashtag", 5, 8),
        entity("mention", 23, 4),
        entity("mention", 37, 6),
    ]
    inbound = got(message(text, entities=entities))
    assert marked(inbound) == [
        (SpanKind.HASHTAG, "#envoyer"),
        (SpanKind.MENTION, "@bob"),
        (SpanKind.MENTION, "@carol"),
    ]


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("mention", SpanKind.MENTION),
        ("hashtag", SpanKind.HASHTAG),
        ("bot_command", SpanKind.COMMAND),
        ("code", SpanKind.CODE),
        ("pre", SpanKind.CODE),
        ("blockquote", SpanKind.QUOTE),
        ("expandable_blockquote", SpanKind.QUOTE),
        ("strikethrough", SpanKind.QUOTE),
        ("url", SpanKind.LINK),
        ("text_link", SpanKind.LINK),
        ("email", SpanKind.EMAIL),
        ("cashtag", SpanKind.OTHER),
        ("phone_number", SpanKind.OTHER),
        ("custom_emoji", SpanKind.OTHER),
        ("invented_tomorrow", SpanKind.OTHER),
    ],
)
def test_kinds_of_spans(kind: str, meant: SpanKind) -> None:
    """Each kind of entity has one meaning; what Telegram invents tomorrow is neither person nor charity."""
    assert got(message("x#tag y", entities=[entity(kind, 1, 4)])).spans == (Span(meant, 1, 5),)


@pytest.mark.parametrize("kind", ["bold", "italic", "underline", "spoiler"])
def test_looks_are_no_spans(kind: str) -> None:
    """How words look changes nothing."""
    assert got(message(entities=[entity(kind, 0, 8)])).spans == ()


def test_a_hashtag_of_a_channel_is_no_charity() -> None:
    """ "#tag@channel" searches in that channel."""
    assert got(message("#tag@news", entities=[entity("hashtag", 0, 9)])).spans == (Span(SpanKind.OTHER, 0, 9),)


def test_a_mention_by_id_keeps_the_id() -> None:
    """Whoever has no username is mentioned by id, whatever the words say."""
    inbound = got(message("pay Bobby now", entities=[entity("text_mention", 4, 5, user=BOB)]))
    assert inbound.spans == (Span(SpanKind.MENTION, 4, 9, "1002"),)


def test_a_quotation_covers_what_stands_in_it() -> None:
    """Spans do not overlap: a mention inside a quotation or code addresses nobody, whatever its place in the list."""
    entities = [entity("mention", 4, 4), entity("blockquote", 0, 10), entity("mention", 11, 4)]
    inbound = got(message("say @bob x\n@eve", entities=entities))
    assert marked(inbound) == [(SpanKind.QUOTE, "say @bob x"), (SpanKind.MENTION, "@eve")]


@pytest.mark.parametrize("struck", [(4, 4), (2, 3), (6, 3), (0, 9)])
def test_what_is_struck_out_in_part_is_struck_out(struck: tuple[int, int]) -> None:
    """A link or a name that strikes overlap is no link or name any more, and no piece of it is."""
    entities = [entity("text_link", 4, 4, url="https://x.org"), entity("strikethrough", *struck)]
    (span,) = got(message("pay @bob!", entities=entities)).spans
    assert span.kind is SpanKind.QUOTE
    assert span.start <= 4
    assert span.end >= 8


def test_of_two_marks_the_outer_one_counts() -> None:
    """A mention inside a link is the link's label, and pays nobody."""
    entities = [entity("mention", 4, 4), entity("text_link", 0, 9, url="https://x.org")]
    assert got(message("pay @bob!", entities=entities)).spans == (Span(SpanKind.LINK, 0, 9),)


@pytest.mark.parametrize(("offset", "length"), [(1, 2), (0, 1), (3, 99), (99, 1), (-1, 2), (0, 0)])
def test_spans_that_cut_a_character_are_left_out(offset: int, length: int) -> None:
    """A place in the middle of a surrogate pair or outside the text marks nothing."""
    assert got(message("💶 x", entities=[entity("mention", offset, length)])).spans == ()


def test_a_caption_is_read_like_a_text() -> None:
    """A command under a picture is a command, with the caption's own entities."""
    photo: dict[str, Any] = {
        "photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}],
        "caption": "#envoyer 1 €",
    }
    data = message(**photo, caption_entities=[entity("hashtag", 0, 8)])
    del data["text"]
    inbound = got(data)
    assert inbound.text.reveal() == "#envoyer 1 €"
    assert marked(inbound) == [(SpanKind.HASHTAG, "#envoyer")]


FORWARDED = {"forward_origin": {"type": "hidden_user", "sender_user_name": "X", "date": 1}}


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        (FORWARDED, Flag.FORWARDED),
        ({"forward_origin": {"type": "user", "sender_user": BOB, "date": 1}}, Flag.FORWARDED),
        ({"via_bot": BOT}, Flag.VIA_BOT),
        ({"is_automatic_forward": True}, Flag.AUTOMATIC),
        ({"is_from_offline": True}, Flag.AUTOMATIC),
        ({"sender_business_bot": BOT}, Flag.AUTOMATIC),
        ({"from": BOT}, Flag.FROM_BOT),
    ],
)
def test_words_that_are_not_freshly_ones_own_are_flagged(fields: dict[str, Any], flag: Flag) -> None:
    """Forwarded, made by a bot, sent automatically: each is told to the core, which obeys none of them."""
    assert got(message(**fields)).flags == {flag}


@pytest.mark.parametrize(
    "fields",
    [
        {"from": ANONYMOUS_ADMIN, "sender_chat": GROUP},
        {"from": {"id": 136817688, "is_bot": True, "first_name": "Channel"}, "sender_chat": CHANNEL},
        {"from": {"id": 777000, "is_bot": False, "first_name": "Telegram"}},
        {"from": ANONYMOUS_ADMIN},
        {"sender_chat": GROUP},
    ],
)
def test_behind_a_shared_id_there_is_no_author(fields: dict[str, Any]) -> None:
    """All anonymous admins of all groups share one id, so nobody is the author of what it writes."""
    inbound = got(message(**fields))
    assert inbound.author is None
    assert Flag.ANONYMOUS in inbound.flags


def test_without_a_sender_there_is_no_author() -> None:
    """A message without `from` is nobody's."""
    data = message()
    del data["from"]
    assert got(data).author is None


def test_an_edit_is_another_event_of_the_same_message() -> None:
    """An edit is flagged and has an id of its own, the same at each delivery."""
    edited = got(message(edit_date=1700000060), "edited_message")
    assert edited.flags == {Flag.EDITED}
    assert edited.event_id == "-1001234567890:77:edit:1700000060"
    assert edited.message_ref == "-1001234567890:77"


def replied(**fields: Any) -> dict[str, Any]:
    """A message that answers another, of bob if nothing else is said."""
    answered = {"message_id": 50, "date": 1, "chat": GROUP, "from": BOB, "text": "hi"} | fields
    return message("#envoyer 10 €", reply_to_message={k: v for k, v in answered.items() if v is not None})


def test_a_reply_names_the_person_answered() -> None:
    """Who wrote the words that are answered is named by id, for words and pictures alike."""
    bob = Actor("telegram", "main", "1002", None, "Bob")
    assert got(replied()).reply_to == bob
    assert got(replied(text=None, dice={"value": 1, "emoji": "🎲"})).reply_to == bob


@pytest.mark.parametrize(
    "fields",
    [
        {"from": BOT},
        {"from": BOT | {"id": 5, "username": "OtherBot"}},
        {"from": ANONYMOUS_ADMIN, "sender_chat": GROUP},
        {"sender_chat": CHANNEL},
        {"from": None},
        {"text": None, "forum_topic_created": {"name": "t", "icon_color": 1}},
        {"text": None, "new_chat_members": [ALICE]},
    ],
)
def test_a_reply_to_nobodys_words_names_nobody(fields: dict[str, Any]) -> None:
    """Bots, groups and channels are not payees, nor is who opened the topic that a message stands in."""
    assert got(replied(**fields)).reply_to is None


@pytest.mark.parametrize(
    "kind", ["channel_post", "edited_channel_post", "business_message", "edited_business_message", "guest_message"]
)
def test_other_kinds_of_messages_mean_nothing(kind: str) -> None:
    """The update's own field decides: only `message`, `edited_message` and `callback_query` are read."""
    assert read(message(), kind) is None


def test_who_blocks_or_unblocks_the_bot_has_said_nothing() -> None:
    """A letter that is refused tells it when it matters, and who comes back says /start."""
    member = {"user": BOT, "status": "member"}
    kicked = {"user": BOT, "status": "kicked", "until_date": 0}
    chat = {"id": 5, "type": "private"}
    for before, after in ((member, kicked), (kicked, member)):
        change = {"chat": chat, "from": ALICE, "date": 1, "old_chat_member": before, "new_chat_member": after}
        for kind in ("my_chat_member", "chat_member"):
            assert read(change, kind) is None


def test_a_group_that_moves_has_said_nothing() -> None:
    """The service messages of a group that becomes a supergroup are no words; the new id is told when we write."""
    for moved in ({"migrate_to_chat_id": -1005}, {"migrate_from_chat_id": -5}):
        data = message(**moved)  # type: ignore[arg-type]
        del data["text"]
        assert read(data) is None


def test_a_message_without_words_means_nothing() -> None:
    """A sticker or "Ana joined" is no command."""
    data = message(new_chat_members=[BOB])
    del data["text"]
    assert read(data) is None


def press(**fields: Any) -> dict[str, Any]:
    """Alice's tap on a button of ours in the group."""
    held = {"message_id": 80, "date": 1700000000, "chat": GROUP, "from": BOT, "text": "10,00 EUR ?"}
    return {"id": "4382bfdwdsb323b2d9", "from": ALICE, "message": held, "chat_instance": "1", "data": "token"} | fields


def test_a_press_names_who_pressed() -> None:
    """The presser is the real person, also where they write anonymously; the surface is our message."""
    inbound = got(press(), "callback_query")
    assert inbound.event_id == "cb:4382bfdwdsb323b2d9"
    assert inbound.press == Press("token", "-1001234567890:80")
    assert inbound.author is not None
    assert inbound.author.id == "4503599627370497"
    assert inbound.chat == Chat("-1001234567890", Visibility.PUBLIC)
    assert not inbound.text


def test_a_press_on_a_message_too_old_to_show_counts() -> None:
    """Telegram sends of an old message only where it stood; that is enough."""
    held = {"message_id": 80, "date": 0, "chat": {"id": 1002, "type": "private"}}
    assert got(press(message=held), "callback_query").press == Press("token", "1002:80")


@pytest.mark.parametrize("gone", ["message", "data"])
def test_a_press_that_is_not_on_a_button_of_ours_means_nothing(gone: str) -> None:
    """Inline results and games are not ours."""
    data = press()
    del data[gone]
    assert read(data, "callback_query") is None


def test_the_same_update_reads_the_same_twice() -> None:
    """Translation adds no time and no randomness: a redelivery is equal to the first delivery."""
    assert got(press(), "callback_query") == got(press(), "callback_query")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(message())), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None)
@given(field=st.sampled_from([*sorted(message()), "entities", "reply_to_message", "forward_origin"]), value=json_values)
def test_no_shape_of_an_update_raises(field: str, value: Any) -> None:
    """What cannot be read is None, whatever stands in its fields."""
    read_update({"update_id": 1, "message": message() | {field: value}})


def test_a_topic_is_a_place_of_its_own() -> None:
    """What is said in a topic is answered there; in a group without topics a thread of replies is no place."""
    topic: dict[str, Any] = {"is_topic_message": True, "message_thread_id": 7}
    assert got(message(**topic)).chat == Chat("-1001234567890/7", Visibility.PUBLIC)
    assert got(message(message_thread_id=7)).chat == Chat("-1001234567890", Visibility.PUBLIC)
    alone = got(message(chat={"id": 5, "type": "private"}, **topic))
    assert alone.chat == Chat("5", Visibility.PRIVATE)
