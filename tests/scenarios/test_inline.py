"""Inline mode: a card sent in any chat pays in private, once, for who typed it, and says there what became of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from botpay.app import Application
from botpay.config import Keys
from botpay.testing.chat import plain
from botpay.testing.clocks import FixedClock
from botpay.testing.play import ALICE, embedded, on_stage, settle_in
from botpay.testing.telegram import FakeGroup, FakeMessage, FakePress, FakeQuery, FakeUser, TelegramStage

WAITING = "10,00 € à @bob : pas encore payé."
PAID = "10,00 € à @bob : payé."
NOT_PAID = "10,00 € à @bob : pas payé, rien n’est parti."


class Elsewhere:
    """A chat of alice, bob and mallory in which the bot is not, and an application on the same Telegram."""

    def __init__(self, application: Application, stage: TelegramStage, clock: FixedClock) -> None:
        self.application, self.stage, self.clock = application, stage, clock
        self.alice, self.bob, self.mallory = (stage.user(who) for who in ("alice", "bob", "mallory"))
        self.chat = self.other("dîner")

    def other(self, title: str) -> FakeGroup:
        """One more chat without the bot."""
        chat = self.stage.telegram.group(title, self.alice, self.bob, self.mallory)
        chat.bot_is_member = False
        return chat

    async def types(self, text: str, who: FakeUser | None = None) -> FakeQuery:
        """Somebody, alice unless said otherwise, types behind the bot's name, and is answered."""
        query = await (who or self.alice).type_inline(text)
        await query.answered()
        return query

    async def sends(self, text: str = "10 € bob") -> FakeMessage:
        """Alice sends the card that she is offered."""
        query = await self.types(text)
        card = await self.alice.send_result(self.chat, query, query.results[0])
        await self.quiet()
        return card

    async def presses(self, who: FakeUser, card: FakeMessage) -> FakePress:
        """Somebody presses the button of a card."""
        press = await who.press(card, card.labels()[0])
        await self.quiet()
        return press

    async def confirms(self) -> None:
        """Alice enters her PIN on the newest keypad."""
        await self.stage.enter_pin("alice", ALICE.pin)
        await self.quiet()

    async def quiet(self) -> None:
        """All is done that can be done now."""
        await self.stage.telegram.delivered()
        await self.application.settled()

    def feedback(self, *, on: bool) -> None:
        """Whether Telegram tells which results were sent."""
        self.stage.telegram._company.feedback = on

    def prompts(self) -> list[str]:
        """The questions that wait for alice's PIN."""
        return [plain(m.text.split("\n")[0]) for m in self.alice.sees() if "1" in m.labels()]

    def received(self) -> int:
        """How often bob was told of ten euros."""
        return sum("10,00 €" in plain(message.text) for message in self.bob.sees())


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    """A started installation."""
    stage, clock = TelegramStage(mode="polling"), FixedClock()
    async with on_stage(embedded(tmp_path / "chat.sqlite", Keys.fresh()), stage, clock) as application:
        settle_in(application, stage)
        yield Elsewhere(application, stage, clock)


@pytest.mark.parametrize("feedback", [True, False])
async def test_a_card_is_paid_in_private(elsewhere: Elsewhere, feedback: bool) -> None:
    """Whether Telegram tells of the sending or only of the press: one prompt, one payment, and the card says so."""
    elsewhere.feedback(on=feedback)
    card = await elsewhere.sends()
    assert elsewhere.prompts() == (["Envoyer 10,00 € à Bob Martin (@bob) ?"] if feedback else [])
    press = await elsewhere.presses(elsewhere.alice, card)
    assert press.url == "https://t.me/SmoneyBot?start=open"
    assert elsewhere.prompts() == ["Envoyer 10,00 € à Bob Martin (@bob) ?"]
    assert plain(card.text) == WAITING
    await elsewhere.confirms()
    assert plain(card.text) == PAID
    assert card.labels() == []
    assert elsewhere.received() == 1


async def test_before_it_is_confirmed_a_card_shows_what_was_typed_and_no_more(elsewhere: Elsewhere) -> None:
    """Amount and payee as typed: no name from our books, no balance; and no memo, which could pass for our word."""
    query = await elsewhere.types("10 € bob payé !")
    (result,) = query.results
    assert plain(result.text) == WAITING
    assert plain(result.title) == "Payer 10,00 € à Bob Martin (@bob)"
    assert "« payé ! »" in plain(result.description)
    assert (query.cache_time, query.is_personal, query.opens_chat) == (0, True, None)


async def test_nobody_but_its_sender_goes_on_with_a_card(elsewhere: Elsewhere) -> None:
    """A press of the payee or of a stranger is nothing; neither sees a prompt, and the card stays as it is."""
    elsewhere.feedback(on=False)
    card = await elsewhere.sends()
    for who in (elsewhere.bob, elsewhere.mallory):
        press = await elsewhere.presses(who, card)
        assert (press.answer, press.url) == ("", "")
    assert [m.text for m in (*elsewhere.bob.sees(), *elsewhere.mallory.sees(), *elsewhere.alice.sees())] == []
    assert plain(card.text) == WAITING


async def test_a_forged_button_is_nothing(elsewhere: Elsewhere) -> None:
    """A client may send any data: another amount, another time, another's token, or nonsense begin no payment."""
    elsewhere.feedback(on=False)
    card = await elsewhere.sends()
    token = str(card.buttons[0][0].data)
    forged = [token.replace("10.00", "90.00"), token[:16] + "-" + token[17:], token[1:], "x", "é" * 30, "\ud800"]
    for data in forged:
        await elsewhere.alice.forge_press(card, data)
    await elsewhere.quiet()
    assert elsewhere.prompts() == []


async def test_a_card_that_is_passed_on_asks_its_own_sender_alone(elsewhere: Elsewhere) -> None:
    """In another chat the button is still the first sender's: nobody else can use it, and it pays whom it names."""
    card = await elsewhere.sends()
    copy = await elsewhere.mallory.pass_on(elsewhere.other("ailleurs"), card)
    await elsewhere.presses(elsewhere.mallory, copy)
    assert elsewhere.mallory.sees() == []
    await elsewhere.presses(elsewhere.alice, copy)
    assert elsewhere.prompts() == ["Envoyer 10,00 € à Bob Martin (@bob) ?"] * 2


async def test_two_cards_are_two_payments_each_confirmed(elsewhere: Elsewhere) -> None:
    """Who sends a card twice is asked twice; one PIN pays one of them, and each card says its own end."""
    first, second = await elsewhere.sends(), await elsewhere.sends()
    assert len(elsewhere.prompts()) == 2
    await elsewhere.confirms()
    assert sorted(plain(card.text) for card in (first, second)) == [WAITING, PAID]
    await elsewhere.stage.press("alice", "Annuler")
    await elsewhere.quiet()
    assert sorted(plain(card.text) for card in (first, second)) == [NOT_PAID, PAID]
    assert elsewhere.received() == 1


async def test_sending_and_pressing_are_one_event_however_often_they_come(elsewhere: Elsewhere) -> None:
    """What Telegram delivers again, and a second press, begin nothing new, also after the payment is over."""
    card = await elsewhere.sends()
    await elsewhere.presses(elsewhere.alice, card)
    for kind in ("chosen_inline_result", "callback_query"):
        elsewhere.stage.telegram.redeliver_last(elsewhere.alice, kind)
        await elsewhere.quiet()
    await elsewhere.confirms()
    elsewhere.stage.telegram.redeliver_last(elsewhere.alice, "chosen_inline_result")
    await elsewhere.quiet()
    assert elsewhere.prompts() == []
    assert elsewhere.received() == 1


async def test_a_card_that_is_not_confirmed_in_time_says_so(elsewhere: Elsewhere) -> None:
    """The money stays, the sender reads why in private, and the chat reads no reason."""
    card = await elsewhere.sends()
    elsewhere.clock.move(timedelta(minutes=6))
    await elsewhere.application.sweep()
    await elsewhere.quiet()
    assert plain(card.text) == NOT_PAID
    assert "Trop tard" in elsewhere.alice.sees()[-1].text


async def test_a_refusal_is_told_in_private_and_the_card_only_ends(elsewhere: Elsewhere) -> None:
    """Who has too little is told so alone; the chat reads that nothing was sent, without a reason."""
    for _ in range(2):
        await elsewhere.sends("200 € bob")
    card = elsewhere.bob.sees(elsewhere.chat)[-1]
    assert plain(card.text) == "Rien n’est parti : ce paiement n’a pas pu commencer."
    assert "Il manque de l’argent" in plain(elsewhere.alice.sees()[-1].text)


async def test_a_sender_who_never_opened_the_bot_finds_the_prompt_there(elsewhere: Elsewhere) -> None:
    """The press leads to the private chat; Start shows the question, and the payment goes on."""
    elsewhere.alice.started = False
    card = await elsewhere.sends()
    assert plain(card.text) == "@alice, rien n’est parti. Ouvrez une conversation privée avec moi pour continuer."
    await elsewhere.presses(elsewhere.alice, card)
    await elsewhere.quiet()
    await elsewhere.confirms()
    assert plain(card.text) == PAID


async def test_a_payee_who_never_opened_the_bot_is_shown_the_way_on_the_card(elsewhere: Elsewhere) -> None:
    """The card says that it is paid, with a button that opens the private chat; no name from our books is on it."""
    elsewhere.bob.started = False
    card = await elsewhere.sends()
    await elsewhere.confirms()
    assert plain(card.text) == PAID
    assert card.labels() == ["Ouvrir la conversation"]
    assert not any("Martin" in said.text for said in elsewhere.stage.telegram.history if said.chat_id < 0)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("", "Écrivez par exemple : 10 € @nom"),
        ("10", "Écrivez par exemple : 10 € @nom"),
        ("10 € ", "Écrivez par exemple : 10 € @nom"),
        ("solde", "Écrivez par exemple : 10 € @nom"),
        ("482915", "Écrivez par exemple : 10 € @nom"),
        ("251 € bob", "Écrivez par exemple : 10 € @nom"),
        ("10 € @alice", "Écrivez par exemple : 10 € @nom"),
        ("10 € @nobody", "Je ne suis pas sûr de qui vous payez : voir l’aide"),
        ("10 € bob pour le grand dîner de samedi soir", "Trop long pour ce message : écrivez-moi en privé"),
    ],
)
async def test_what_is_no_payment_offers_no_card(elsewhere: Elsewhere, text: str, label: str) -> None:
    """Instead a button above says what to write, and opens the private chat."""
    query = await elsewhere.types(text)
    assert query.results == []
    assert query.opens_chat == (label, "open")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("10 € bob", "Payer 10,00 € à Bob Martin (@bob)"),
        ("bob 10€", "Payer 10,00 € à Bob Martin (@bob)"),
        ("10,50 euros à @bob pour la pizza", "Payer 10,50 € à Bob Martin (@bob)"),
        ("#envoyer dix euros à @bob", "Payer 10,00 € à Bob Martin (@bob)"),
        ("20 € #eaupourtous", "Donner 20,00 € à Eau pour tous (#eaupourtous)"),
    ],
)
async def test_the_fewest_words_are_understood(elsewhere: Elsewhere, text: str, title: str) -> None:
    """The verb may be missing, and "@" before a known name; who typed sees whom it would pay."""
    (result,) = (await elsewhere.types(text)).results
    assert plain(result.title) == title


async def test_a_stranger_is_shown_the_way_and_offered_nothing(elsewhere: Elsewhere) -> None:
    """Without an account there is no card, and nothing is told of who has one."""
    query = await elsewhere.types("10 € bob", elsewhere.mallory)
    assert query.results == []
    assert query.opens_chat == ("Pour payer ici, ouvrez d’abord un compte", "open")


async def test_in_a_chat_of_the_bot_a_card_is_no_second_command(elsewhere: Elsewhere) -> None:
    """There the bot also reads the card's message, which came through a bot and is passed over."""
    elsewhere.chat = elsewhere.stage.group
    card = await elsewhere.sends()
    assert len(elsewhere.prompts()) == 1
    await elsewhere.confirms()
    assert plain(card.text) == PAID
    assert elsewhere.received() == 1
