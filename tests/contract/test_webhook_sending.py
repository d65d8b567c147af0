"""Signed webhooks out: what a client is posted, and what its answers mean."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from botpay.adapters.webhook import Tenant, WebhookAdapter, WebhookSettings
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient, Unreachable
from botpay.message import Button, Keypad, Outbound
from botpay.testing.webhook import FakePlatform, WebhookRig
from botpay.testing.webhook.platform import SECRET
from botpay.testing.webhook.rig import message, private, public

KEYPAD = Keypad("PIN", "open", ((Button("1", "k1"), Button("2", "k2")),), shown="●")


@pytest.fixture
async def rig() -> AsyncIterator[WebhookRig]:
    """The adapter on a platform."""
    async with WebhookRig() as started:
        yield started


async def test_a_private_message_names_its_person_and_no_chat(rig: WebhookRig) -> None:
    """What is private goes out with `to` alone, not even the chat where the talk began; keys come as data."""
    await rig.adapter.send(private("Votre code PIN ?", keypad=KEYPAD))
    [shown] = rig.platform.history
    assert (shown.to, shown.chat, shown.text) == ("u-alice", None, "Votre code PIN ?")
    assert shown.tokens() == {"1": "k1", "2": "k2"}
    assert shown.keypad is not None
    assert shown.keypad["shown"] == "●"


async def test_a_public_message_names_its_chat(rig: WebhookRig) -> None:
    """What is public goes out with `chat` alone; a button without a token opens the private chat."""
    await rig.adapter.send(public("<b>@all & co</b>", buttons=((Button("Open"),),)))
    [shown] = rig.platform.history
    assert (shown.to, shown.chat, shown.text) == (None, "amis", "<b>@all & co</b>")
    assert shown.buttons == (({"label": "Open"},),)


@pytest.mark.parametrize("names_refs", [True, False], ids=["its refs", "our ids"])
async def test_an_edit_takes_the_place_of_what_was_sent(names_refs: bool) -> None:
    """`replaces` names the message by the client's own ref, or by the id it was sent under."""
    async with WebhookRig() as rig:
        rig.platform._names_refs = names_refs
        sent = await rig.adapter.send(private("one"))
        again = await rig.adapter.send(private("two", id="o9", replaces=sent.ref))
        assert [shown.text for shown in rig.platform.seen_by("u-alice")] == ["two"]
        await rig.adapter.send(private("", id="o10", deletes=again.ref))
        assert rig.platform.seen_by("u-alice") == []


async def test_what_is_private_replaces_nothing_public(rig: WebhookRig) -> None:
    """An answer to a press in a public chat, or in somebody else's, is a new private message."""
    sent = await rig.adapter.send(public("hint"))
    await rig.adapter.send(private("Vous avez 10 €", replaces=sent.ref))
    others = await rig.adapter.send(private("theirs", id="o4", to="u-bob"))
    await rig.adapter.send(private("mine", id="o5", replaces=others.ref))
    deed = {k: v for k, v in message("").items() if k != "text"}
    await rig.platform.tell(deed | {"type": "press", "token": "t", "message": str(sent.ref).rpartition("\n")[2]})
    press = rig.received[-1].press
    assert press is not None
    await rig.adapter.send(private("secret", id="o6", replaces=press.surface))
    assert [shown.text for shown in rig.platform.now.values()] == ["hint", "Vous avez 10 €", "theirs", "mine", "secret"]


async def test_what_a_person_wrote_is_deleted_by_its_id(rig: WebhookRig) -> None:
    """`deletes` names the webhook-id with which the message came."""
    await rig.platform.tell(message("482915"), "wh-1")
    await rig.adapter.send(private("", deletes=rig.received[0].message_ref))
    assert rig.platform.deleted == ["wh-1"]


ANSWERS: dict[str, tuple[int, dict[str, str], dict[str, Any], type[DeliveryError]]] = {
    "429": (429, {"Retry-After": "7"}, {}, RetryAfter),
    "429 untold": (429, {}, {}, RetryAfter),
    "503 until": (503, {"Retry-After": "7"}, {}, RetryAfter),
    "503": (503, {}, {}, Transient),
    "500": (500, {}, {}, Transient),
    "408": (408, {}, {}, Transient),
    "404 person": (404, {}, {"code": "unreachable"}, Unreachable),
    "410 person": (410, {}, {"code": "unreachable"}, Unreachable),
    "404": (404, {}, {}, Permanent),
    "400": (400, {}, {"code": "unreachable"}, Permanent),
    "302": (302, {"Location": "http://127.0.0.1:9/"}, {}, Permanent),
    "401": (401, {}, {}, Forbidden),
    "403": (403, {}, {}, Forbidden),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_each_answer_means_what_to_do_next(rig: WebhookRig, name: str) -> None:
    """Every status is an error of its kind, whose text holds nothing of the message; nothing was shown."""
    status, headers, body, expected = ANSWERS[name]
    rig.platform.answers = [(status, headers, body)]
    with pytest.raises(DeliveryError) as raised:
        await rig.adapter.send(private("their words"))
    assert type(raised.value) is expected
    assert "words" not in str(raised.value)
    assert rig.platform.history == []


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7), ("0", 0), ("-3", 0), ("1e9", 3600), ("nan", 5), ("soon", 5), ("Thu, 01 Jan 1970 00:01:40 GMT", 40)],
)
async def test_retry_after_is_seconds_or_a_date(told: str, seconds: float) -> None:
    """Seconds or a date (RFC 9110, section 10.2.3), within an hour; what is neither is five seconds."""
    async with WebhookRig(clock=lambda: 60.0) as rig:
        rig.platform._verified = lambda *_: "o1"  # type: ignore[method-assign] # its clock is another
        rig.platform.answers = [(429, {"Retry-After": told}, {})]
        with pytest.raises(RetryAfter) as raised:
            await rig.adapter.send(private("hello"))
        assert raised.value.seconds == seconds


async def test_the_same_outbound_is_shown_once(rig: WebhookRig) -> None:
    """A second try comes under the same webhook-id, signed anew."""
    first = await rig.adapter.send(private("hello"))
    assert await rig.adapter.send(private("hello")) == first
    assert rig.platform.ids == ["o1", "o1"]
    assert len(rig.platform.history) == 1


async def test_silence_and_a_closed_door_are_transient(rig: WebhookRig, unused_port: int) -> None:
    """Who does not answer within the time, or not at all, is tried again."""
    async with _answering(_never) as url:
        for address in (url, f"http://127.0.0.1:{unused_port}/"):
            adapter = _adapter(address)
            await adapter.start(rig.receive)
            with pytest.raises(Transient):
                await adapter.send(private("hello"))
            await adapter.stop()
            with pytest.raises(Transient):
                await adapter.send(private("hello"))


async def test_an_odd_answer_is_still_done(rig: WebhookRig) -> None:
    """2xx is done, whatever its body: no JSON, no object, an endless one, a ref that is none."""
    for number, body in enumerate((b"ok", b"[]", b'{"ref": 7}', b'{"ref": "a\\nb"}', b"x" * 200_000, b"[" * 9999)):
        async with _answering(_saying(body)) as url:
            adapter = _adapter(url)
            await adapter.start(rig.receive)
            receipt = await adapter.send(private("hello", id=f"o-{number}"))
            assert receipt.ref == f"private\nu-alice\no-{number}"
            await adapter.stop()


async def test_what_the_platform_does_not_take_is_permanent(rig: WebhookRig) -> None:
    """A longer text than is promised, or a tenant that is gone from the settings, is not posted."""
    for outbound in (private("x" * 4097), private("hello", tenant="gone")):
        with pytest.raises(Permanent):
            await rig.adapter.send(outbound)
    assert rig.platform.ids == []


async def test_nothing_of_a_message_or_a_secret_is_logged(rig: WebhookRig, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the logs of a delivery and of its failures hold neither text, token nor secret."""
    caplog.set_level(logging.DEBUG)
    await rig.adapter.send(private("482915", keypad=KEYPAD))
    rig.platform.answers = [(500, {}, {})]
    with pytest.raises(Transient):
        await rig.adapter.send(private("482915", id="o7"))
    for canary in ("482915", "k1", SECRET, SECRET.removeprefix("whsec_")):
        assert canary not in caplog.text


async def test_doctor_pings_each_client(rig: WebhookRig, unused_port: int) -> None:
    """`check` is silent if a signed ping is answered, and names the tenant whose address does not."""
    assert list(await rig.adapter.check()) == []
    [trouble] = await _adapter(f"http://127.0.0.1:{unused_port}/").check()
    assert trouble.startswith("tenants.main: its url does not answer")
    assert rig.platform.history == []


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"tenants": {}},
        {"tenants": {"main": {"url": "https://example.org", "secrets": []}}},
        {"tenants": {"main": {"url": "https://example.org", "secrets": ["whsec_c2hvcnQ="]}}},
        {"tenants": {"main": {"url": "https://example.org", "secrets": [SECRET.removeprefix("whsec_")]}}},
        {"tenants": {"main": {"url": "https://example.org", "secrets": [SECRET, SECRET]}}},
        {"tenants": {"main": {"url": "http://example.org", "secrets": [SECRET]}}},
        {"tenants": {"a:b": {"url": "https://example.org", "secrets": [SECRET]}}},
        {"tenants": {name: {"url": "https://example.org", "secrets": [SECRET]} for name in "ab"}},
    ],
)
def test_unsafe_settings_are_refused(section: dict[str, Any]) -> None:
    """No secret, a short one, one for two tenants, or an address that anybody can listen to: botpay does not start."""
    with pytest.raises(ValidationError) as raised:
        WebhookSettings(**section)
    assert SECRET not in str(raised.value)


@pytest.fixture
async def unused_port() -> int:
    """A port on which nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


class _answering:  # noqa: N801 - reads as a sentence
    def __init__(self, handler: Any) -> None:
        self._handler = handler

    async def __aenter__(self) -> str:
        self._runner = web.ServerRunner(web.Server(self._handler, access_log=None), shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def _never(_: web.BaseRequest) -> web.Response:
    await asyncio.sleep(2)  # ten times what the adapter waits
    return web.Response()


def _saying(body: bytes) -> Any:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body)

    return answer


def _adapter(url: str) -> WebhookAdapter:
    tenant = Tenant(url=url, secrets=(SecretStr(FakePlatform().secret),))
    return WebhookAdapter(WebhookSettings(tenants={"main": tenant}, timeout_seconds=0.2))


def test_the_platform_is_strict() -> None:
    """The fake refuses what no client could rely on: unknown fields, two places, none."""
    from botpay.testing.webhook.platform import _check

    for odd in ({"to": "u", "chat": "amis"}, {"chat": "amis"}, {}, {"to": "u", "extra": 1}):
        with pytest.raises(AssertionError):
            _check({"type": "message", "visibility": "private", "text": "x"} | odd)


def test_outbounds_do_not_print() -> None:
    """What is posted cannot be printed by accident."""
    outbound: Outbound = private("482915", keypad=KEYPAD)
    assert "482915" not in repr(outbound)
