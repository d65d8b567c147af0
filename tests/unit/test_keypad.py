"""The keypad: opaque, short tokens that only we can make, each good for one key of one transfer."""

import base64
import uuid

import pytest

from botpay.confirm.keypad import CANCEL, ERASE, key_of, keypad, named_in, token

SECRET = b"s" * 32
TRANSFER, OTHER = str(uuid.UUID(int=1 << 100)), str(uuid.UUID(int=2 << 100))
KEYS = [*"0123456789", ERASE, CANCEL]
LABELS = {"title": "Your PIN", "open": "Enter PIN", "erase": "Erase", "cancel": "Cancel"}


@pytest.mark.parametrize("key", KEYS)
def test_a_token_stands_for_its_key(key: str) -> None:
    """A token leads back to its transfer and its key."""
    made = token(SECRET, TRANSFER, key)
    assert (named_in(made), key_of(SECRET, TRANSFER, made)) == (TRANSFER, key)


def test_tokens_are_short_enough_for_every_platform() -> None:
    """No token has more than 64 bytes (Telegram Bot API, InlineKeyboardButton.callback_data)."""
    assert max(len(token(SECRET, TRANSFER, key).encode()) for key in KEYS) <= 64


def test_tokens_do_not_show_their_key() -> None:
    """All tokens look alike, and what can be decoded of one is the transfer alone: no digit travels in it."""
    tokens = [token(SECRET, TRANSFER, key) for key in KEYS]
    assert len({len(made) for made in tokens}) == 1
    assert len({made.partition(".")[0] for made in tokens}) == 1
    assert all(len(base64.urlsafe_b64decode(made.partition(".")[2])) == 12 for made in tokens)  # 96 bits of MAC


def test_a_key_has_another_token_in_each_transfer_and_under_each_secret() -> None:
    """What was learnt of one keypad says nothing about another."""
    proofs = {
        token(secret, transfer, "7").partition(".")[2]
        for secret in (SECRET, b"t" * 32)
        for transfer in (TRANSFER, OTHER)
    }
    assert len(proofs) == 4


@pytest.mark.parametrize("key", KEYS)
def test_a_token_of_another_transfer_is_refused(key: str) -> None:
    """A key of one payment does nothing on another, even with the other's name put before it."""
    made = token(SECRET, OTHER, key)
    name = token(SECRET, TRANSFER, key).partition(".")[0]
    assert key_of(SECRET, TRANSFER, made) is None
    assert key_of(SECRET, TRANSFER, f"{name}.{made.partition('.')[2]}") is None


def test_a_token_under_another_secret_is_refused() -> None:
    """A token that was not made with our secret is none."""
    assert key_of(SECRET, TRANSFER, token(b"t" * 32, TRANSFER, "7")) is None


@pytest.mark.parametrize(
    "forged",
    ["", ".", "7", "a.b", "é.é", "\ud800.\ud800", "=.=", "A" * 22, "A" * 22 + ".7", "A" * 22 + ".\ud800", "x" * 9999],
)
def test_a_forged_token_is_refused(forged: str) -> None:
    """Any string that we did not make is no key, and no fault either."""
    assert named_in(forged) in (None, str(uuid.UUID(int=0)))
    assert key_of(SECRET, TRANSFER, forged) is None


def test_a_cut_or_longer_proof_is_refused() -> None:
    """A token is compared whole."""
    made = token(SECRET, TRANSFER, "7")
    assert [key_of(SECRET, TRANSFER, forged) for forged in (made[:-1], made + "A", made + "=")] == [None] * 3


def test_the_keys_stand_as_on_a_telephone() -> None:
    """Ten digits, erase and cancel, each once; and a dot for each digit entered, none of them shown."""
    pad = keypad(SECRET, TRANSFER, 2, LABELS)
    labels = [[button.label for button in row] for row in pad.rows]
    assert labels == [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["Erase", "0", "Cancel"]]
    assert (pad.shown, pad.title, pad.open_label) == ("●●○○○○", "Your PIN", "Enter PIN")
    keys = [key_of(SECRET, TRANSFER, button.token or "") for row in pad.rows for button in row]
    assert sorted(keys, key=str) == sorted(KEYS)


def _digits(about: str, *, secret: bytes = SECRET, scope: str = "", shuffled: bool = True) -> str:
    keys = keypad(secret, about, 0, LABELS, scope, shuffled=shuffled).rows
    assert [len(row) for row in keys] == [3, 3, 3, 3]
    assert (keys[3][0].label, keys[3][2].label) == ("Erase", "Cancel")
    return "".join(key.label for row in keys for key in row if key.label.isdigit())


def test_a_shuffled_keypad_has_each_digit_once_in_an_order_of_its_own() -> None:
    """The order is the same at every tap, another for another payment, question or secret, and never stored."""
    orders = {_digits(str(uuid.UUID(int=number << 100))) for number in range(1, 40)}
    assert all(sorted(order) == list("0123456789") for order in orders)
    assert len(orders) > 35
    assert _digits(TRANSFER) == _digits(TRANSFER)
    assert len({_digits(TRANSFER), _digits(TRANSFER, scope="again:"), _digits(TRANSFER, secret=b"t" * 32)}) == 3
    assert _digits(TRANSFER, shuffled=False) == "1234567890"


def test_a_shuffled_key_still_stands_for_what_it_shows() -> None:
    """Whatever its place, a key means its label."""
    for row in keypad(SECRET, TRANSFER, 0, LABELS, shuffled=True).rows:
        for key in row:
            assert key_of(SECRET, TRANSFER, key.token or "") == {"Erase": ERASE, "Cancel": CANCEL}.get(
                key.label, key.label
            )
