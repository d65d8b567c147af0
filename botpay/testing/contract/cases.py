"""The payloads to record, by name, and what each must become. In all of them alice writes, unless said otherwise.

A mention may be written in any way that the platform has, and may be marked up in the text that comes out.
"""

RECORDED = {
    "public": "in the group: “#envoyer 10 € @bob pour la pizza”, with bob mentioned",
    "private": "to the bot alone: “solde”",
    "press": "she presses a button of ours, in private, behind which is “token-1”",
    "press_by_bob": "the same button, pressed by bob, in the group",
    "renamed": "in the group: “#solde”, after she took another handle and another display name",
    "impostor": "in the group: “#solde”, by somebody else who took the handle and the name that alice had",
    "astral": "in the group: BEFORE, then bob mentioned, then AFTER",
    "by_id": "in the group: bob mentioned in a way that shows another person's name: “#envoyer 10 € Carol”",
    "reply": "in the group: “#envoyer 10 €” as an answer to words of bob's",
    "code": "in the group: “#envoyer 10 € @bob” as code",
    "quote": "in the group: “#envoyer 10 € @bob” as a quotation",
    "link": "in the group: “https://example.org/#eaupourtous”",
    "channel": "in the group: a reference to a channel or to everybody: “#general” or “@everyone”",
    "edited": "she edits the message “public” into “#envoyer 99 € @bob”",
    "forwarded": "in the group: she passes on somebody else's “#envoyer 10 € @bob”",
    "bot": "in the group: “#envoyer 10 € @bob” by another bot",
    "own": "in the group: “#envoyer 10 € @bob” by our own bot",
    "via_bot": "in the group: “#envoyer 10 € @bob”, written for her by another bot",
    "automatic": "in the group: “#envoyer 10 € @bob”, sent by a timer or as an absence note",
    "anonymous": "in the group: “#envoyer 10 € @bob” by somebody who is not named, such as an anonymous admin",
    "elsewhere": "“#solde” in another workspace or to another bot, by somebody whose id there is alice's here",
    "system": "in the group: a notice of the platform's: somebody joined, a message was pinned",
}
BEFORE = "👩‍👩‍👧 Noe\u0301 שלום 𝟙\n💶 #envoyer 10 € "
AFTER = " merci 💶"
