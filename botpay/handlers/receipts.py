"""The way to one's receipts: the PIN, then a link to the page. Pure; nothing of the page is said in a chat.

The page shows who somebody is and where they live, and what they write there stands on papers for the tax office; so
the PIN comes before the link, which opens for half an hour, and whose newest one alone leads anywhere.
"""

from botpay.confirm import link
from botpay.dialogues.model import Dialogue
from botpay.directory.people import Person
from botpay.handlers import talk
from botpay.handlers.dialogue import Question, Step, Turn, begin, finish, prove_owner, script
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Inbound
from botpay.receipts.model import LINK_LIFE, ReceiptLink
from botpay.replies import sentence

KIND = "receipts"


def start(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision:
    """Ask for the PIN; where there are no pages, say who else gives receipts."""
    if world.terms.public_url is None:
        letter = talk.to_author(inbound, author, sentence("receipts.no_pages", language), language)
        return Decision(outcome="no_pages", letters=(letter,))
    return begin(world, inbound, author, KIND, PIN, language, person_id=person.id)


def _ask_pin(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    return Question(sentence("receipts.pin", dialogue.language), pin=True)


def _take_pin(world: World, turn: Turn) -> Decision:
    return prove_owner(world, turn, PIN)


def _open(world: World, turn: Turn) -> Decision:
    dialogue = turn.dialogue
    token = link.token_of_receipts(world.terms.link_secret, dialogue.id, dialogue.actor_id)
    way = ReceiptLink(
        id=dialogue.id,
        person_id=dialogue.person_id or "",
        link=link.hash_of(token),
        language=dialogue.language,
        expires_at=world.now + LINK_LIFE,
    )
    url = link.address_of_receipts(world.terms.public_url or "", token)
    text = sentence("receipts.link", dialogue.language, url=url)
    return finish(world, turn, "receipts_opened", text, receipt_links=(way,))


PIN = Step("pin", _ask_pin, _take_pin, worked=_open)

SCRIPT = script(PIN)
