"""The Slack adapter: who may call it, what it acknowledges, and what it never tells."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import aiohttp
import pytest
from multidict import CIMultiDict
from pydantic import SecretStr

from botpay.adapters.slack import SlackAdapter
from botpay.errors import (
    Busy,
    ConfigError,
    Permanent,
    RetryAfter,
    StorageUnavailable,
    Transient,
)
from botpay.message import Button, Inbound
from botpay.testing.slack import Channel, Delivery, FakeSlack, Person
from botpay.testing.slack.rig import SlackRig, for_many, private, public, settings


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


# Is it Slack who calls?


async def post(fake: FakeSlack, body: bytes, headers: Any, kind: str = "application/json") -> tuple[int, str]:
    """Call the Request URL, as anybody could."""
    all_headers = CIMultiDict([("Content-Type", kind), *headers.items()])
    session = aiohttp.ClientSession()
    async with session, session.post(str(fake.http.url), data=io.BytesIO(body), headers=all_headers) as answer:
        return answer.status, await answer.text()


def event_body(text: str = "hello", **more: Any) -> bytes:
    """The body of a message event."""
    event = {"type": "message", "user": "U0ALICE", "text": text, "channel": "D01", "ts": "1700000000.000100", **more}
    return json.dumps({"type": "event_callback", "team_id": "T0FAKE", "event": event}).encode()


Forge = Callable[[FakeSlack, bytes], tuple[bytes, dict[str, str]]]


def forge(change: Callable[[dict[str, str]], dict[str, str]], body: bytes | None = None) -> Forge:
    """A request that Slack did not send: its headers changed, or its body."""
    return lambda fake, signed: (signed if body is None else body, change(fake.http.sign(signed)))


STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"


@pytest.mark.parametrize(
    "forged",
    [
        forge(lambda _: {}),
        forge(lambda h: {STAMP: h[STAMP]}),
        forge(lambda h: {SIGNATURE: h[SIGNATURE]}),
        forge(lambda h: {**h, SIGNATURE: "v0=" + "0" * 64}),
        forge(lambda h: {**h, SIGNATURE: h[SIGNATURE] + "é"}),
        forge(lambda h: {**h, STAMP: "soon"}),
        forge(lambda h: {**h, STAMP: "9" * 5000}),
        forge(lambda h: {**h, STAMP: str(int(h[STAMP]) + 1)}),
        forge(lambda h: h, body=event_body("hellp")),
        forge(lambda h: h, body=b"\xff\xfe"),
        lambda fake, body: (body, fake.http.sign(body, timestamp=1_700_000_000)),
    ],
    ids=[
        "none",
        "stamp-only",
        "signature-only",
        "wrong",
        "non-ascii",
        "not-a-number",
        "huge",
        "moved",
        "bit-flip",
        "not-utf-8",
        "stale",
    ],
)
async def test_anything_else_is_401(fake: FakeSlack, rig: SlackRig, forged: Forge) -> None:
    """A missing, wrong, stale or odd signature is answered 401, and nothing is handed over."""
    body, headers = forged(fake, event_body())
    assert (await post(fake, body, headers))[0] == 401
    assert rig.received == []


async def test_the_challenge_is_echoed_if_signed(fake: FakeSlack) -> None:
    """The Request URL proves itself to Slack, and to nobody else."""
    assert await fake.verify_url() is True
    assert (await post(fake, b'{"type":"url_verification","challenge":"x"}', {}))[0] == 401


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 400),
        (b"payload=%7B", "application/x-www-form-urlencoded", 400),
        (b"command=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 200), "application/x-www-form-urlencoded", 400),
        (b"command=%2Fpay&text=5", "application/x-www-form-urlencoded", 400),
        (b'{"type":"event_callback"}', "application/json", 400),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
        (b'{"type":"app_rate_limited"}', "application/json", 200),
    ],
    ids=["json", "array", "deep", "type", "payload", "utf-8", "fields", "no-trigger", "no-event", "large", "other"],
)
async def test_nonsense_is_400(fake: FakeSlack, rig: SlackRig, body: bytes, kind: str, status: int) -> None:
    """A signed body that makes no sense is refused; one that means nothing to us is acknowledged."""
    assert (await post(fake, body, fake.http.sign(body), kind))[0] == status
    assert rig.received == []


async def test_nonsense_is_not_brought_again(fake: FakeSlack, rig: SlackRig) -> None:
    """What makes no sense once will make none the next time: Slack is told not to retry."""
    await fake.tell("events_api", "U0ALICE", {"type": "event_callback"})
    assert await fake.retry() == 0
    assert fake.deliveries[-1].statuses == [400]


# Nothing is lost, nothing is doubled


async def test_refused_commands_and_taps_tell_the_person(
    adapter: SlackAdapter, fake: FakeSlack, alice: Person, channel: Channel, rig: SlackRig
) -> None:
    """Slack does not bring commands and taps again: their author, and nobody else, is asked to."""
    receipt = await adapter.send(public("?", channel, buttons=((Button("Yes", "yes"),),)))
    rig.faults = [Busy("full"), Busy("full")]
    await alice.slash("/pay", "5 €", channel)
    assert "try again" in alice.sees(channel)[-1]
    assert "réessayer" in alice.sees(channel)[-1]
    await alice.press(rig.sent(receipt), "Yes")
    assert "try again" in alice.sees()[-1]
    assert fake.user("bob").sees(channel) == ["?"]


async def test_stop_waits_for_what_is_under_way(
    adapter: SlackAdapter, fake: FakeSlack, alice: Person, rig: SlackRig
) -> None:
    """What was begun before the stop is finished and acknowledged; what comes after is refused."""
    safe, entered = asyncio.Event(), asyncio.Event()

    async def receive(inbound: Inbound) -> None:
        entered.set()
        await safe.wait()
        await rig.receive(inbound)

    adapter._receive = receive
    saying = asyncio.create_task(alice.say(None, "before"))
    await entered.wait()
    stopping = asyncio.create_task(adapter.stop())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not stopping.done()
    safe.set()
    await asyncio.gather(saying, stopping)
    await alice.say(None, "after")
    assert [delivery.statuses for delivery in fake.deliveries] == [[200], [503]]
    assert rig.texts == ["before"]


async def test_messages_of_one_person_keep_their_order(alice: Person, rig: SlackRig) -> None:
    """Asking for a name does not let a later message overtake an earlier one."""
    texts = [str(number) for number in range(5)]
    await asyncio.gather(*[alice.say(None, text) for text in texts])
    assert rig.texts == texts


# Setting up


async def test_what_is_missing_is_named(fake: FakeSlack, rig: SlackRig) -> None:
    """Without its secrets, or with wrong ones, the adapter does not start, and says which one."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"signing_secret": None}, "signing_secret"),
        ({"signing_secret": SecretStr(" ")}, "signing_secret"),
        ({"mode": "socket", "app_token": None}, "app_token"),
        ({"mode": "socket", "app_token": SecretStr("xapp-wrong")}, "app_token"),
        ({"bot_token": SecretStr("xoxb-wrong")}, "bot_token"),
    ]
    for changed, named in cases:
        adapter = SlackAdapter(settings(fake, **changed))
        with pytest.raises(ConfigError, match=named):
            await adapter.start(rig.receive)
        assert len(await adapter.check()) <= 1


async def test_check(fake: FakeSlack) -> None:
    """`check` is content with all scopes, and names each that is missing with its remedy."""
    adapter = SlackAdapter(settings(fake))
    assert await adapter.check() == []
    fake.scopes -= {"im:write", "commands"}
    assert [scope for line in await adapter.check() for scope in ("im:write", "commands") if scope in line] == [
        "commands",
        "im:write",
    ]
    wrong = await SlackAdapter(settings(fake, bot_token=SecretStr("xoxb-wrong"))).check()
    assert ["invalid_auth" in line for line in wrong] == [True]
    fake.scopes |= {"im:write", "commands"}
    fake.fail_next("apps.connections.open", "internal_error", status=500)
    for token, said in (("xapp-wrong", ["internal_error"]), ("xapp-wrong", ["invalid_auth"]), (fake.app_token, [])):
        found = await SlackAdapter(settings(fake, mode="socket", app_token=SecretStr(token))).check()
        assert len(found) == len(said)
    nothing = SlackAdapter(settings(fake, bot_token=None, signing_secret=None))
    assert [line.split()[0] for line in await nothing.check()] == ["slack.bot_token", "slack.signing_secret"]


async def test_check_for_many_workspaces(fake: FakeSlack) -> None:
    """With a client id there is no bot token, but a secret and an https address."""
    many = for_many(fake, "https://pay.example.org")
    assert await SlackAdapter(settings(fake, **many)).check() == []
    cases: dict[str, dict[str, Any]] = {
        "client_secret": {"client_secret": None},
        "public_url": {"public_url": ""},
        "https": {"public_url": "http://pay.example.org"},
        "bot_token": {"bot_token": SecretStr("xoxb-1")},
    }
    for said, changed in cases.items():
        [line] = await SlackAdapter(settings(fake, **(many | changed))).check()
        assert said in line


async def test_closed_before_start(fake: FakeSlack) -> None:
    """In mode "socket" there is no route; before its start the adapter takes nothing and can be stopped."""
    adapter = SlackAdapter(settings(fake, mode="socket"))
    assert adapter.routes() == ()
    await adapter.stop()


# Socket Mode


@pytest.fixture
async def socket() -> AsyncIterator[SlackRig]:
    """The adapter on a fake Slack, in Socket Mode."""
    async with SlackRig("socket") as rig:
        yield rig


async def test_socket_mode(socket: SlackRig) -> None:
    """Events and commands come over the WebSocket as they do over HTTP, also after it was renewed."""
    alice = socket.fake.user("alice")
    await alice.say(None, "solde")
    await socket.fake.sockets.refresh()
    await alice.slash("/pay", "5 €")
    assert socket.texts == ["solde", "/pay 5 €"]
    assert [delivery.statuses for delivery in socket.fake.deliveries] == [[200], [200]]


async def test_socket_mode_refused(socket: SlackRig) -> None:
    """An event that is refused is not acknowledged and comes again; a refused command tells its author."""
    alice = socket.fake.user("alice")
    socket.fake.sockets.answer_seconds = 0.2
    socket.faults = [StorageUnavailable("away")]
    await alice.say(None, "solde")
    await socket.fake.settled()
    assert socket.fake.deliveries[-1].statuses == [0, 200]
    socket.faults = [Busy("full")]
    await alice.slash("/pay", "5 €")
    assert "try again" in alice.sees()[-1]
    assert socket.texts == ["solde"]


async def test_several_sockets_share_what_comes(socket: SlackRig) -> None:
    """Slack spreads envelopes over all connections, repeated ones too: it is the same event on whichever it comes."""
    second = SlackAdapter(settings(socket.fake, mode="socket"))
    await second.start(socket.receive)
    alice = socket.fake.user("alice")
    for _ in range(2):
        await alice.say(None, "solde")
        await socket.fake.redeliver_last(alice)
    await socket.fake.sockets.refresh()
    await alice.slash("/pay", "5 €")
    await socket.fake.redeliver_last(alice)
    await second.stop()
    one, again, two, again2, command, again3 = [inbound.source for inbound in socket.received]
    assert (one, two, command) == (again, again2, again3)
    assert len({one, two, command}) == 3


# Nothing leaks


async def play_canaries(rig: SlackRig) -> None:
    """Everything that could print what people write: success, refusal, failure, both ways."""
    alice = rig.fake.user("alice")
    await alice.say(None, "canary-482915")
    rig.faults = [Busy("full"), Busy("full")]
    await alice.say(None, "canary-482915")
    await alice.slash("/pay", "canary-482915")
    await rig.adapter.send(private("canary-reply"))
    for error, status in [("invalid_blocks", 200), ("internal_error", 500), ("ratelimited", 429)]:
        rig.fake.fail_next("chat.postMessage", error, status=status)
        with pytest.raises((Permanent, Transient, RetryAfter)):
            await rig.adapter.send(private("canary-reply"))


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_logs_tell_nothing(mode: Literal["http", "socket"], caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG no token, secret, PIN or word of a message is logged, and no repr shows one."""
    caplog.set_level(logging.DEBUG)
    async with SlackRig(mode) as rig:
        rig.fake.sockets.answer_seconds = 0.3
        await play_canaries(rig)
        shown = f"{rig.adapter!r} {vars(rig.adapter)!r} {rig.received!r}"
    assert len(rig.received) == 1
    for canary in ("canary", rig.fake.bot_token, rig.fake.app_token, rig.fake.signing_secret):
        assert canary not in caplog.text
        assert canary not in shown


async def test_bodies_are_not_in_a_refusal(fake: FakeSlack) -> None:
    """An answer to a refused request does not repeat it."""
    body = b'{"canary": '
    status, text = await post(fake, body, fake.http.sign(body))
    assert status == 400
    assert "canary" not in text


def test_deliveries_are_told_apart() -> None:
    """A delivery waits for its retry while it was refused, and not for ever."""
    delivery = Delivery("events_api", "U1", {}, statuses=[503])
    assert delivery.is_waiting
    delivery.statuses += [503, 503, 503]
    assert not delivery.is_waiting
