"""From the platform to the core: envelopes, identities, spans, acknowledgements."""

import asyncio
import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from botpay.errors import Busy, StorageUnavailable
from botpay.message import Inbound, Span, SpanKind, Visibility
from botpay.testing.contract.base import WITHIN_SECONDS, ContractBase, Rig, delivered, needs
from botpay.testing.contract.cases import AFTER, BEFORE
from botpay.testing.platform import Absent

ODD: tuple[Any, ...] = (None, True, 7, -1, "", "\ud800", [], {}, [[]], {"a": None})


class Incoming(ContractBase):
    """What people do becomes envelopes that mean the same."""

    # --- envelopes

    async def test_public(self, rig: Rig) -> None:
        """A message in a group says who wrote what, where and when; others can read it."""
        got = await self.received(rig, "public")
        text = got.text.reveal()
        assert text.startswith("#envoyer 10 € ")
        assert text.endswith(" pour la pizza")
        assert got.chat.visibility is Visibility.PUBLIC
        assert (got.adapter, got.author and got.author.key) == (rig.adapter.name, rig.platform.actor("alice").key)
        assert (got.flags, got.press, got.reply_to) == (frozenset(), None, None)
        assert got.said_at.utcoffset() is not None
        assert got.me
        assert all(name and not name.startswith("@") for name in got.me)

    async def test_private(self, rig: Rig) -> None:
        """A message to the bot alone is private, word for word."""
        got = await self.received(rig, "private")
        assert (got.text.reveal(), got.chat.visibility, got.flags) == ("solde", Visibility.PRIVATE, frozenset())
        assert got.author is not None
        assert got.author.key == rig.platform.actor("alice").key

    @needs("buttons")
    async def test_press(self, rig: Rig) -> None:
        """A press brings its token back as it is; who pressed is whom the platform names."""
        got, other = await self.received(rig, "press"), await self.received(rig, "press_by_bob")
        people = [inbound.author and inbound.author.key for inbound in (got, other)]
        assert people == [rig.platform.actor(who).key for who in ("alice", "bob")]
        assert [inbound.press and inbound.press.token for inbound in (got, other)] == ["token-1"] * 2
        assert (got.chat.visibility, other.chat.visibility) == (Visibility.PRIVATE, Visibility.PUBLIC)
        assert got.source != other.source

    async def test_reply(self, rig: Rig) -> None:
        """An answer to somebody's words names that person by id."""
        got = await self.received(rig, "reply")
        assert got.reply_to is not None
        assert got.reply_to.key == rig.platform.actor("bob").key

    # --- identity

    async def test_rename(self, rig: Rig) -> None:
        """Who takes another handle and another name stays the same person."""
        before, after = await self.received(rig, "public"), await self.received(rig, "renamed")
        assert before.author is not None
        assert after.author is not None
        assert before.author.key == after.author.key

    async def test_impostor(self, rig: Rig) -> None:
        """Who takes somebody's old handle and name does not become that person."""
        got = await self.received(rig, "impostor")
        assert got.author is not None
        assert got.author.key != rig.platform.actor("alice").key

    async def test_tenants(self, rig: Rig) -> None:
        """Ids of another workspace are not this one's people, even if they are the same."""
        here, there = await self.received(rig, "public"), await self.received_or_none(rig, "elsewhere")
        assert here.author is not None
        assert there is None or there.author is None or there.author.key != here.author.key

    # --- spans

    async def test_spans(self, rig: Rig) -> None:
        """Spans count code points: emoji, accents, other scripts and line ends before a mention do not shift it."""
        got = await self.received(rig, "astral")
        text = got.text.reveal()
        assert text.startswith(BEFORE)
        assert text.endswith(AFTER)
        mention = (len(BEFORE), len(text) - len(AFTER))
        assert _all(got, SpanKind.MENTION) in ([mention], [])
        assert (
            text[slice(*mention)].strip("<>@").casefold().startswith(("bob", rig.platform.actor("bob").id.casefold()))
        )
        _assert_in_order(got)

    @needs("mention_by_id")
    async def test_mention_by_id(self, rig: Rig) -> None:
        """A mention means whom the platform's id says, whatever name is shown."""
        got = await self.received(rig, "by_id")
        (span,) = [span for span in got.spans if span.kind is SpanKind.MENTION]
        assert span.actor_id == rig.platform.actor("bob").id

    @pytest.mark.parametrize("payload", ["code", "quote"])
    @needs("quoting")
    async def test_code_and_quotes(self, rig: Rig, payload: str) -> None:
        """Code and quotations are marked as such, and nobody is mentioned in them."""
        got = await self.received(rig, payload)
        assert {span.kind for span in got.spans} == {SpanKind.CODE if payload == "code" else SpanKind.QUOTE}

    async def test_links(self, rig: Rig) -> None:
        """The fragment of an address is no hashtag."""
        got = await self.received(rig, "link")
        assert _all(got, SpanKind.HASHTAG) == []
        _assert_in_order(got)

    async def test_channels(self, rig: Rig) -> None:
        """A reference to a channel or to everybody is marked as such, and is no person."""
        got = await self.received(rig, "channel")
        assert got.spans
        assert _all(got, SpanKind.MENTION) == []

    # --- what is no command

    async def test_edited(self, rig: Rig) -> None:
        """An edit is another event than its message, and no command."""
        before, after = await self.received(rig, "public"), await self.received_or_none(rig, "edited")
        assert _is_no_command(after)
        assert after is None or after.source != before.source

    @pytest.mark.parametrize("payload", ["bot", "own"])
    async def test_bots(self, rig: Rig, payload: str) -> None:
        """What a bot writes is no command, our own bot's words included."""
        assert _is_no_command(await self.received_or_none(rig, payload))

    async def test_forwarded(self, rig: Rig) -> None:
        """Somebody else's words that are passed on are no command."""
        assert _is_no_command(await self.received_or_none(rig, "forwarded"))

    async def test_via_bot(self, rig: Rig) -> None:
        """What a bot wrote in a person's name is no command."""
        assert _is_no_command(await self.received_or_none(rig, "via_bot"))

    async def test_automatic(self, rig: Rig) -> None:
        """What was sent without anybody there is no command."""
        assert _is_no_command(await self.received_or_none(rig, "automatic"))

    async def test_anonymous(self, rig: Rig) -> None:
        """What nobody stands behind by name is no command."""
        assert _is_no_command(await self.received_or_none(rig, "anonymous"))

    async def test_system(self, rig: Rig) -> None:
        """A notice of the platform's is no command."""
        assert _is_no_command(await self.received_or_none(rig, "system"))

    # --- once, and nothing lost

    async def test_again(self, rig: Rig) -> None:
        """The same thing delivered again is the same event; other things are others."""
        first, again = await self.received(rig, "public"), await self.received(rig, "public")
        assert first == again
        assert (await self.received(rig, "private")).source != first.source

    async def test_at_once(self, rig: Rig) -> None:
        """The same thing delivered twice at once is the same event."""
        payload = self.payload("public")
        await asyncio.gather(*[delivered(rig, copy.deepcopy(payload)) for _ in range(2)])
        assert len({inbound.source for inbound in rig.core.received}) == 1

    async def test_acknowledging(self, rig: Rig) -> None:
        """It acknowledges once the core has committed, and not before."""
        rig.core.hold()
        delivering = asyncio.create_task(delivered(rig, self.payload("public")))
        await rig.core.entered()
        await asyncio.wait({delivering}, timeout=0.05)
        assert not delivering.done()
        rig.core.let_go()
        await delivering

    @needs("connection")
    async def test_connection(self, rig: Rig) -> None:
        """A connection that breaks is made anew by itself, and what people did meanwhile is taken."""
        await self.received(rig, "private")
        async with asyncio.timeout(WITHIN_SECONDS):
            await rig.platform.hang_up()
        await self.received(rig, "public")

    @pytest.mark.parametrize("fault", [Busy("full"), StorageUnavailable("away"), RuntimeError("a bug of ours")])
    @needs("redelivers")
    async def test_redelivery(self, rig: Rig, fault: Exception) -> None:
        """What the core could not take is not acknowledged, and taken when it comes again, even if marked a retry."""
        rig.core.faults = [fault]
        got = await self.received(rig, "public")
        assert (rig.core.tries, rig.core.received) == (2, [got])

    async def test_stop(self, rig: Rig) -> None:
        """`stop` waits for what is under way: its commit is not cut off."""
        rig.core.hold()
        delivering = asyncio.create_task(delivered(rig, self.payload("public")))
        await rig.core.entered()
        stopping = asyncio.create_task(rig.adapter.stop())
        await asyncio.wait({stopping}, timeout=0.05)
        assert not stopping.done()
        rig.core.let_go()
        async with asyncio.timeout(WITHIN_SECONDS):
            await stopping
        assert len(rig.core.received) == 1
        delivering.cancel()  # whether it was acknowledged is for the platform to say: it was committed
        with suppress(asyncio.CancelledError, AssertionError):
            await delivering

    async def test_odd_payloads(self, rig: Rig) -> None:
        """Whatever stands in a field, nothing falls over: what is well formed is received afterwards."""
        for odd in _disfigured(self.payload("public")):
            with suppress(Absent):
                await delivered(rig, odd)
        await self.received(rig, "private")


def _all(got: Inbound, kind: SpanKind) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in got.spans if span.kind is kind]


def _assert_in_order(got: Inbound) -> None:
    ends = [0, *[span.end for span in got.spans]]
    assert all(_fits(span, end, len(got.text.reveal())) for span, end in zip(got.spans, ends, strict=False))


def _fits(span: Span, after: int, within: int) -> bool:
    return after <= span.start < span.end <= within


def _is_no_command(got: Inbound | None) -> bool:
    return got is None or bool(got.flags) or got.author is None


def _disfigured(payload: Any) -> Iterator[Any]:
    """A payload with each of its fields left out, and with something odd in its place, one after the other."""
    plain = json.dumps(payload)
    for number, path in enumerate(_paths(payload)):
        left_out = json.loads(plain)
        del _at(left_out, path[:-1])[path[-1]]
        yield left_out
        replaced = json.loads(plain)
        _at(replaced, path[:-1])[path[-1]] = ODD[number % len(ODD)]
        yield replaced


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from _paths(part, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
