"""On a real Synapse: two people pay each other in a room, and the fake homeserver answers as it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from botpay.adapters.matrix import MatrixAdapter, MatrixSettings
from botpay.app import Application
from botpay.audit import verify as audit
from botpay.config import Keys
from botpay.ledger import verify as ledger
from botpay.message import Actor, SecretText
from botpay.testing.chat import plain
from botpay.testing.matrix import FakeHomeserver
from botpay.testing.matrix.caller import Caller
from botpay.testing.matrix.homeserver import BOT, TOKEN
from botpay.testing.matrix.synapse import Synapse
from botpay.testing.play import ALICE, BOB, Resident, embedded

PYTHON = Path(__file__).parents[2] / ".venv-synapse" / "bin" / "python"
FAST = 30.0

pytestmark = pytest.mark.long


@pytest.fixture
async def synapse(tmp_path: Path) -> AsyncIterator[Synapse]:
    """A Synapse with nobody on it; `make .venv-synapse/.ready` installs it, and so does `make long`."""
    async with Synapse(PYTHON, tmp_path) as started:
        yield started


async def until(seen: Callable[[], Awaitable[Any]]) -> Any:
    """What is waited for, once it is so."""
    async with asyncio.timeout(FAST):
        while not (found := await seen()):  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.1)
    return found


def mention(text: str, who: str, user_id: str) -> dict[str, Any]:
    """A message with a mention, as Element writes it."""
    link = f'<a href="https://matrix.to/#/{user_id}">{who}</a>'
    formatted = {"format": "org.matrix.custom.html", "formatted_body": text.replace(who, link)}
    return {"msgtype": "m.text", "body": text, **formatted, "m.mentions": {"user_ids": [user_id]}}


async def direct_room(person: Caller, group: str, bot: str) -> str:
    """The direct room that the bot made for somebody, once they have followed its invitation."""
    for invited in await person.invitations():
        await person.ask("POST", "join", invited, body={})
    for room in await person.joined():
        if room != group and await person.members(room) == {person.user_id, bot}:
            return room
    return ""


async def said(person: Caller, room: str, words: str) -> list[tuple[str, str]]:
    """What stands in a room, if these words do."""
    shown = [(who, plain(text)) for who, text in await person.reads(room)]
    return shown if any(words in text for _, text in shown) else []


async def pays(payer: Caller, payee: Caller, pin: str, group: str, bot: str) -> None:
    """One pays the other ten euros: asked and answered in direct rooms, the PIN taken away."""
    handle = payee.user_id.partition(":")[0]
    await payer.say(group, mention(f"#envoyer 10 € {handle} pour la pizza", handle, payee.user_id))
    room = await until(lambda: direct_room(payer, group, bot))
    await until(lambda: said(payer, room, "Votre code PIN pour confirmer"))
    await payer.say(room, {"msgtype": "m.text", "body": pin})
    shown = await until(lambda: said(payer, room, "C’est fait : 10,00 € envoyés"))
    await until(lambda: _without(payer, room, pin))
    assert {who for who, _ in shown} == {bot} or pin in dict(shown).values()
    theirs = await until(lambda: direct_room(payee, group, bot))
    await until(lambda: said(payee, theirs, "vous a envoyé 10,00 €"))
    assert await payer.members(room) == {payer.user_id, bot}


async def _without(person: Caller, room: str, text: str) -> bool:
    return text not in [said for _, said in await person.reads(room)]


async def test_two_people_pay_each_other_in_a_room(synapse: Synapse, tmp_path: Path) -> None:
    """Commands in the room, prompts in direct rooms of two, PINs redacted, news to the payee, the ledger proven."""
    bot, token = await synapse.login("botpay")
    people = [(await synapse.login(one.who), one) for one in (ALICE, BOB)]
    settings = MatrixSettings(homeserver=synapse.url, access_token=SecretStr(token), typed_pin=True)
    keys = Keys.fresh()
    application = Application(embedded(tmp_path / "bot.sqlite", keys), [MatrixAdapter(settings)])
    for (user_id, _), resident in people:
        _enrol(application, user_id, resident)
    await application.start_core()
    await application.start_adapters()
    ((alice_id, alice_token), _), ((bob_id, bob_token), _) = people
    async with Caller(synapse.url, alice_token, alice_id) as alice, Caller(synapse.url, bob_token, bob_id) as bob:
        room = await alice.ask("POST", "createRoom", body={"preset": "private_chat", "invite": [bob_id, bot]})
        group = str(room["room_id"])
        for invited in await bob.invitations():
            await bob.ask("POST", "join", invited, body={})
        await until(lambda: _joined(alice, group, 3))
        await pays(alice, bob, ALICE.pin, group, bot)
        await pays(bob, alice, BOB.pin, group, bot)
        assert {who for who, _ in await alice.reads(group)} == {alice_id, bob_id}
        await _cannot_read(alice, bot)
    await application.stop()
    database = Application(embedded(tmp_path / "bot.sqlite", keys), []).database
    with database.read() as connection:
        key = bytes.fromhex(keys.audit.get_secret_value())
        assert [*ledger.problems(connection), *audit.problems(connection, key)] == []
    database.close()


async def _joined(person: Caller, room: str, count: int) -> bool:
    joined = await person.ask("GET", "rooms", room, "joined_members")
    return len(joined["joined"]) == count


async def _cannot_read(alice: Caller, bot: str) -> None:
    """In an encrypted room the bot says that it cannot read."""
    encrypted = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = str((await alice.ask("POST", "createRoom", body={"initial_state": [encrypted], "invite": [bot]}))["room_id"])
    await until(lambda: _joined(alice, room, 2))
    await alice.say(
        room, {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "s"}, "m.room.encrypted"
    )
    await until(lambda: said(alice, room, "I cannot read it: nothing was done"))


def _enrol(application: Application, user_id: str, resident: Resident) -> None:
    actor = Actor("matrix", "main", user_id, handle=resident.who)
    person = application.enrolment.add_person(resident.name, "fr", SecretText(resident.pin), [actor])
    application.enrolment.fund(person.id, resident.funds, "test")


async def test_the_fake_answers_as_synapse_does(synapse: Synapse) -> None:
    """For the calls that the adapter makes, good ones and bad ones, both give the same status, code and fields."""
    bot, token = await synapse.login("botpay")
    alice_id, alice_token = await synapse.login("alice")
    async with Caller(synapse.url, token, bot) as me, Caller(synapse.url, alice_token, alice_id) as alice:
        real = await answers(me, alice, synapse.url)
    async with FakeHomeserver() as fake:
        fake_alice = f"@alice:{BOT.partition(':')[2]}"
        fake.world.names[fake_alice] = "alice"
        async with Caller(fake.url, TOKEN, BOT) as me, Caller(fake.url, fake.token(fake_alice), fake_alice) as alice:
            faked = await answers(me, alice, fake.url)
    assert faked == real


async def answers(me: Caller, alice: Caller, url: str) -> dict[str, Any]:
    """What a homeserver answers to a bot, without what differs by nature."""
    found: dict[str, Any] = {}

    async def note(name: str, call: Awaitable[tuple[int, Any]]) -> Any:
        status, body = await call
        wanted = ("event_id", "room_id", "chunk", "start", "end", "next_batch", "rooms", "errcode")
        shape = body.get("errcode") or sorted(set(body) & set(wanted)) if isinstance(body, dict) else "list"
        found[name] = (status, shape)
        return body

    await note("whoami", me.call("GET", "account", "whoami"))
    async with Caller(url, "syt_nobody") as nobody, Caller(url) as silent:
        await note("unknown token", nobody.call("GET", "account", "whoami"))
        await note("no token", silent.call("GET", "account", "whoami"))
    direct = {"is_direct": True, "preset": "private_chat", "invite": [alice.user_id]}
    room = (await note("create", me.call("POST", "createRoom", body=direct)))["room_id"]
    invited = await alice.ask("GET", "sync", timeout="0")
    [invite] = [
        e for e in invited["rooms"]["invite"][room]["invite_state"]["events"] if e.get("state_key") == alice.user_id
    ]
    found["invitation"] = (invite["type"], invite["sender"] == me.user_id, invite["content"].get("is_direct"))
    await note("read before joining", alice.call("GET", "rooms", room, "state"))
    await note("join", alice.call("POST", "join", room, body={}))
    await note("join nowhere", alice.call("POST", "join", "!nowhere:localhost", body={}))
    since = (await note("sync", me.call("GET", "sync", timeout="0")))["next_batch"]
    hello = {"msgtype": "m.text", "body": "hello"}
    sends = [
        await note("send", me.call("PUT", "rooms", room, "send", "m.room.message", "t1", body=hello)) for _ in "ab"
    ]
    found["same key"] = sends[0] == sends[1]
    event_id = sends[0]["event_id"]
    fresh = (await note("news", me.call("GET", "sync", timeout="0", since=since)))["rooms"]["join"][room]["timeline"]
    found["fresh"] = [e["content"].get("body") for e in fresh["events"]], fresh["limited"], "prev_batch" in fresh
    await note("event", me.call("GET", "rooms", room, "event", event_id))
    await note("no event", me.call("GET", "rooms", room, "event", "$nothing"))
    await note("messages", me.call("GET", "rooms", room, "messages", dir="b", limit="2"))
    await note("redact another's", alice.call("PUT", "rooms", room, "redact", event_id, "t2", body={}))
    await note("redact", me.call("PUT", "rooms", room, "redact", event_id, "t3", body={}))
    found["redacted"] = (await me.ask("GET", "rooms", room, "event", event_id))["content"]
    await note("no account data", alice.call("GET", "user", alice.user_id, "account_data", "m.direct"))
    await note(
        "set account data", me.call("PUT", "user", me.user_id, "account_data", "m.direct", body={"@a:b": [room]})
    )
    found["account data"] = list(await me.ask("GET", "user", me.user_id, "account_data", "m.direct"))
    found["members"] = len(await me.members(room))
    await note("leave", alice.call("POST", "rooms", room, "leave", body={}))
    await note("send after leaving", alice.call("PUT", "rooms", room, "send", "m.room.message", "t5", body=hello))
    await note("join uninvited", alice.call("POST", "join", room, body={}))
    return found
