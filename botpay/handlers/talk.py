"""Letters to people: who is told what, where, in which language. Pure."""

from dataclasses import replace
from typing import Any

from botpay import ids
from botpay.confirm import link
from botpay.confirm.challenge import FAILURES_BEFORE_LOCK, Challenge
from botpay.confirm.keypad import keypad
from botpay.directory.people import Identity, IdentityKey, Person, label
from botpay.handlers.world import World
from botpay.ledger.model import AccountKind
from botpay.message import Actor, Button, Inbound, Keypad, Outbound, Visibility
from botpay.money import Money
from botpay.outbox.model import Letter
from botpay.replies import best_language, sentence


def language_for(world: World, inbound: Inbound, read_as: str | None) -> str:
    """A person's own language; else the platform's; else that of the message; else the installation's."""
    author = inbound.author
    person = world.person_of(author.key) if author else None
    wanted = (person.language if person else None, author.language if author else None, read_as)
    return best_language(wanted, world.terms.language)


def to_author(inbound: Inbound, author: Actor, text: str, language: str) -> Letter:
    """A private answer. Where the author cannot be reached, the chat is told to open a private one, and no more."""
    letter = private(inbound.adapter, inbound.tenant, author.id, text, chat=inbound.chat.id)
    return Letter(outbound=letter, fallback=_open_private(inbound, author, language))


def delete(inbound: Inbound, author: Actor) -> Letter:
    """Takes away what a person wrote, where the platform can."""
    letter = private(inbound.adapter, inbound.tenant, author.id, "", chat=inbound.chat.id)
    return Letter(outbound=replace(letter, deletes=inbound.message_ref))


def taken_away(world: World, inbound: Inbound, author: Actor) -> tuple[Letter, ...]:
    """What a person wrote is deleted, where the platform can."""
    can_delete = world.terms.capabilities[inbound.adapter].delete_incoming and inbound.message_ref is not None
    return (delete(inbound, author),) if can_delete else ()


def prompt(world: World, challenge: Challenge, left: Money, inbound: Inbound, author: Actor) -> Letter:
    """The question that a challenge asks its sender, in private, with the keys for the answer.

    Args:
        left: what the sender can spend once the money is held.
    """
    letter = to_author(inbound, author, question(world, challenge, left), challenge.language)
    outbound = replace(letter.outbound, id=challenge.prompt_id, keypad=keys(world, challenge))
    return Letter(outbound=_with_link(world, challenge, outbound), fallback=letter.fallback)


def again(world: World, challenge: Challenge, inbound: Inbound, author: Actor) -> tuple[Challenge, tuple[Letter, ...]]:
    """The same question once more, where its sender can see it now; the earlier one loses its keys, where it can."""
    letter = to_author(inbound, author, prompt_text(world, challenge), challenge.language)
    moved = linked(world, challenge.changed(prompt_id=ids.derived(world.now, f"{inbound.source}:prompt")))
    asked = replace(letter.outbound, id=moved.prompt_id, keypad=keys(world, challenge))
    here = replace(letter, outbound=_with_link(world, moved, asked))
    if not world.terms.capabilities[challenge.origin_adapter].edit:
        return moved, (here,)
    below = _to_sender(world, challenge, sentence("prompt.moved", challenge.language), None)
    return moved, (Letter(outbound=below, replaces_letter=challenge.prompt_id), here)


def linked(world: World, challenge: Challenge) -> Challenge:
    """The challenge, open to the link that its newest prompt shows and to no earlier one."""
    if world.terms.public_url is None:
        return challenge
    return replace(challenge, link=link.hash_of(_token(world, challenge)))


def prompt_text(world: World, challenge: Challenge) -> str:
    """The question as it stands now: after a wrong PIN it begins with that, and with how many tries are left."""
    return question(world, challenge, free(world, challenge.person_id, challenge.currency))


def keys(world: World, challenge: Challenge) -> Keypad:
    """The keys below a prompt."""
    labels = {name: sentence(f"keypad.{name}", challenge.language) for name in ("title", "open", "erase", "cancel")}
    entered, shuffled = len(challenge.entry.reveal()), world.terms.shuffled_keypad
    return keypad(world.terms.keypad_secret, challenge.transfer_id, entered, labels, shuffled=shuffled)


def answer(
    world: World, challenge: Challenge, text: str, *, surface: str | None = None, pad: Keypad | None = None
) -> tuple[Letter, ...]:
    """An answer to the sender of a challenge, in the place of the prompt and of what was pressed.

    Args:
        surface: the message or view on which the PIN was entered, if it was on keys.
        pad: keys to go on with; then the prompt stays as it is if the keys are elsewhere.
    """
    on_surface = where_pressed(world, challenge, text, surface, pad)
    if on_surface and pad:
        return on_surface
    return (*on_surface, Letter(outbound=_to_sender(world, challenge, text, pad), replaces_letter=challenge.prompt_id))


def where_pressed(
    world: World, challenge: Challenge, text: str, surface: str | None, pad: Keypad | None = None
) -> tuple[Letter, ...]:
    """An answer on the surface that was pressed alone, if that is another than the prompt's own message."""
    if surface is None or surface == world.receipts.get(challenge.prompt_id):
        return ()
    return (Letter(outbound=replace(_to_sender(world, challenge, text, pad), replaces=surface)),)


def to_payee(world: World, challenge: Challenge, text: str, public_text: str) -> tuple[Letter, ...]:
    """News for a payee, in private; in the chat of the payment, without the sum, if they never met the bot."""
    known = world.identities_of(challenge.payee_owner)
    if not known:
        return ()
    here = [i for i in known if (i.adapter, i.tenant) == (challenge.origin_adapter, challenge.origin_tenant)]
    identity = (here or known)[0]
    fallback = None
    if here and challenge.origin_public:
        fallback = _public(identity.adapter, identity.tenant, challenge.origin_chat, public_text, challenge.language)
    return (Letter(outbound=private(identity.adapter, identity.tenant, identity.id, text), fallback=fallback),)


def to_all(
    world: World, person_id: str, key: str, *, besides: IdentityKey | None = None, **params: Any
) -> tuple[Letter, ...]:
    """News about somebody's own account, in private, at every address of theirs but the one that knows already."""
    person = world.people[person_id]
    text = sentence(key, person.language, **params)
    chats = [identity for identity in world.identities_of(person_id) if identity.key != besides]
    told = [Letter(outbound=private(chat.adapter, chat.tenant, chat.id, text)) for chat in chats]
    if world.can_mail(person):
        mail = sentence("mail.news", person.language, text=text)
        told.append(Letter(outbound=private(world.terms.channel, "", person.contact.reveal(), mail)))
    return tuple(told)


def place(identity: Identity) -> str:
    """Where and as whom an identity speaks, for its own person: "Slack (@alice)"."""
    return label(identity.adapter.title(), identity.handle)


def amount_of(challenge: Challenge) -> Money:
    """The amount that a challenge is bound to."""
    return Money(challenge.amount_minor, challenge.currency)


def free(world: World, owner: str, currency: str) -> Money:
    """What somebody can spend now."""
    return Money(world.account(owner, currency).available_minor, currency)


def shown_as(world: World, person: Person, adapter: str, tenant: str) -> str:
    """A person as others see them here: name and handle."""
    here = [i for i in world.identities_of(person.id) if (i.adapter, i.tenant) == (adapter, tenant)]
    return label(person.name, here[0].handle if here else None)


def question(world: World, challenge: Challenge, left: Money) -> str:
    """Amount and payee, the memo, what will be left, and how long the question still stands."""
    language = challenge.language
    lines = _tries_left(world, challenge)
    question = f"prompt.{challenge.payee_kind}"
    lines.append(sentence(question, language, amount=amount_of(challenge), payee=challenge.payee))
    if challenge.payee_kind == AccountKind.CHARITY and not world.standing[challenge.payee_owner].verified:
        lines.append(sentence("prompt.unverified", language))
    if challenge.memo:
        lines.append(sentence("prompt.memo", language, memo=challenge.memo))
    lines.append(sentence("prompt.ask", language, left=left, ttl=challenge.expires_at - world.now))
    return "\n".join(lines)


def _tries_left(world: World, challenge: Challenge) -> list[str]:
    """After a wrong PIN, how many more this payment takes; when the account is about to be locked, that; and a wait.

    Of a locked person nothing but the first is said, as of anybody: see `challenge.to_check`.
    """
    language, pin = challenge.language, world.pins.get(challenge.person_id)
    before_lock = FAILURES_BEFORE_LOCK - pin.failures if pin and not pin.locked else challenge.tries_left + 1
    left = min(challenge.tries_left, before_lock)
    lines = [sentence("prompt.attempts", language, count=left)] if challenge.tries else []
    if before_lock <= challenge.tries_left:
        lines.append(sentence("prompt.lock", language, count=before_lock))
    if pin and not pin.locked and pin.again_at and pin.again_at > world.now:
        lines.append(sentence("prompt.wait", language, wait=pin.again_at - world.now))
    return lines


def _to_sender(world: World, challenge: Challenge, text: str, pad: Keypad | None) -> Outbound:
    to, chat = challenge.origin_actor, challenge.origin_chat
    outbound = private(challenge.origin_adapter, challenge.origin_tenant, to, text, chat=chat)
    return _with_link(world, challenge, replace(outbound, keypad=pad)) if pad else outbound


def with_page(world: World, outbound: Outbound, language: str, url: str) -> Outbound:
    """A question with the way to its page: on a button, else written below it, where the platform has none."""
    if not world.terms.capabilities[outbound.adapter].url_buttons:
        return replace(outbound, text=f"{outbound.text}\n{sentence('prompt.page', language, url=url)}")
    button = Button(sentence("prompt.page.button", language), url=url)
    return replace(outbound, buttons=((button,), *outbound.buttons))


def _with_link(world: World, challenge: Challenge, outbound: Outbound) -> Outbound:
    base = world.terms.public_url
    if base is None or challenge.link is None:
        return outbound
    return with_page(world, outbound, challenge.language, link.address(base, _token(world, challenge)))


def _token(world: World, challenge: Challenge) -> str:
    return link.token(world.terms.link_secret, challenge.transfer_id, challenge.person_id, challenge.prompt_id)


def _open_private(inbound: Inbound, author: Actor, language: str) -> Outbound | None:
    if inbound.chat.visibility is Visibility.PRIVATE:
        return None
    person = f"@{author.handle}" if author.handle else (author.name or "")
    text = sentence("open_private", language, person=person)
    return _public(inbound.adapter, inbound.tenant, inbound.chat.id, text, language)


def private(adapter: str, tenant: str, to: str, text: str, chat: str | None = None) -> Outbound:
    """Something to say to one person alone."""
    return Outbound(id="", adapter=adapter, tenant=tenant, visibility=Visibility.PRIVATE, to=to, chat=chat, text=text)


def _public(adapter: str, tenant: str, chat: str, text: str, language: str) -> Outbound:
    button = Button(sentence("open_private.button", language))
    return Outbound(
        id="", adapter=adapter, tenant=tenant, visibility=Visibility.PUBLIC, chat=chat, text=text, buttons=((button,),)
    )
