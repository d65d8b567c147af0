"""Signed webhooks in: who may speak, what is understood, and what is answered."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import SecretStr

from botpay.adapters.webhook import Tenant
from botpay.adapters.webhook.signing import signature, signer
from botpay.errors import Busy, Conflict, StorageUnavailable
from botpay.message import Chat, Flag, Inbound, Span, SpanKind, Visibility
from botpay.testing.webhook.platform import SECRET, FakePlatform
from botpay.testing.webhook.rig import WebhookRig, message

OTHER = "whsec_" + base64.b64encode(b"another secret, which nobody has").decode()


@pytest.fixture
async def rig() -> AsyncIterator[WebhookRig]:
    """The adapter on a platform."""
    async with WebhookRig() as started:
        yield started


# Who may speak


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks (its libraries' tests) verifies here."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    id_, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
    given = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(key, id_, "1614265330", body) == given
    headers = {"webhook-id": id_, "webhook-timestamp": "1614265330", "webhook-signature": given}
    assert signer(CIMultiDictProxy(CIMultiDict(headers)), body, {"a": [key]}, 1614265330.9) == ("a", id_)


def forged(platform: FakePlatform, body: bytes) -> dict[str, Any]:
    """All ways to be refused, by name: headers that do not go with the body."""
    good = platform.sign("wh-1", body)
    stale, early = (platform.sign("wh-1", body, at=datetime.now(UTC).timestamp() + off) for off in (-301, 302))
    return {
        "none": {},
        "no id": {k: v for k, v in good.items() if k != "webhook-id"},
        "no time": {k: v for k, v in good.items() if k != "webhook-timestamp"},
        "no signature": {k: v for k, v in good.items() if k != "webhook-signature"},
        "other secret": FakePlatform(OTHER).sign("wh-1", body),
        "other body": platform.sign("wh-1", body + b" "),
        "other id": good | {"webhook-id": "wh-2"},
        "other time": good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
        "stale": stale,
        "early": early,
        "odd time": good | {"webhook-timestamp": "soon"},
        "arabic time": good | {"webhook-timestamp": "١٧٦٧٦٠٠٠٠٠"},
        "long time": good | {"webhook-timestamp": "9" * 5000},
        "odd id": platform.sign("wh 1", body),
        "dotted id": platform.sign("wh.1", body),
        "long id": platform.sign("w" * 256, body),
        "not ascii": good | {"webhook-signature": "v1,é"},
        "other version": good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
        "empty": good | {"webhook-signature": ""},
        "too many": good | {"webhook-signature": "v1,x " * 50 + good["webhook-signature"]},
        "twice": [*good.items(), ("webhook-signature", good["webhook-signature"])],
    }


async def test_whatever_is_wrong_with_a_signature_it_is_401(rig: WebhookRig) -> None:
    """Each fault of a signature is 401 with the same body, and nothing is received."""
    body = json.dumps(message("#envoyer 5 € @bob")).encode()
    for name, headers in forged(rig.platform, body).items():
        async with aiohttp.ClientSession() as session:
            kind = [("Content-Type", "application/json")]
            given = [*kind, *(headers if isinstance(headers, list) else headers.items())]
            url = f"{rig.base_url}/webhook/messages"
            async with session.post(url, data=body, headers=CIMultiDict(given)) as answer:
                assert (answer.status, await answer.json()) == (401, {"error": "not_signed", "details": []}), name
    assert rig.received == []


async def test_any_flipped_bit_of_the_body_is_401(rig: WebhookRig) -> None:
    """A body that differs in one bit from what was signed is refused."""
    body = json.dumps(message("#envoyer 5 € @bob")).encode()
    headers = rig.platform.sign("wh-1", body)
    for place in range(0, len(body), 7):
        changed = bytearray(body)
        changed[place] ^= 1
        assert (await rig.platform.post(bytes(changed), headers))[0] == 401
    assert rig.received == []


async def test_a_secret_can_be_replaced_without_a_gap() -> None:
    """With two secrets each is taken, alone or beside another signature."""
    renewed = Tenant(url="https://example.org", secrets=(SecretStr(OTHER), SecretStr(_secret(b"third"))))
    async with WebhookRig(other=renewed) as rig:
        body = json.dumps(message("hello")).encode()
        for number, secret in enumerate((OTHER, _secret(b"third"))):
            headers = FakePlatform(secret).sign(f"wh-{number}", body)
            headers["webhook-signature"] = f"v1,nonsense {headers['webhook-signature']}"
            assert (await rig.platform.post(body, headers))[0] == 200
        assert [inbound.tenant for inbound in rig.received] == ["other", "other"]


async def test_who_signed_decides_whose_people_they_are() -> None:
    """The same person id from two tenants is two people, and no body can say otherwise."""
    async with WebhookRig(other=Tenant(url="https://example.org", secrets=(SecretStr(OTHER),))) as rig:
        body = json.dumps(message("hello")).encode()
        for secret in (SECRET, OTHER):
            assert (await rig.platform.post(body, FakePlatform(secret).sign("wh-1", body)))[0] == 200
        assert [inbound.source for inbound in rig.received] == ["webhook:main:wh-1", "webhook:other:wh-1"]
        assert len({inbound.author.key for inbound in rig.received if inbound.author}) == 2
        told = json.dumps(message("hello", tenant="other")).encode()
        assert (await rig.platform.post(told, rig.platform.sign("wh-2", told)))[0] == 400


# What is understood


async def test_a_message_arrives_whole(rig: WebhookRig) -> None:
    """Author, chat, time, text, spans, whom it answers, and flags come through as they were told."""
    deed = message(
        "💶 @bob",
        spans=[{"kind": "mention", "start": 2, "end": 6, "id": "u-bob"}],
        reply_to={"id": "u-carol", "handle": "carol"},
        flags=["forwarded"],
    )
    assert (await rig.platform.tell(deed, "wh-7"))[1] == {"id": "wh-7"}
    [inbound] = rig.received
    assert inbound.author is not None
    assert inbound.reply_to is not None
    assert inbound.author.key == ("webhook", "main", "u-alice")
    assert (inbound.author.handle, inbound.author.name, inbound.author.language) == ("alice", "Alice", "fr-FR")
    assert inbound.reply_to.key == ("webhook", "main", "u-carol")
    assert inbound.chat == Chat("amis", Visibility.PUBLIC)
    assert inbound.said_at == datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
    assert inbound.spans == (Span(SpanKind.MENTION, 2, 6, "u-bob"),)
    assert inbound.flags == {Flag.FORWARDED}
    assert (inbound.text.reveal(), inbound.event_id, inbound.message_ref) == ("💶 @bob", "wh-7", "wh-7")


async def test_a_press_arrives_with_its_surface(rig: WebhookRig) -> None:
    """A press brings the token, and the message it was pressed on together with the place where that stands."""
    deed = message("") | {"type": "press", "token": "t0k", "message": "n1"}
    del deed["text"]
    await rig.platform.tell(deed)
    await rig.platform.tell(deed | {"chat": {"id": "dm", "visibility": "private"}})
    pressed = [inbound.press for inbound in rig.received if inbound.press]
    assert [(press.token, press.surface) for press in pressed] == [
        ("t0k", "public\namis\nn1"),
        ("t0k", "private\nu-alice\nn1"),
    ]


BOB = {"kind": "mention", "start": 0, "end": 4}
MALFORMED: dict[str, bytes | dict[str, Any]] = {
    "no json": b"{",
    "no object": b"[]",
    "not utf-8": b'"\xff"',
    "deep": b"[" * 30_000,
    "no type": {"type": "gift"},
    "misspelt flag": {"forwarded": True},
    "unknown flag": {"flags": ["fresh"]},
    "no author": {"author": None},
    "numeric author": {"author": {"id": 7}},
    "empty author": {"author": {"id": ""}},
    "handle with at": {"author": {"id": "u", "handle": "@bob"}},
    "line in a name": {"author": {"id": "u", "name": "Bob\nMartin"}},
    "nul": {"text": "a\0b"},
    "half a character": b'{"text": "\\ud800"}',
    "too long": {"text": "x" * 4097},
    "no visibility": {"chat": {"id": "amis"}},
    "odd visibility": {"chat": {"id": "amis", "visibility": "secret"}},
    "no offset": {"said_at": "2026-01-05T12:00:00"},
    "number as time": {"said_at": 1767600000},
    "future": {"said_at": "2999-01-01T00:00:00Z"},
    "span outside": {"text": "@bob", "spans": [BOB | {"end": 5}]},
    "span backwards": {"text": "@bob", "spans": [BOB | {"start": 3, "end": 2}]},
    "spans overlap": {"text": "@bob", "spans": [BOB, BOB | {"start": 3}]},
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_makes_no_sense_is_400_and_says_where(rig: WebhookRig, name: str) -> None:
    """A signed body that is not as described is refused, with the place of the fault, and nothing is received."""
    odd = MALFORMED[name]
    body = odd if isinstance(odd, bytes) else json.dumps(message("hello") | odd).encode()
    status, answer = await rig.platform.post(body, rig.platform.sign("wh-1", body))
    assert status == 400
    assert answer["error"] == "malformed"
    assert answer["details"]
    assert rig.received == []


async def test_a_refusal_repeats_nothing_of_what_was_said(rig: WebhookRig, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an answer nor a log at DEBUG holds a text, a token or a field that was sent, nor a secret."""
    caplog.set_level(logging.DEBUG)
    rig.faults = [Busy("full")]
    for deed in (
        message("code 482915"),
        message("code 482915", spans=[BOB | {"end": 5000}]),
        message("x", pin482915="482915"),
        message("x", author={"id": "u", "482915": 1}),
        message("x") | {"type": "press", "token": {"482915": "482915"}},
    ):
        body = json.dumps(deed).encode()
        _, answer = await rig.platform.post(body, rig.platform.sign("wh-1", body))
        assert "482915" not in json.dumps(answer)
    assert "482915" not in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(rig.adapter._settings)
    assert "482915" not in repr(rig.received)


async def test_large_and_foreign_bodies_are_refused(rig: WebhookRig) -> None:
    """Over 64 KiB is 413 before any signature is looked at; what is not called JSON is 415."""
    assert (await rig.platform.post(b" " * (64 * 1024 + 1), {}))[0] == 413
    body = json.dumps(message("hello")).encode()
    assert (await rig.platform.post(body, rig.platform.sign("wh-1", body) | {"Content-Type": "text/plain"}))[0] == 415
    assert rig.received == []


# Nothing is lost


@pytest.mark.parametrize("fault", [Busy("full"), StorageUnavailable("away")], ids=["busy", "storage"])
async def test_what_the_core_does_not_take_is_503_and_comes_again(rig: WebhookRig, fault: Exception) -> None:
    """A client is told to send the same again, and the repeat is taken."""
    rig.faults = [fault]
    body = json.dumps(message("hello")).encode()
    assert (await rig.platform.post(body, rig.platform.sign("wh-1", body)))[0] == 503
    assert await rig.platform.tell(message("hello"), "wh-1") == (200, {"id": "wh-1"})
    assert len(rig.received) == 1


async def test_an_id_that_meant_something_else_is_422(rig: WebhookRig) -> None:
    """Where the core says that the id came before with other contents, the client is told so."""
    rig.faults = [Conflict("used")]
    assert await rig.platform.tell(message("hello")) == (422, {"error": "id_reused", "details": []})


async def test_acknowledged_only_when_received(rig: WebhookRig) -> None:
    """A client gets its 200 after `receive` has returned, not before."""
    safe, entered = asyncio.Event(), asyncio.Event()

    async def receive(_: Inbound) -> None:
        entered.set()
        await safe.wait()

    rig.adapter._receive = receive
    telling = asyncio.create_task(rig.platform.tell(message("hello")))
    await entered.wait()
    assert not telling.done()
    safe.set()
    assert (await telling)[0] == 200


async def test_while_stopping_nothing_is_taken(rig: WebhookRig) -> None:
    """After `stop` a delivery is 503, so that it comes again."""
    await rig.adapter.stop()
    body = json.dumps(message("hello")).encode()
    assert (await rig.platform.post(body, rig.platform.sign("wh-1", body)))[0] == 503


def _secret(seed: bytes) -> str:
    return "whsec_" + base64.b64encode(seed.ljust(32, b".")).decode()
