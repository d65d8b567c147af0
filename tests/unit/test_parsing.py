"""Reading with all that a platform knows: spans, replies, authors, caps; and what a refusal tells."""

import subprocess
import sys

import pytest

from botpay.commands import Donate, Help, Payee, RequestMoney, SendMoney
from botpay.errors import Code, Refusal
from botpay.message import Actor, Span, SpanKind
from botpay.money import Money
from botpay.parsing import Context, Reading, normalise_tag, read, render, tags_in

TEN = Money(10_00)
BOB = Payee("@bob", None, "bob")
ANA = Payee("@ana", "7", "ana")
ALICE = Actor("telegram", "main", "1001", "alice", "Alice", "fr-FR")


def refused(text: str, context: Context) -> Refusal:
    """The refusal that a text is read as."""
    meaning = read(text, context).meaning
    assert isinstance(meaning, Refusal), meaning
    return meaning


def test_a_mention_by_id_is_paid_by_id() -> None:
    """The id that the platform gives decides; the name written beside it is a label."""
    text = "#envoyer 10 € à Bob Martin pour la pizza"
    span = Span(SpanKind.MENTION, text.index("Bob"), text.index(" pour"), "42")
    assert read(text, Context(spans=(span,))).meaning == SendMoney(TEN, Payee("Bob Martin", "42"), "pour la pizza")


def test_a_handle_goes_as_far_as_the_platform_says() -> None:
    """A handle with points is whole where the platform marks it, and a cut piece where nobody does."""
    text = "#envoyer 10 € @bob.example.social"
    span = Span(SpanKind.MENTION, text.index("@"), len(text))
    assert read(text, Context(spans=(span,))).meaning == SendMoney(
        TEN, Payee("@bob.example.social", None, "bob.example.social")
    )
    assert refused(text, Context()).code is Code.INVALID_RECIPIENT


def test_a_mark_that_cuts_a_handle_is_not_trusted() -> None:
    """If a platform marks "@b" in front of a look-alike letter, the piece is not paid."""
    text = "#envoyer 10 € @bоb"
    span = Span(SpanKind.MENTION, text.index("@"), text.index("@") + 2)
    assert refused(text, Context(spans=(span,))).code is Code.INVALID_RECIPIENT


@pytest.mark.parametrize("kind", [SpanKind.CODE, SpanKind.QUOTE, SpanKind.LINK])
def test_what_the_platform_marks_as_not_said_is_not_heard(kind: SpanKind) -> None:
    """An order in code, in a quotation or in a link is none."""
    text = "#envoyer 10 € @bob"
    assert read(text, Context(spans=(Span(kind, 0, len(text)),))).meaning is None


def test_spans_that_lie_outside_of_the_text_do_no_harm() -> None:
    """A platform's wrong offsets neither raise nor pay."""
    for span in (Span(SpanKind.MENTION, 5, 99, "1"), Span(SpanKind.CODE, -3, 4), Span(SpanKind.QUOTE, 7, 7)):
        assert isinstance(read("#envoyer 10 € @bob", Context(spans=(span,))).meaning, SendMoney)


def test_a_reply_names_the_payee_if_the_text_does_not() -> None:
    """In answer to somebody's message "#envoyer 10 €" pays them; a name in the text comes first."""
    context = Context(reply_to=ANA)
    assert read("#envoyer 10 €", context).meaning == SendMoney(TEN, ANA)
    assert read("#envoyer 10 € pour la pizza", context).meaning == SendMoney(TEN, ANA, "pour la pizza")
    assert read("#demander 10 €", context).meaning == RequestMoney(TEN, ANA)
    assert read("#envoyer 10 € @bob", context).meaning == SendMoney(TEN, BOB)
    assert read("#donner 10 € #eau", context).meaning == Donate(TEN, "#eau")


@pytest.mark.parametrize("text", ["#envoyer 10 € à Bob", "#envoyer 10 € @super…", "#envoyer 10 € bob@example.com"])
def test_a_reply_does_not_stand_in_for_somebody_else(text: str) -> None:
    """If the text names anybody, however badly, the author of the answered message is not paid in their place."""
    assert refused(text, Context(reply_to=ANA)).code is Code.INVALID_RECIPIENT


def test_nobody_pays_themselves() -> None:
    """By id, by handle whatever its case, or by answering one's own message."""
    context = Context(author=ALICE)
    span = Span(SpanKind.MENTION, 14, 19, "1001")
    assert refused("#envoyer 10 € @Alice", context).code is Code.SELF_PAYMENT
    assert refused("#envoyer 10 € Alice", Context(author=ALICE, spans=(span,))).code is Code.SELF_PAYMENT
    own = Payee("@alice", "1001", "alice")
    assert refused("#envoyer 10 €", Context(author=ALICE, reply_to=own)).code is Code.SELF_PAYMENT


def test_another_person_with_our_label_is_not_us() -> None:
    """An id decides even where the name shown beside it is the author's or the bot's own."""
    span = Span(SpanKind.MENTION, 14, 20, "555")
    context = Context(author=ALICE, me=("PayBot",), spans=(span,))
    assert read("#envoyer 10 € PayBot", context).meaning == SendMoney(TEN, Payee("PayBot", "555"))


def test_the_bot_is_never_paid() -> None:
    """By name, by id, or by answering its message."""
    context = Context(me=("PayBot", "99"))
    assert refused("#envoyer 10 € @paybot", context).code is Code.BOT_PAYMENT
    span = Span(SpanKind.MENTION, 14, 17, "99")
    assert refused("#envoyer 10 € bot", Context(me=("PayBot", "99"), spans=(span,))).code is Code.BOT_PAYMENT
    answered = Context(me=("PayBot", "99"), reply_to=Payee("@PayBot", "99", "PayBot"))
    assert refused("#envoyer 10 €", answered).code is Code.BOT_PAYMENT


def test_caps_are_inclusive_and_of_their_payee() -> None:
    """250 to a person and 500 to a charity unless the operator set others; the refusal names the cap."""
    assert isinstance(read("#envoyer 250 € @bob", Context()).meaning, SendMoney)
    assert isinstance(read("#envoyer 500 € #eau", Context()).meaning, Donate)
    over = refused("#envoyer 250,01 € @bob", Context())
    assert (over.code, over.details["limit"], over.details["amount"]) == (
        Code.LIMIT_EXCEEDED,
        Money(250_00),
        Money(250_01),
    )
    assert refused("#envoyer 20,01 € @bob", Context(cap_person=Money(20_00))).code is Code.LIMIT_EXCEEDED
    assert refused("#envoyer 500,01 € #eau", Context()).details["limit"] == Money(500_00)
    assert refused("#envoyer 99999999999999999999 € @bob", Context()).details["limit"] == Money(250_00)


def test_the_first_reason_in_order_is_told() -> None:
    """Where several reasons apply, the first of `Code` is told: the amount before the recipient, the cap last."""
    assert refused("#envoyer @super…", Context()).code is Code.MISSING_AMOUNT
    assert refused("#envoyer 1.234 $ @alice", Context(author=ALICE)).code is Code.AMBIGUOUS_AMOUNT
    assert refused("#envoyer 999 € @alice", Context(author=ALICE)).code is Code.SELF_PAYMENT
    assert refused("#envoyer 0 €", Context()).code is Code.ZERO_AMOUNT


def test_a_refusal_tells_what_was_understood() -> None:
    """So that the answer can show the right way to write it, with the amount and the payee already in place."""
    missing = refused("#envoyer 10,5 @bob", Context())
    assert missing.details["amount"] == Money(10_50)
    assert missing.details["payee"] == "@bob"
    assert refused("/envoyr 10 € @bob", Context()).details["suggestion"] == "/envoyer"
    assert refused("#envoyer10€ @bob", Context()).details["suggestion"] == "#envoyer"
    assert refused("#envoyer 20 € #inconnu", Context(is_charity=lambda _: False)).details["tag"] == "#inconnu"
    assert len(refused("#envoyer " + "1_" * 500 + "1 € @bob", Context()).details["written"]) <= 40


def test_charities_are_asked_for_by_normalised_tag() -> None:
    """The registry sees "eaupourtous", however it was typed; prefixes are not asked for."""
    asked: set[str] = set()

    def is_charity(tag: str) -> bool:
        asked.add(tag)
        return False

    read("#donner 20 € #EauPourTous", Context(is_charity=is_charity))
    assert asked == {"eaupourtous"}
    assert normalise_tag("#ＥａｕＰｏｕｒＴｏｕｓ") == "eaupourtous"
    assert tags_in("#donner 20 € #EauPourTous, #Été") == {"donner", "eaupourtous", "été"}
    assert tags_in("rien") == frozenset()


def test_a_tag_of_mixed_scripts_is_no_charity() -> None:
    """Letters that imitate others are refused even where every tag may be a charity's."""
    assert refused("#donner 20 € #eaupоurtous", Context()).code is Code.UNKNOWN_CHARITY
    assert isinstance(read("#donner 20 € #вода", Context()).meaning, Donate)


def test_the_language_is_that_of_the_words() -> None:
    """The reply speaks the language of the order; the author's own where no word tells."""
    for text, language in (("#envoyer", "fr"), ("#send", "en"), ("#senden", "de"), ("#betalen", "nl")):
        assert read(text, Context()).language == language
    assert read("#pagar 10 € ao @bob pela pizza", Context()).language == "pt"
    assert read("#pagar 10 € al @bob por la pizza", Context()).language == "es"
    assert read("zzz", Context(private=True, author=ALICE)).language == "fr"


def test_silence_where_nobody_spoke_to_us() -> None:
    """A public chat hears nothing of us until somebody gives an order or calls us."""
    assert read("envoie 10 € à @bob", Context()) == Reading(None, None)
    assert read("envoie 10 € à @bob", Context(private=True)).meaning == SendMoney(TEN, BOB)
    hint = refused("il fait beau", Context(private=True))
    assert (hint.code, hint.details["small_talk"]) == (Code.UNKNOWN_COMMAND, True)


def test_start_opens_the_talk() -> None:
    """Telegram's "/start", with or without what a link handed over, asks for help."""
    assert read("/start", Context()).meaning == Help()
    assert read("/start abc_DEF-1", Context(private=True)).meaning == Help()
    assert read("/start@OtherBot", Context(me=("PayBot",))).meaning is None


def test_a_memo_is_kept_as_written_and_made_harmless() -> None:
    """At most 140 characters, on one line, without control and bidi characters; emoji stay whole."""
    meaning = read("#envoyer 10 € @bob pour\tla \u202efête\u0007\n👨‍👩‍👧", Context()).meaning
    assert meaning == SendMoney(TEN, BOB, "pour la fête 👨‍👩‍👧")
    long = read("#envoyer 10 € @bob " + "é" * 300, Context()).meaning
    assert isinstance(long, SendMoney)
    assert long.memo == "é" * 140


def test_broken_text_is_refused_and_not_raised() -> None:
    """Half a surrogate pair, which JSON can carry, cannot be stored or shown."""
    assert refused("#envoyer 10 € @bob \ud800", Context(private=True)).code is Code.BAD_INPUT


def test_a_command_is_said_in_its_language() -> None:
    """`render` writes what people of that language would type; an unknown language is answered in English."""
    command = SendMoney(Money(10_50), BOB, "pour la pizza")
    assert render(command) == "#envoyer 10,50 € @bob pour la pizza"
    assert render(command, "en") == "#send 10.50 € @bob pour la pizza"
    assert render(Donate(TEN, "#eau"), "de") == "#spenden 10,00 € #eau"
    assert render(Help(), "xx") == "#help"


def test_lark_is_loaded_with_the_first_command_only() -> None:
    """Whoever imports the parser to read chatter does not wait for a grammar."""
    program = (
        "import sys; from botpay.parsing import Context, read; read('salut #python', Context());"
        "assert 'lark' not in sys.modules; read('#solde', Context()); assert 'lark' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
