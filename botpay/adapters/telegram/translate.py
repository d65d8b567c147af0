"""An update of Telegram to an `Inbound`: pure, and total over everything that Telegram can send.

The update's own field decides what a message is. `Update.effective_message` is not used: it mixes fresh messages
with edited ones, channel posts, business messages and guest messages, and only the first may pay.
"""

from collections.abc import Sequence
from typing import Any

from telegram import CallbackQuery, MaybeInaccessibleMessage, Message, MessageEntity, Update, User
from telegram.constants import ChatID, ChatType

from botpay.message import Actor, Chat, Flag, Inbound, Press, SecretText, Span, SpanKind, Visibility

ADAPTER = "telegram"
TOPIC = "/"
"""Stands between a group and the topic in it, in the id of a chat: answers belong where the question was."""

# Ids behind which no person stands, though Telegram puts them into `from`.
_NOBODY = frozenset({ChatID.ANONYMOUS_ADMIN, ChatID.FAKE_CHANNEL, ChatID.SERVICE_CHAT})

_KINDS = {
    MessageEntity.MENTION: SpanKind.MENTION,
    MessageEntity.TEXT_MENTION: SpanKind.MENTION,
    MessageEntity.HASHTAG: SpanKind.HASHTAG,
    MessageEntity.BOT_COMMAND: SpanKind.COMMAND,
    MessageEntity.CODE: SpanKind.CODE,
    MessageEntity.PRE: SpanKind.CODE,
    MessageEntity.BLOCKQUOTE: SpanKind.QUOTE,
    MessageEntity.EXPANDABLE_BLOCKQUOTE: SpanKind.QUOTE,
    # Struck words are shown as withdrawn: like a quotation, they are there and not said.
    MessageEntity.STRIKETHROUGH: SpanKind.QUOTE,
    MessageEntity.URL: SpanKind.LINK,
    MessageEntity.TEXT_LINK: SpanKind.LINK,
    MessageEntity.EMAIL: SpanKind.EMAIL,
}
_LOOKS = frozenset({MessageEntity.BOLD, MessageEntity.ITALIC, MessageEntity.UNDERLINE, MessageEntity.SPOILER})
_WHOLE = frozenset({SpanKind.CODE, SpanKind.QUOTE})


def read_update(data: dict[str, Any]) -> Update | None:
    """The update, or None where its shape is not one that the Bot API describes."""
    try:
        return Update.de_json(data)
    except Exception:  # noqa: BLE001 - any shape can come in, and the library's types raise what their fields raise
        return None


def translate(update: Update, me: tuple[str, ...], tenant: str) -> Inbound | None:
    """What a person did, or None for all that is no message or press.

    Args:
        me: the bot's names: its username without "@", its id.

    A caption is read like a text. Telegram does not tell when a button was pressed: `said_at` of a press is the
    time of the message that holds the button.
    """
    if update.message is not None:
        return _message(update.message, me, tenant, edited=False)
    if update.edited_message is not None:
        return _message(update.edited_message, me, tenant, edited=True)
    if update.callback_query is not None:
        return _press(update.callback_query, me, tenant)
    return None


def actor(user: User, tenant: str) -> Actor:
    """A person of Telegram. The id stays for life; the username can be sold, the name is chosen freely."""
    return Actor(ADAPTER, tenant, str(user.id), user.username, user.full_name, user.language_code)


def _message(message: Message, me: tuple[str, ...], tenant: str, *, edited: bool) -> Inbound | None:
    text = message.text or message.caption
    if not text:
        return None
    ref = f"{message.chat.id}:{message.message_id}"
    flags = _flags(message, edited=edited)
    writer = message.from_user
    return Inbound(
        adapter=ADAPTER,
        tenant=tenant,
        event_id=f"{ref}:edit:{_edited_at(message)}" if edited else ref,
        chat=_chat(message),
        author=None if writer is None or Flag.ANONYMOUS in flags else actor(writer, tenant),
        said_at=message.date,
        text=SecretText(text),
        spans=spans_of(text, message.entities or message.caption_entities),
        reply_to=_replied_to(message, me, tenant),
        flags=flags,
        me=me,
        message_ref=ref,
    )


def _press(query: CallbackQuery, me: tuple[str, ...], tenant: str) -> Inbound | None:
    message = query.message
    if message is None or query.data is None:  # a button of an inline result, or of a game: we make neither
        return None
    return Inbound(
        adapter=ADAPTER,
        tenant=tenant,
        event_id=f"cb:{query.id}",
        chat=_chat(message),
        author=actor(query.from_user, tenant),
        said_at=message.date,
        press=Press(query.data, f"{message.chat.id}:{message.message_id}"),
        me=me,
    )


def _chat(message: MaybeInaccessibleMessage) -> Chat:
    """The chat, or the topic of a group with topics. In other groups a thread is no place of its own."""
    visibility, chat = _visibility(message.chat.type), str(message.chat.id)
    if visibility is Visibility.PUBLIC and isinstance(message, Message) and message.is_topic_message:
        chat += f"{TOPIC}{message.message_thread_id}"
    return Chat(chat, visibility)


def _visibility(chat_type: str) -> Visibility:
    return Visibility.PRIVATE if chat_type == ChatType.PRIVATE else Visibility.PUBLIC


def _edited_at(message: Message) -> int:
    return int((message.edit_date or message.date).timestamp())


def _flags(message: Message, *, edited: bool) -> frozenset[Flag]:
    writer = message.from_user
    reasons = {
        Flag.EDITED: edited,
        Flag.FORWARDED: message.forward_origin is not None,
        Flag.VIA_BOT: message.via_bot is not None,
        Flag.AUTOMATIC: bool(message.is_automatic_forward or message.is_from_offline or message.sender_business_bot),
        Flag.FROM_BOT: writer is not None and writer.is_bot,
        Flag.ANONYMOUS: not _is_persons(message),
    }
    return frozenset(flag for flag, holds in reasons.items() if holds)


def _is_persons(message: Message) -> bool:
    """Whether `from` names who wrote it: not for a group or channel that speaks as itself, nor for service ids."""
    return message.sender_chat is None and message.from_user is not None and message.from_user.id not in _NOBODY


def _replied_to(message: Message, me: tuple[str, ...], tenant: str) -> Actor | None:
    """The person whose words this answers.

    A service message ("Ana opened the topic") is not words: every message of a topic formally answers the one that
    opened it, and its author must not become the payee.
    """
    answered = message.reply_to_message
    if answered is None or answered.from_user is None or not _is_persons(answered):
        return None
    if answered.from_user.is_bot or str(answered.from_user.id) in me:
        return None
    if not answered.text and answered.effective_attachment is None:
        return None
    return actor(answered.from_user, tenant)


def spans_of(text: str, entities: Sequence[MessageEntity]) -> tuple[Span, ...]:
    """Telegram's entities, in UTF-16 units (Bot API, MessageEntity), as spans in code points without overlaps."""
    index = _code_points(text)
    found = [span for entity in entities if (span := _span(text, entity, index)) is not None]
    spans: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if spans and span.start < spans[-1].end:
            spans[-1] = _joined(spans[-1], span)
        else:
            spans.append(span)
    return tuple(spans)


def _joined(outer: Span, inner: Span) -> Span:
    """One span for two that overlap.

    A quotation or code takes in all that it touches: a mention in a quote addresses nobody, and of a name that is
    half struck out no half is a name. Otherwise the outer one counts.
    """
    whole = next((span for span in (outer, inner) if span.kind in _WHOLE), None)
    return outer if whole is None else Span(whole.kind, outer.start, max(outer.end, inner.end))


def _code_points(text: str) -> dict[int, int]:
    """Where each code point begins, by UTF-16 unit; the middle of a surrogate pair is no key."""
    index = {}
    units = 0
    for place, character in enumerate(text):
        index[units] = place
        units += 2 if ord(character) > 0xFFFF else 1
    index[units] = len(text)
    return index


def _span(text: str, entity: MessageEntity, index: dict[int, int]) -> Span | None:
    start, end = index.get(entity.offset), index.get(entity.offset + entity.length)
    if start is None or end is None or start >= end or entity.type in _LOOKS:
        return None
    kind = _KINDS.get(entity.type, SpanKind.OTHER)
    if kind is SpanKind.HASHTAG and "@" in text[start:end]:
        kind = SpanKind.OTHER  # "#tag@channel" leads to a channel's posts
    actor_id = str(entity.user.id) if entity.type == MessageEntity.TEXT_MENTION and entity.user else None
    return Span(kind, start, end, actor_id)
