"""PINs, verdicts, cancelling and expiry: how a reserved payment comes to its one end. Pure."""

import hmac
from dataclasses import replace

from botpay import ids, policy
from botpay.confirm import challenge as rules_of_challenge
from botpay.confirm import guessing
from botpay.confirm.challenge import Challenge, Pin, State, may_try
from botpay.confirm.checker import PinCheck, PinVerdict
from botpay.confirm.keypad import CANCEL, CLEAR, ERASE, PIN_DIGITS, key_of, named_in
from botpay.directory.people import IdentityKey, Person
from botpay.errors import Code, LedgerFault, Refusal
from botpay.explain import explain
from botpay.handlers import cards, pay, talk, tries
from botpay.handlers.world import Decision, PageEntry, World
from botpay.ledger import rules
from botpay.ledger.model import AccountKind, Transfer, TransferKind
from botpay.message import Inbound, SecretText
from botpay.money import Money
from botpay.outbox.model import Letter
from botpay.replies import sentence

_IGNORED = Decision(outcome="ignored")


def press(world: World, inbound: Inbound) -> Decision:
    """A tap on a key. Forged tokens and taps of anybody but the sender have no effect and get no answer."""
    token, surface = (inbound.press.token, inbound.press.surface) if inbound.press else ("", None)
    challenge = world.challenges.get(named_in(token) or "")
    person = world.person_of(inbound.author.key) if inbound.author and not inbound.flags else None
    if challenge is None or person is None or challenge.person_id != person.id:
        return _IGNORED
    key = key_of(world.terms.keypad_secret, challenge.transfer_id, token)
    if key is None:
        return _IGNORED
    if challenge.state is not State.OPEN:
        return _over(world, challenge, surface)
    if key == CANCEL:
        return _end(world, challenge, State.CANCELLED, surface=surface)
    return _enter(world, challenge, key, surface)


def _over(world: World, challenge: Challenge, surface: str | None) -> Decision:
    """A tap on keys of a payment that is over: its prompt says already what became of it."""
    code = rules_of_challenge.ENDED_AS[challenge.state]
    text = sentence(f"refusal.{code.value}", challenge.language)
    return Decision(outcome=code.value, letters=talk.where_pressed(world, challenge, text, surface))


def _enter(world: World, challenge: Challenge, key: str, surface: str | None) -> Decision:
    if challenge.checking_until is not None and world.now < challenge.checking_until:
        return Decision(outcome=Code.STILL_CHECKING.value)
    entered = challenge.entry.reveal()
    if key == CLEAR:
        return Decision(outcome="key", challenges=(challenge.changed(entry=SecretText()),))
    entered = entered[:-1] if key == ERASE else entered + key
    if len(entered) == PIN_DIGITS:
        return try_pin(world, challenge, entered, surface)
    changed = challenge.changed(entry=SecretText(entered))
    text = talk.prompt_text(world, challenge)
    letters = talk.answer(world, challenge, text, surface=surface, pad=talk.keys(world, changed))
    return Decision(outcome="key", challenges=(changed,), letters=letters)


def enter_on_page(world: World, entry: PageEntry) -> Decision:
    """A PIN entered on the page of the newest prompt, or its payment called off there; the page says what came of it.

    A page that shows another try than the one that is next is out of date: what was entered on it is not used.
    """
    challenge = world.challenges.get(entry.transfer_id)
    if challenge is None or challenge.link is None or not hmac.compare_digest(challenge.link, entry.link):
        return _IGNORED
    if challenge.state is not State.OPEN:
        return Decision(outcome=rules_of_challenge.ENDED_AS[challenge.state].value)
    if world.now >= challenge.expires_at:
        return expire(world, challenge.transfer_id)
    if entry.pin is None:
        return _end(world, challenge, State.CANCELLED)
    if challenge.checking_until is not None and world.now < challenge.checking_until:
        return Decision(outcome=Code.STILL_CHECKING.value)
    if entry.number != challenge.tries + 1:
        return Decision(outcome="page_out_of_date")
    tried = try_pin(world, challenge, entry.pin.reveal())
    return tried if tried.checks or tried.transfers else Decision(outcome=tried.outcome)  # this try may come again


def try_pin(world: World, challenge: Challenge, entered: str, surface: str | None = None) -> Decision:
    """Count a try and have the PIN checked; the count is committed before the check begins."""
    if refusal := may_try(challenge, world.now):
        return _takes_none(world, challenge, refusal, surface)
    pin = world.pins.get(challenge.person_id)
    if refusal := tries.not_now(world, pin, _counted_for(challenge)):
        return _not_read(world, challenge, refusal, surface)
    counted = rules_of_challenge.count_try(challenge, world.now)
    check = PinCheck(
        transfer_id=challenge.transfer_id,
        person_id=challenge.person_id,
        number=counted.tries,
        pin=SecretText(entered),
        hash=rules_of_challenge.to_check(pin),
        tried_at=world.now,
        surface=surface,
    )
    return Decision(
        outcome="pin_tried",
        challenges=(counted,),
        pins=(rules_of_challenge.count_failure(pin, world.now),) if pin else (),
        guesses=guessing.counted(_counted_for(challenge), world.now),
        checks=(check,),
    )


def _not_read(world: World, challenge: Challenge, refusal: Refusal, surface: str | None) -> Decision:
    """A PIN that was neither read nor counted: the question stands, and what was entered is forgotten."""
    emptied = challenge.changed(entry=SecretText())
    details = {**refusal.details, "payee": challenge.payee}
    why = explain(Refusal.because(refusal.code, **details), challenge.language)
    text = f"{why}\n{talk.prompt_text(world, challenge)}"
    return Decision(
        outcome=refusal.code.value,
        challenges=(emptied,),
        guesses=tries.noted(world, refusal),
        letters=talk.answer(world, challenge, text, surface=surface, pad=talk.keys(world, emptied)),
    )


def _counted_for(challenge: Challenge) -> str | None:
    """The payee whom guesses at this payment are counted for: a thief pays people, and no charity of the operator's."""
    is_person = challenge.payee_kind == AccountKind.PERSON.value
    return guessing.payee(challenge.payee_owner) if is_person else None


def _takes_none(world: World, challenge: Challenge, refusal: Refusal, surface: str | None) -> Decision:
    """A PIN for a payment that takes none: it is over, its time or its tries are, or one is being checked."""
    match refusal.code:
        case Code.ALREADY_EXPIRED if challenge.state is State.OPEN:
            return expire(world, challenge.transfer_id)
        case Code.ALREADY_VOIDED if challenge.state is State.OPEN:
            return _end(world, challenge, State.FAILED, surface=surface)
        case _:
            text = sentence(f"refusal.{refusal.code.value}", challenge.language)
            return Decision(outcome=refusal.code.value, letters=talk.answer(world, challenge, text, surface=surface))


def judge(world: World, verdict: PinVerdict) -> Decision:
    """A verdict on a try: post, or one try less. The rules and the caps are asked again, under the same lock."""
    challenge = world.challenges[verdict.transfer_id]
    pin = world.pins.get(verdict.person_id)
    if verdict.right and pin is not None:
        pin = rules_of_challenge.right(pin, verdict.tried_at, verdict.renewed)
        taken_back = guessing.counted(_counted_for(challenge), verdict.tried_at, -1)
        return replace(_pass(world, challenge, pin, verdict.surface), guesses=taken_back)
    if challenge.state is not State.OPEN:
        return Decision(outcome=Code.WRONG_PIN.value)
    challenge, pin = rules_of_challenge.wrong(challenge, pin, world.now)
    if challenge.state is not State.OPEN:
        by_code = challenge.state is State.LOCKED and world.can_mail(world.people[challenge.person_id])
        key = "locked.by_code" if by_code else None
        ended = _end(world, challenge, challenge.state, pin=pin, surface=verdict.surface, key=key)
        locked = challenge.state is State.LOCKED
        told = (
            talk.to_all(world, challenge.person_id, "locked.elsewhere", besides=_asked_by(challenge)) if locked else ()
        )
        return replace(ended, letters=(*ended.letters, *told))
    text = talk.prompt_text(world, challenge)
    letters = talk.answer(world, challenge, text, surface=verdict.surface, pad=talk.keys(world, challenge))
    return Decision(outcome=Code.WRONG_PIN.value, challenges=(challenge,), pins=(pin,) if pin else (), letters=letters)


def cancel_newest(world: World, person: Person) -> Decision | Refusal:
    """Call off the newest payment that waits for a PIN."""
    waiting = world.open_challenges(person.id)
    return _end(world, waiting[-1], State.CANCELLED) if waiting else Refusal(Code.NOTHING_OPEN)


def expire(world: World, transfer_id: str) -> Decision:
    """Give the money of an unanswered challenge back, once its time is over or its charity is suspended."""
    challenge = world.challenges.get(transfer_id)
    if challenge is None or challenge.state is not State.OPEN:
        return _IGNORED
    if world.now >= challenge.expires_at:
        return _end(world, challenge, State.EXPIRED)
    if world.is_suspended(challenge.payee_owner):
        return _end(world, challenge, State.CANCELLED, key="no_longer_possible")
    return _IGNORED


def _pass(world: World, challenge: Challenge, pin: Pin, surface: str | None) -> Decision:
    if challenge.state is not State.OPEN:
        return Decision(outcome=f"late_{challenge.state.value}", pins=(pin,))
    reserve = world.reserves[challenge.transfer_id]
    refusal = rules.may_post(world.endings.get(reserve.id), reserve, world.now)
    if refusal is not None and refusal.code is Code.ALREADY_EXPIRED:
        return _end(world, challenge, State.EXPIRED, pin=pin, surface=surface)
    _require_same(world, challenge, reserve)
    refusal = refusal or _no_longer(world, challenge)
    if refusal is not None:
        return _end(world, challenge, State.CANCELLED, pin=pin, surface=surface, key="no_longer_possible")
    if _is_renamed(world, challenge):
        return _end(world, challenge, State.CANCELLED, pin=pin, surface=surface, key="payee_renamed")
    post = rules.end(reserve, TransferKind.POST, _id_of_end(world, challenge), world.now)
    paid = challenge.ended(State.PASSED)
    letters = (*_tell_payer(world, paid, surface), *_tell_payee(world, paid), *cards.ended(world, paid))
    posted = Decision(
        outcome="posted",
        transfers=(post,),
        challenges=(paid,),
        pins=(pin,),
        letters=letters,
    )
    return _then_the_next(world, challenge, posted)


def _no_longer(world: World, challenge: Challenge) -> Refusal | None:
    """What was asked of the payment when it was reserved, once more: its own amount is counted as spent by now."""
    amount = talk.amount_of(challenge)
    return (
        policy.may_pay(world.terms.caps, AccountKind(challenge.payee_kind), amount)
        or pay.may_spend(world, challenge.person_id, Money(0, amount.currency), _asked_by(challenge))
        or pay.may_take_part(world, challenge.person_id, challenge.payee_owner)
    )


def _asked_by(challenge: Challenge) -> IdentityKey:
    return (challenge.origin_adapter, challenge.origin_tenant, challenge.origin_actor)


def _is_renamed(world: World, challenge: Challenge) -> bool:
    """Whether the payee is called otherwise by now: the sender agreed to what they were shown, and to nothing else."""
    payee = world.people.get(challenge.payee_owner)
    if payee is None:  # a charity
        return False
    return talk.shown_as(world, payee, challenge.origin_adapter, challenge.origin_tenant) != challenge.payee


def _require_same(world: World, challenge: Challenge, reserve: Transfer) -> None:
    """What the sender was shown is what moves, from their own account: a row that was bent pays nobody."""
    debit, credit = (world.accounts.get(account_id) for account_id in (reserve.debit_id, reserve.credit_id))
    held = (debit and debit.owner, credit and credit.owner, reserve.amount_minor, reserve.currency)
    if held != (challenge.person_id, challenge.payee_owner, challenge.amount_minor, challenge.currency):
        raise LedgerFault(f"challenge {challenge.transfer_id} does not agree with its reserve")


def _tell_payer(world: World, challenge: Challenge, surface: str | None) -> tuple[Letter, ...]:
    text = sentence(
        f"paid.{challenge.payee_kind}",
        challenge.language,
        amount=talk.amount_of(challenge),
        payee=challenge.payee,
        left=talk.free(world, challenge.person_id, challenge.currency),
        reference=ids.reference(challenge.transfer_id),
    )
    charity = world.standing.get(challenge.payee_owner)
    if charity and charity.verified and world.terms.public_url:
        text += "\n" + sentence("paid.receipts", challenge.language)
    return talk.answer(world, challenge, text, surface=surface)


def _tell_payee(world: World, challenge: Challenge) -> tuple[Letter, ...]:
    payee = world.people.get(challenge.payee_owner)
    if payee is None:  # a charity
        return ()
    payer = world.people[challenge.person_id]
    shown = talk.shown_as(world, payer, challenge.origin_adapter, challenge.origin_tenant)
    after = world.account(payee.id, challenge.currency).available_minor + challenge.amount_minor
    text = sentence(
        "received.memo" if challenge.memo else "received",
        payee.language,
        payer=shown,
        amount=talk.amount_of(challenge),
        memo=challenge.memo,
        left=Money(after, challenge.currency),
        reference=ids.reference(challenge.transfer_id),
    )
    in_public = sentence("received.public", payee.language, payee=challenge.payee, payer=shown)
    return talk.to_payee(
        world, challenge, text, cards.outcome(world, challenge) if challenge.origin_card else in_public
    )


def _end(
    world: World,
    challenge: Challenge,
    state: State,
    *,
    pin: Pin | None = None,
    surface: str | None = None,
    key: str | None = None,
) -> Decision:
    """End a payment without moving money: the hold is released and the sender told."""
    reserve = world.reserves[challenge.transfer_id]
    kind = TransferKind.EXPIRE if state is State.EXPIRED else TransferKind.VOID
    given_back: Transfer = rules.end(reserve, kind, _id_of_end(world, challenge), world.now)
    left = talk.free(world, challenge.person_id, challenge.currency).minor + challenge.amount_minor
    text = sentence(
        key or state.value,
        challenge.language,
        amount=talk.amount_of(challenge),
        payee=challenge.payee,
        left=Money(left, challenge.currency),
    )
    over = challenge if challenge.state is state else challenge.ended(state)
    ended = Decision(
        outcome=state.value,
        transfers=(given_back,),
        challenges=(over,),
        pins=(pin,) if pin else (),
        letters=(*talk.answer(world, challenge, text, surface=surface), *cards.ended(world, over)),
    )
    return ended if state is State.LOCKED else _then_the_next(world, challenge, ended)


def ask_once_more(world: World, challenge: Challenge) -> Decision:
    """A PIN that was typed before this question was put again answers nothing: the question stands."""
    return Decision(outcome="typed_too_soon", letters=talk.answer(world, challenge, talk.prompt_text(world, challenge)))


def _then_the_next(world: World, over: Challenge, decision: Decision) -> Decision:
    """Where PINs are typed, the next payment that waits is asked for anew, so that a PIN answers what was last shown.

    Who types a PIN twice out of impatience must not pay two payments with it.
    """
    waiting = [c for c in world.open_challenges(over.person_id) if c.transfer_id != over.transfer_id]
    if not waiting or not world.terms.may_type_pin(over.origin_adapter):
        return decision
    asked = waiting[-1].changed(asked_at=world.now)
    left = talk.free(world, asked.person_id, asked.currency)
    if not any(t.kind is TransferKind.POST for t in decision.transfers):
        left = Money(left.minor + over.amount_minor, left.currency)
    letters = talk.answer(world, asked, talk.question(world, asked, left), pad=talk.keys(world, asked))
    return replace(decision, challenges=(*decision.challenges, asked), letters=(*decision.letters, *letters))


def _id_of_end(world: World, challenge: Challenge) -> str:
    return ids.derived(world.now, f"{challenge.transfer_id}:end")
