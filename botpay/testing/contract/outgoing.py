"""From the core to the platform: texts, buttons, edits, deletions, and what goes wrong."""

import pytest

from botpay.errors import Forbidden, Permanent, RetryAfter, Transient, Unreachable
from botpay.message import Button, Keypad
from botpay.testing.contract.base import ContractBase, Rig, needs
from botpay.testing.platform import SLOW_DOWN_SECONDS, Trouble

MARKS = (
    "10 € à *Zoé* _x_ ~y~ `z` **b** __u__",
    "<!channel> <@U1> @everyone @channel <b>gras</b> &amp; &lt; <https://a.example|b>",
    "[x](https://a.example) {0} %s \\ \\n $HOME ||secret|| > quote",
    "# titre\n- point\n1. un\n\n    code",
)
KEYS = tuple(tuple(Button(digit, f"key-{digit}") for digit in row) for row in ("123", "456", "789", "0"))
KEYPAD = Keypad(title="PIN", open_label="Enter PIN", rows=KEYS, shown="●●○○○○")


class Outgoing(ContractBase):
    """What the core says reaches whom it is for, as it was written, and nobody else."""

    # --- private and public

    @needs("private_message")
    async def test_private_message(self, rig: Rig) -> None:
        """A private text is seen by its person alone."""
        await rig.adapter.send(rig.private("Solde : 12,00 €"))
        assert (rig.texts("alice"), rig.texts("bob"), rig.texts(None)) == (["Solde : 12,00 €"], [], [])

    async def test_public_message(self, rig: Rig) -> None:
        """A public text is seen in its chat, and in private by nobody."""
        await rig.adapter.send(rig.public(await self._group(rig), "Bravo"))
        assert (rig.texts(None), rig.texts("alice")) == (["Bravo"], [])

    async def test_never_in_public(self, rig: Rig) -> None:
        """Private words stay private, whatever chat the talk began in and whatever public message they replace."""
        chat = await self._group(rig)
        receipt = await rig.adapter.send(rig.public(chat, "Qui paie ?"))
        await rig.adapter.send(rig.private("Solde : 12,00 €", chat=chat, replaces=receipt.ref))
        assert (rig.texts(None), rig.texts("alice")) == (["Qui paie ?"], ["Solde : 12,00 €"])

    async def test_group_as_a_person(self, rig: Rig) -> None:
        """Private words for what is no person are refused, and said nowhere."""
        with pytest.raises((Permanent, Unreachable)):
            await rig.adapter.send(rig.private("Solde : 12,00 €", to=await self._group(rig)))
        assert rig.texts(None) == []

    @needs("unreachable")
    async def test_unreachable(self, rig: Rig) -> None:
        """Who does not let the bot write is `Unreachable`, and what was for them is said nowhere else."""
        chat = await self._group(rig)
        rig.platform.fail_next(Trouble.CLOSED)
        with pytest.raises(Unreachable):
            await rig.adapter.send(rig.private("Solde : 12,00 €", chat=chat))
        assert (rig.texts(None), rig.texts("alice")) == ([], [])

    # --- texts

    @pytest.mark.parametrize("text", MARKS)
    async def test_escaping(self, rig: Rig, text: str) -> None:
        """A text is read as it was written: no mark-up of a payee's name has any force."""
        await rig.adapter.send(rig.private(text))
        await rig.adapter.send(rig.public(await self._group(rig), text))
        assert (rig.texts("alice"), rig.texts(None)) == ([text], [text])

    async def test_longest_text(self, rig: Rig) -> None:
        """A text of `max_text` characters arrives whole, also if each is one that must be escaped."""
        longest = rig.adapter.capabilities.max_text
        for sign in "x&":
            await rig.adapter.send(rig.private(sign * longest, id=sign))
        assert [text.replace("\n", "") for text in rig.texts("alice")] == ["x" * longest, "&" * longest]

    async def test_too_long_text(self, rig: Rig) -> None:
        """A longer one arrives whole or is refused for good; never in part."""
        text = "x" * (rig.adapter.capabilities.max_text + 1)
        try:
            await rig.adapter.send(rig.private(text))
        except Permanent:
            assert rig.texts("alice") == []
        else:
            assert [said.replace("\n", "") for said in rig.texts("alice")] == [text]

    @needs("suppress_previews")
    async def test_suppress_previews(self, rig: Rig) -> None:
        """No link that the bot sends is fetched before its person opens it."""
        await rig.adapter.send(rig.private("https://pay.example/c/1"))
        assert [shown.preview for shown in rig.platform.sees("alice") if shown.by_bot] == [False]

    async def test_order(self, rig: Rig) -> None:
        """What is sent one after the other stands one below the other."""
        for text in ("un", "deux", "trois"):
            await rig.adapter.send(rig.private(text, id=text))
        assert rig.texts("alice") == ["un", "deux", "trois"]

    # --- buttons

    @needs("buttons")
    async def test_buttons(self, rig: Rig) -> None:
        """A button of the longest label and token brings its token back when it is pressed."""
        can = rig.adapter.capabilities
        label, token = "L" * can.max_label, "t" * can.max_token
        await rig.adapter.send(rig.private("Bien ?", buttons=((Button(label, token), Button("Non", "no")),)))
        await rig.platform.press("alice", label)
        await rig.platform.press("alice", "Non")
        assert [inbound.press and inbound.press.token for inbound in rig.core.received] == [token, "no"]

    @needs("url_buttons")
    async def test_url_buttons(self, rig: Rig) -> None:
        """A button with an address opens that address, to the letter."""
        url = "https://pay.example/c/x?a=1&b=%20_*#f"
        await rig.adapter.send(rig.private("Bien ?", buttons=((Button("Voir", url=url),),)))
        assert [dict(shown.urls) for shown in rig.platform.sees("alice")] == [{"Voir": url}]

    @needs("buttons")
    async def test_keypad(self, rig: Rig) -> None:
        """Each key of a keypad is a press of its token, made by its person, in private."""
        await rig.adapter.send(rig.private("PIN ?", keypad=KEYPAD))
        for digit in "406":
            await rig.platform.press("alice", digit)
        pressed = [inbound for inbound in rig.core.received if inbound.press is not None]
        assert [inbound.press and inbound.press.token for inbound in pressed] == ["key-4", "key-0", "key-6"]
        assert {inbound.author and inbound.author.key for inbound in pressed} == {rig.platform.actor("alice").key}

    @needs("buttons")
    async def test_answer_in_place(self, rig: Rig) -> None:
        """What answers a press takes the place of what was pressed, and its buttons are gone."""
        await rig.adapter.send(rig.private("Bien ?", buttons=((Button("Oui", "yes"),),)))
        await rig.platform.press("alice", "Oui")
        press = rig.core.received[-1].press
        assert press is not None
        await rig.adapter.send(rig.private("Merci", id="o3", replaces=press.surface))
        assert [(shown.text, list(shown.labels)) for shown in rig.platform.sees("alice")] == [("Merci", [])]

    # --- edits and deletions

    @needs("edit")
    async def test_edit(self, rig: Rig) -> None:
        """What replaces a message takes its place, also when it is sent twice."""
        receipt = await rig.adapter.send(rig.private("PIN ?"))
        for _ in range(2):
            await rig.adapter.send(rig.private("Payé", id="o3", replaces=receipt.ref))
        assert rig.texts("alice") == ["Payé"]

    @pytest.mark.parametrize("ref", ["nonsense", "", "1:2"])
    async def test_nothing_to_edit(self, rig: Rig, ref: str) -> None:
        """What was to replace a message that is not there is said nonetheless."""
        await rig.adapter.send(rig.private("Payé", replaces=ref))
        assert rig.texts("alice") == ["Payé"]

    @needs("delete_own")
    async def test_delete_own(self, rig: Rig) -> None:
        """What the bot said can be taken back."""
        receipt = await rig.adapter.send(rig.private("PIN ?"))
        await rig.adapter.send(rig.private(id="o3", deletes=receipt.ref))
        assert rig.texts("alice") == []

    @needs("delete_incoming")
    async def test_delete_incoming(self, rig: Rig) -> None:
        """What a person wrote to the bot alone can be deleted; a second time does no harm."""
        await rig.platform.say("alice", "482915", private=True)
        assert [shown.text for shown in rig.platform.sees("alice")] == ["482915"]
        for _ in range(2):
            await rig.adapter.send(rig.private(id="o3", deletes=rig.core.received[-1].message_ref))
        assert rig.platform.sees("alice") == []

    async def test_nothing_to_delete(self, rig: Rig) -> None:
        """Deleting what is not there does no harm and says nothing."""
        for ref in ("nonsense", "", "1:2"):
            await rig.adapter.send(rig.private(deletes=ref))
        assert (rig.texts("alice"), rig.texts(None)) == ([], [])

    # --- what goes wrong

    @needs("network")
    async def test_slow_down(self, rig: Rig) -> None:
        """Asked to slow down, it says for how many seconds, does not wait itself, and nothing was sent."""
        rig.platform.fail_next(Trouble.SLOW_DOWN)
        with pytest.raises(RetryAfter) as raised:
            await rig.adapter.send(rig.private())
        assert raised.value.seconds == SLOW_DOWN_SECONDS
        assert rig.texts("alice") == []

    @needs("network")
    async def test_away(self, rig: Rig) -> None:
        """A platform that fails for now is `Transient`; the next try works."""
        rig.platform.fail_next(Trouble.AWAY)
        with pytest.raises(Transient):
            await rig.adapter.send(rig.private())
        await rig.adapter.send(rig.private())
        assert rig.texts("alice") == ["Bonjour"]

    @needs("network")
    async def test_lost_answer(self, rig: Rig) -> None:
        """An answer that got lost is `Transient`: it may or may not have been sent."""
        rig.platform.fail_next(Trouble.LOST)
        with pytest.raises(Transient):
            await rig.adapter.send(rig.private())

    @needs("network")
    async def test_refused(self, rig: Rig) -> None:
        """What the platform will never take is `Permanent`, and no more than that."""
        rig.platform.fail_next(Trouble.REFUSED)
        with pytest.raises(Permanent):
            await rig.adapter.send(rig.private())

    @needs("network")
    async def test_revoked(self, rig: Rig) -> None:
        """Credentials that do not work any more are `Forbidden`: an operator has to act."""
        rig.platform.fail_next(Trouble.REVOKED)
        with pytest.raises(Forbidden):
            await rig.adapter.send(rig.private())

    @needs("idempotent_send")
    async def test_idempotent_send(self, rig: Rig) -> None:
        """After a lost answer the same outbound is sent again and seen once; another of the same words is another."""
        rig.platform.fail_next(Trouble.LOST)
        with pytest.raises(Transient):
            await rig.adapter.send(rig.private())
        await rig.adapter.send(rig.private())
        assert rig.texts("alice") == ["Bonjour"]
        await rig.adapter.send(rig.private(id="another"))
        assert rig.texts("alice") == ["Bonjour"] * 2

    async def test_stopped(self, rig: Rig) -> None:
        """Stopped, it says so by an error after which the outbound waits, and sends nothing."""
        await rig.adapter.stop()
        with pytest.raises(Transient):
            await rig.adapter.send(rig.private())
        assert rig.texts("alice") == []

    async def _group(self, rig: Rig) -> str:
        return (await self.received(rig, "public")).chat.id
