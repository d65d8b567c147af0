"""Tokens -> what was heard: which is the action, whether we are spoken to, and what part each word plays.

What changes nothing is left out here, before the grammar sees the tokens: greetings, "please", commas, emoji and the
bot's own name.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from botpay.parsing.amounts import DASHES, put_together
from botpay.parsing.context import Context
from botpay.parsing.scanner import Token, scan
from botpay.parsing.vocabulary import LANGUAGES, Phrases, Vocabulary, vocabulary

ACTIONS = {
    "send": "GIVE",
    "donate": "GIVE",
    "request": "ASK_FOR",
    "balance": "BALANCE",
    "history": "HISTORY",
    "cancel": "CANCEL",
    "help": "HELP",
    "language": "CHOOSE",
}
"""Actions, as the files of words name them -> terminals of the grammar."""
MONEY_ACTIONS = frozenset(("GIVE", "GIVE_LAST", "ASK_FOR", "ASK_FOR_LAST"))

_ROLES = {"ask": "QUESTION", "filler": "FILLER"}
_DROPPED = frozenset(("SOFT", "FILLER", "OPEN", "POLITE", "PLEASE", "HURRY", "BOT", "ECHO"))
_SIGNS = dict.fromkeys(DASHES, "DASH") | {"(": "PAREN", "[": "PAREN", "&": "AND"}
_HEAD = frozenset(("SOFT", "FILLER", "OPEN", "POLITE", "PLEASE", "HURRY", "BOT", "THANKS"))


@dataclass(slots=True)
class Heard:
    """A message as the reader sees it.

    Attributes:
        text: what was typed, with quoted lines blanked.
        tokens: all of them, each with its part.
        kept: those that the grammar sees.
        actions: the tokens that are actions.
        addressed: the chat is private, or the message begins with the bot's name.
        named: the bot's name is somewhere in it.
        elsewhere: it is addressed to another bot.
        started: it begins with "/start", with which Telegram opens a chat and hands over what was in a link.
        language: of the action, or the likeliest; None if no word tells.
    """

    text: str
    tokens: list[Token]
    addressed: bool
    named: bool
    elsewhere: bool
    started: bool = False
    language: str | None = None
    actions: list[Token] = field(default_factory=list)
    kept: list[Token] = field(default_factory=list)

    @property
    def polite(self) -> bool:
        """It asks somebody to do something, as in "can you send ...?"."""
        end = self.actions[0].start if self.actions else len(self.text)
        return any(token.kind == "POLITE" and token.start < end for token in self.tokens)


def listen(text: str, context: Context, is_charity: Callable[[str], bool]) -> Heard:
    """Find the parts of a message.

    Args:
        is_charity: given a hashtag as written, without "#".
    """
    words = vocabulary()
    me = frozenset(name.casefold() for name in context.me)
    said, tokens = scan(text, context.spans, me)
    tokens = put_together(said, tokens, words)
    head = next((token for token in tokens if not _is_greeting(token, words)), None)
    heard = Heard(
        text=said,
        tokens=tokens,
        addressed=context.private or (head is not None and head.kind == "BOT"),
        named=any(token.kind == "BOT" for token in tokens),
        elsewhere=_mark_actions(tokens, words, me) or _to_another_bot(head),
        started=head is not None and head.kind == "SLASH" and head.word.partition("@")[0] == "start",
    )
    heard.actions = [token for token in tokens if token.kind in MONEY_ACTIONS or token.kind in ACTIONS.values()]
    if not heard.actions and heard.addressed:
        heard.actions = _bare_action(tokens, words)
    languages = _languages(heard.actions, tokens, words)
    heard.language = languages[0] if languages else None
    heard.tokens = _with_roles(tokens, words.tables(languages))
    _finish(heard.tokens, is_charity, words, heard.language)
    heard.kept = _kept(heard.tokens)
    return heard


def _is_greeting(token: Token, words: Vocabulary) -> bool:
    found = words.common.get(token.word, ()) if token.kind == "WORD" else ()
    return token.kind == "SOFT" or any(role == "filler" and len(phrase) == 1 for phrase, role in found)


def _to_another_bot(head: Token | None) -> bool:
    """Telegram's bots have names that end in "bot"; a message that begins with one is not for us."""
    return head is not None and head.kind == "PAYEE" and head.word.endswith("bot")


def _mark_actions(tokens: Sequence[Token], words: Vocabulary, me: frozenset[str]) -> bool:
    """Name the hashtags and slash commands that are actions; says whether a command was for another bot."""
    elsewhere = False
    for token in tokens:
        if token.kind not in ("HASHTAG", "SLASH"):
            continue
        name, at, bot = token.word.partition("@")
        if at and bot not in me:
            elsewhere = True
            continue
        if name in words.keywords and _bare(token.value) not in words.not_actions:
            token.value = words.keywords[name]
            token.kind = ACTIONS[token.value[0]]
    return elsewhere


def _bare(written: str) -> str:
    """A hashtag or slash command without its sign and the bot's name, in lower case."""
    return unicodedata.normalize("NFC", written[1:].partition("@")[0]).lower()


def _bare_action(tokens: list[Token], words: Vocabulary) -> list[Token]:
    """The action among bare words: the first word that counts, or in some languages the last one."""
    index = _first_that_counts(tokens, words)
    found = _action_at(tokens, index, words)
    if found is not None:
        return [found]
    for token in tokens[index:]:
        action = words.keywords.get(token.word) if token.kind == "WORD" else None
        if action and action[0] in ("balance", "history"):
            token.kind, token.value = ACTIONS[action[0]], action
            return [token]
    last = next((token for token in reversed(tokens) if token.kind not in ("SOFT", "BOT", "SIGN")), None)
    for language in LANGUAGES:
        ending = words.languages[language].last.get(last.word) if last and last.kind == "WORD" else None
        if last is not None and ending is not None:
            last.kind, last.value = ACTIONS[ending] + "_LAST", (ending, (language,))
            return [last]
    return []


def _first_that_counts(tokens: Sequence[Token], words: Vocabulary) -> int:
    """Where the message begins, past greetings and openings such as "je voudrais"."""
    index = 0
    while index < len(tokens):
        length, role = _phrase_at(tokens, index, (words.common,))
        kind = _ROLES.get(role, role.upper()) if role else tokens[index].kind
        if kind not in _HEAD or (tokens[index].word in words.keywords and role not in ("open", "polite")):
            return index
        index += length
    return index


def _action_at(tokens: list[Token], index: int, words: Vocabulary) -> Token | None:
    if index >= len(tokens) or tokens[index].kind != "WORD":
        return None
    first = tokens[index]
    length, role = _phrase_at(tokens, index, (words.common,))
    if role == "show" and length > 1:  # "give me my balance"
        return None
    for phrase, action in words.phrases.get(first.word, ()):
        if _matches(tokens, index, phrase):
            languages = tuple(LANGUAGES)
            first.kind, first.end, first.value = (
                ACTIONS[action],
                tokens[index + len(phrase) - 1].end,
                (action, languages),
            )
            del tokens[index + 1 : index + len(phrase)]
            return first
    if first.word not in words.keywords or unicodedata.normalize("NFC", first.value).lower() in words.not_actions:
        return None
    first.value = words.keywords[first.word]
    first.kind = ACTIONS[first.value[0]]
    return first


def _languages(actions: Sequence[Token], tokens: Sequence[Token], words: Vocabulary) -> list[str]:
    """The language of the action, and behind it that of most other words if it is another; none if no word tells.

    Where several languages have the action, the one that most other words belong to is its language.
    """
    wanted: tuple[str, ...] = actions[0].value[1] if actions else ()
    said = {token.word for token in tokens if token.kind in ("WORD", "NUMERAL")}
    votes = {name: sum(word in words.languages[name].roles for word in said) for name in LANGUAGES}
    spoken = max(LANGUAGES, key=votes.__getitem__)
    own = max(wanted, key=votes.__getitem__, default=None)
    if own is None:
        return [spoken] if votes[spoken] else []
    return [own] if votes[own] >= votes[spoken] else [own, spoken]


def _with_roles(tokens: list[Token], tables: Sequence[Phrases]) -> list[Token]:
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token, length = tokens[at], 1
        if token.kind == "WORD":
            length, role = _phrase_at(tokens, at, tables)
            if role:
                token.kind = _ROLES.get(role, role.upper())
                token.end = tokens[at + length - 1].end
        elif token.kind == "SIGN":
            token.kind = _SIGNS.get(token.word, "SIGN")
        out.append(token)
        at += length
    return out


def _phrase_at(tokens: Sequence[Token], at: int, tables: Sequence[Phrases]) -> tuple[int, str | None]:
    """How many tokens the longest phrase takes that begins here, and its role."""
    word = tokens[at].word
    if tokens[at].kind != "WORD":
        return 1, None
    best: tuple[int, str | None] = (1, None)
    for table in tables:
        for phrase, role in table.get(word, ()):
            if best[1] is not None and len(phrase) <= best[0]:
                break
            if _matches(tokens, at, phrase):
                best = (len(phrase), role)
                break
    return best


def _matches(tokens: Sequence[Token], at: int, phrase: Sequence[str]) -> bool:
    if len(phrase) == 1:
        return True
    if at + len(phrase) > len(tokens) or tokens[at + 1].word != phrase[1]:
        return False
    found = zip(tokens[at : at + len(phrase)], phrase, strict=True)
    return all(token.word == word and token.kind in ("WORD", "NUMERAL") for token, word in found)


def _finish(tokens: list[Token], is_charity: Callable[[str], bool], words: Vocabulary, language: str | None) -> None:
    """What hangs on more than the word: which tags are charities, whose cents, and who was named before."""
    seen: set[tuple[object, str]] = set()
    for token in tokens:
        if token.kind == "HASHTAG":
            token.kind = "CHARITY" if isinstance(token.value, str) and is_charity(token.value[1:]) else "TAG"
        elif token.kind == "SLASH":
            token.kind = "TAG"
        elif token.kind == "CENTS":
            alone = words.cent.get(token.word, frozenset())
            token.kind = "MONEY" if not alone or language in alone else "WRONG"
        if token.kind in ("PAYEE", "CHARITY"):
            key = (token.kind, normalise_tag(token.value) if token.kind == "CHARITY" else token.word)
            token.kind = "ECHO" if key in seen else token.kind
            seen.add(key)


def normalise_tag(tag: str) -> str:
    """A hashtag as it is compared: "#EauPourTous" -> "eaupourtous" (NFKC and case folding, without "#")."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).lstrip("#").casefold())


def _kept(tokens: Sequence[Token]) -> list[Token]:
    """What the grammar sees; the bot's name stays where it would be paid."""
    kept: list[Token] = []
    for token in tokens:
        paid = token.kind == "BOT" and kept and kept[-1].kind in ("TO", "FOR")
        if token.kind not in _DROPPED or paid:
            kept.append(token)
    return kept
