"""The link to a confirmation page: a token of 192 bits that only we can make, kept as its hash alone.

It is made anew from the challenge whenever the prompt is shown, so that no process and no table has to remember it, and
it changes when the question is put again: the link of an earlier message is then worth nothing. Whoever has it sees
the payment; to make it takes the PIN.
"""

import base64
import hashlib
import hmac

_TOKEN_BYTES = 24


def token(secret: bytes, transfer_id: str, person_id: str, prompt_id: str) -> str:
    """The token for one prompt of one person's payment: 32 characters of base64url."""
    digest = hmac.digest(secret, f"link|{transfer_id}|{person_id}|{prompt_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:_TOKEN_BYTES]).decode()


def hash_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def address(public_url: str, token: str) -> str:
    """Where the link leads."""
    return f"{public_url}/open/{token}"


def token_of_dialogue(secret: bytes, dialogue_id: str, actor_id: str) -> str:
    """The token for the questions of one dialogue; it lives as long as that does."""
    return token(secret, dialogue_id, actor_id, "dialogue")


def token_of_receipts(secret: bytes, dialogue_id: str, actor_id: str) -> str:
    """The token for the page of receipts, given in the dialogue in which the PIN was right."""
    return token(secret, dialogue_id, actor_id, "receipts")


def address_of_receipts(public_url: str, token: str) -> str:
    """Where the link to the page of receipts leads."""
    return f"{public_url}/receipts/open/{token}"


def address_of_dialogue(public_url: str, dialogue_id: str, token: str) -> str:
    """Where the link leads on which a dialogue's questions for a PIN are answered."""
    return f"{public_url}/open/{dialogue_id}/{token}"
