"""Where amounts stand among the tokens, and whether each is whole.

Tokens go in, the same tokens come out with amounts put together:

- `MONEY`: a whole amount; its value is the `Money`;
- `CENTS`: minor units whose name may belong to another currency ("50 cents"); word: the name, value: the `Money`;
- `WRONG`: an amount with a currency that is not clear; its value is the `Code`, or the `Money` that it would be if the
  misspelled currency ("10 eruos") were ours;
- `DIGITS`: a clean number without a currency; `FIGURE`: one that is not clean, its value is the `Code`;
- `NUMERAL`: a number in words without a currency.

A number is trusted only if nothing touches it but its currency and closing punctuation: whatever was cut by mark-up, an
invisible character, letters or signs is not. What digits mean is asked of `botpay.money` alone.
"""

from collections.abc import Sequence

from botpay import money
from botpay.errors import Code
from botpay.money import Money
from botpay.parsing.numerals import ARTICLES, number_of, number_words
from botpay.parsing.scanner import Token
from botpay.parsing.vocabulary import Vocabulary

DASHES = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d")
SIGNS = dict.fromkeys(DASHES, Code.NEGATIVE_AMOUNT) | dict.fromkeys("~≈±<>≤≥", Code.AMBIGUOUS_AMOUNT)
"""What a sign before a number makes of it; every other sign makes it `BAD_AMOUNT`."""

_JOINERS = frozenset(("et", "and", "y", "und", "e", "ed", "en", "&"))
_NAMES = frozenset(("PAYEE", "BOT", "INVALID", "HASHTAG", "INVALIDTAG", "SLASH"))
_NUMBERS = ("DIGITS", "FIGURE", "NUMERAL")
_CLOSING = frozenset(",;:!.")
_LONGEST_NUMERAL = 10  # words: "neuf cent quatre vingt dix neuf mille ..." is cut, and then refused


def put_together(text: str, tokens: list[Token], words: Vocabulary) -> list[Token]:
    """The tokens with every amount as one token."""
    for token in tokens:
        _name_currency(token, words)
    tokens = _numerals(tokens, words)
    if not any(token.kind in _NUMBERS for token in tokens):
        return tokens
    tokens = _runs(tokens, words)
    return _across_spaces(text, tokens, words)


def _name_currency(token: Token, words: Vocabulary) -> None:
    if token.kind == "WORD" and token.word in words.euro:
        token.kind, token.value = "CURRENCY", "EUR"
    elif token.kind == "CURRENCY":
        token.value = "EUR" if token.word == "€" else None


def _is_foreign(token: Token, words: Vocabulary) -> bool:
    """A currency that is none of ours: by sign, by name, or by three capitals that look like its code (ISO 4217)."""
    if token.kind == "CURRENCY":
        return token.value is None
    if token.kind != "WORD":
        return False
    written = token.value
    return token.word in words.foreign or (len(written) == 3 and written.isascii() and written.isupper())


# Numbers in words


def _numerals(tokens: list[Token], words: Vocabulary) -> list[Token]:
    known = number_words()
    if not any(token.word in known for token in tokens):
        return tokens
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        end = _numeral_end(tokens, at, known)
        if end and _counts_money(tokens, at, end, words):
            number = number_of(" ".join(token.word for token in tokens[at:end]))
            after_number = bool(out) and out[-1].kind in _NUMBERS
            out.append(_joined(tokens[at:end], "NUMERAL", Code.BAD_AMOUNT if after_number else number))
        else:
            end = at + 1
            token = tokens[at]
            if token.kind == "WORD" and token.word in known and token.word not in ARTICLES:
                token.kind = "NUMERAL"
            out.append(token)
        at = end
    return out


def _numeral_end(tokens: Sequence[Token], at: int, known: frozenset[str]) -> int:
    """Where the longest number in words ends that begins here; 0 if none does."""
    if tokens[at].kind != "WORD" or tokens[at].word not in known:
        return 0
    end = at
    while end < len(tokens) and end < at + _LONGEST_NUMERAL and tokens[end].kind == "WORD":
        end += 1
    while end > at and number_of(" ".join(token.word for token in tokens[at:end])) is None:
        end -= 1
    return end if end > at else 0


def _counts_money(tokens: Sequence[Token], at: int, end: int, words: Vocabulary) -> bool:
    """Whether a currency stands behind the number, or before it as in "dix euros cinquante"."""
    if end < len(tokens) and (tokens[end].kind == "CURRENCY" or tokens[end].word in words.cent):
        return True
    if end < len(tokens) and _is_foreign(tokens[end], words):
        return True
    return at > 0 and tokens[at - 1].kind == "CURRENCY" and tokens[at].word not in ARTICLES


# What is glued together


def _runs(tokens: list[Token], words: Vocabulary) -> list[Token]:
    """Each run of tokens without a space between them that holds a digit becomes an amount, or something unclear."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        end = at + 1
        if tokens[at].kind not in _NAMES:
            while end < len(tokens) and tokens[end].glued and tokens[end].kind not in _NAMES:
                end += 1
        run = tokens[at:end]
        if any(token.kind in ("DIGITS", "FIGURE") for token in run):
            touched = end < len(tokens) and tokens[end].glued
            run = _run(run, words, touched=touched or (run[0].glued and at > 0))
        out += run
        at = end
    return out


def _run(run: list[Token], words: Vocabulary, *, touched: bool) -> list[Token]:
    first, last = 0, len(run)
    while first < last and run[first].kind in ("SOFT", "SIGN", "QUOTE"):
        first += 1
    while last > first and run[last - 1].kind in ("SOFT", "SIGN", "QUOTE"):
        last -= 1
    lead, core, tail = run[:first], run[first:last], run[last:]
    shape = "".join(_letter(token, words) for token in core)
    code = _lead_code(lead) or _tail_code(shape, tail, touched=touched)
    if shape == "CxD" and core[1].word in DASHES:
        return [_unclear(run, Code.NEGATIVE_AMOUNT)]
    if code is None and shape == "D":
        return run
    value = _value(shape, core) if code is None else code
    if isinstance(value, Money):
        kind = "CENTS" if shape == "DS" else "MONEY"
        return [*lead, _joined(core, kind, value, core[-1].word), *tail]
    if code is None and shape in ("DC", "CD", "DCD", "DF", "FD", "DS"):
        return [*lead, _joined(core, "WRONG", value), *tail]
    return [_unclear(run, _several(core) or value)]


def _letter(token: Token, words: Vocabulary) -> str:
    if token.kind == "DIGITS":
        return "D"
    if token.kind == "CURRENCY" and token.value == "EUR":
        return "C"
    if token.kind == "WORD" and token.word in words.cent:
        return "S"
    return "F" if _is_foreign(token, words) else "x"


def _lead_code(lead: Sequence[Token]) -> Code | None:
    """What stands glued before: emoji do no harm, a sign says what it makes of the amount."""
    if not lead or all(token.kind == "SOFT" and not token.word.isascii() for token in lead):
        return None
    return SIGNS.get(lead[-1].word, Code.BAD_AMOUNT)


def _tail_code(shape: str, tail: Sequence[Token], *, touched: bool) -> Code | None:
    """What stands glued behind: behind digits only closing punctuation, behind a currency an emoji or a name too."""
    if shape.endswith("D"):
        return Code.BAD_AMOUNT if touched or any(token.word not in _CLOSING for token in tail) else None
    return Code.BAD_AMOUNT if any(token.kind != "SOFT" for token in tail) else None


def _several(core: Sequence[Token]) -> Code | None:
    """A range such as "10-20" is two amounts."""
    digits = sum(token.kind == "DIGITS" for token in core)
    others = [token for token in core if token.kind not in ("DIGITS", "CURRENCY")]
    linked = bool(others) and all(token.word in DASHES or token.word == "/" for token in others)
    return Code.SEVERAL_AMOUNTS if digits > 1 and linked else None


def _value(shape: str, core: Sequence[Token]) -> Money | Code:
    match shape:
        case "DC" | "DF":
            found = money.from_digits(core[0].word)
        case "CD" | "FD":
            found = money.from_digits(core[1].word)
        case "DCD":
            return _pair(core[0].word, core[2].word)
        case "DS":
            return money.from_minor_digits(core[0].word)
        case _:
            return Code.BAD_AMOUNT
    return Code.UNKNOWN_CURRENCY if "F" in shape and isinstance(found, Money) else found


def _pair(whole: str, cents: str) -> Money | Code:
    """ "10€50": exactly two digits, since "10€5" may be five or fifty cents."""
    if len(cents) == 1 and cents.isdigit():
        return Code.AMBIGUOUS_AMOUNT
    units, part = money.from_digits(whole), money.from_minor_digits(cents.removeprefix("0"))
    if len(cents) != 2 or not whole.isdigit() or not isinstance(units, Money) or not isinstance(part, Money):
        return Code.BAD_AMOUNT
    return money.with_cents(units, part)


# What belongs together over a space


def _across_spaces(text: str, tokens: list[Token], words: Vocabulary) -> list[Token]:
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token, end = _amount_at(text, tokens, at, words)
        if token.kind in ("MONEY", "WRONG") and end < len(tokens) and _names_money(tokens[end], words):
            token, end = _joined([token, tokens[end]], "WRONG", Code.BAD_AMOUNT), end + 1
        elif token.kind == "MONEY" and not _has_decimals(text[token.start : token.end]):
            token, end = _with_cents(tokens, token, end, words)
        out.append(token)
        at = end
    return out


def _amount_at(text: str, tokens: Sequence[Token], at: int, words: Vocabulary) -> tuple[Token, int]:
    """The amount that begins here and where it ends; the token as it is if none does."""
    one, end = tokens[at], at + 1
    if one.kind in _NUMBERS:
        while end < len(tokens) and tokens[end].kind == "NUMERAL" and tokens[end].value is Code.BAD_AMOUNT:
            end += 1
        one = one if end == at + 1 else _joined(tokens[at:end], "FIGURE", Code.BAD_AMOUNT)
    if end == len(tokens) or "\n" in text[tokens[end - 1].end : tokens[end].start]:
        return one, end
    if one.kind in _NUMBERS:
        return _number_and_unit(one, tokens, end, words)
    return _unit_and_number(one, tokens[end], end, words)


def _number_and_unit(number: Token, tokens: Sequence[Token], at: int, words: Vocabulary) -> tuple[Token, int]:
    """ "10 euros", "50 centimes"; also what is nearly, or not at all, one of ours: "10 eruos", "10 dollars"."""
    unit = tokens[at]
    units = Code.BAD_AMOUNT if _goes_on(tokens, at) else _units(number)
    if unit.kind == "CURRENCY" and unit.value == "EUR":
        return _with_unit(number, unit, units), at + 1
    if unit.word in words.cent and unit.kind in ("WORD", "NUMERAL"):
        return _cents(number, tokens, at)
    if _is_foreign(unit, words):
        return _with_unit(number, unit, Code.UNKNOWN_CURRENCY if isinstance(units, Money) else units), at + 1
    if unit.kind == "WORD" and words.near_money.nearest(unit.word):
        return _joined([number, unit], "WRONG", units, unit.word), at + 1
    return number, at


def _unit_and_number(unit: Token, number: Token, end: int, words: Vocabulary) -> tuple[Token, int]:
    """ "€ 10", "EUR 10"; in front of a number, names such as "euros" belong to what was before."""
    code = unit.kind == "WORD" and unit.value.isupper() and _is_foreign(unit, words)
    sign = unit.kind == "CURRENCY" and (unit.value is None or unit.word in ("€", "eur"))
    if not (code or sign) or number.kind not in ("DIGITS", "FIGURE"):
        return unit, end
    found = _units(number)
    if unit.value != "EUR" and isinstance(found, Money):
        found = Code.UNKNOWN_CURRENCY
    return _with_unit(unit, number, found), end + 1


def _goes_on(tokens: Sequence[Token], at: int) -> bool:
    """Whether something that is no closing punctuation and no name is glued behind a token: "euro(s)", "euros/mois"."""
    behind = at + 1
    while behind < len(tokens) and tokens[behind].glued and tokens[behind].kind == "SOFT":
        behind += 1
    return behind < len(tokens) and tokens[behind].glued and tokens[behind].kind not in _NAMES


def _units(token: Token) -> Money | Code:
    if token.kind == "DIGITS":
        return money.from_digits(token.word)
    if token.kind == "NUMERAL" and type(token.value) is int:
        return money.from_number(token.value)
    return token.value if isinstance(token.value, Code) else Code.BAD_AMOUNT


def _minor_units(token: Token) -> Money | Code:
    if token.kind == "DIGITS":
        return money.from_minor_digits(token.word)
    if token.kind == "NUMERAL" and type(token.value) is int:
        return Money(token.value)
    return Code.BAD_AMOUNT


def _with_unit(one: Token, two: Token, value: Money | Code) -> Token:
    return _joined([one, two], "MONEY" if isinstance(value, Money) else "WRONG", value, two.word)


def _cents(number: Token, tokens: Sequence[Token], at: int) -> tuple[Token, int]:
    """ "50 centimes", and "50 centimes d'euro", which can be of no other currency."""
    value = Code.BAD_AMOUNT if _goes_on(tokens, at) else _minor_units(number)
    kind, end = "CENTS" if isinstance(value, Money) else "WRONG", at + 1
    of = tokens[end : end + 2]
    if len(of) == 2 and of[0].word in ("d'", "de") and of[1].kind == "CURRENCY" and of[1].value == "EUR":
        kind, end = "MONEY" if kind == "CENTS" else kind, end + 2
    return _joined([number, tokens[end - 1]], kind, value, tokens[at].word), end


def _with_cents(tokens: Sequence[Token], token: Token, end: int, words: Vocabulary) -> tuple[Token, int]:
    """ "10 euros et 50 centimes", "10 euros 50": the rest of the amount, if it follows."""
    rest = end + (end < len(tokens) and tokens[end].word in _JOINERS)
    if rest + 1 < len(tokens) and tokens[rest].kind in _NUMBERS and tokens[rest + 1].word in words.cent:
        value = _sum(token.value, _minor_units(tokens[rest]))
        return _with_unit(token, tokens[rest + 1], value), rest + 2
    if rest < len(tokens) and tokens[rest].kind == "CENTS":
        return _with_unit(token, tokens[rest], _sum(token.value, tokens[rest].value)), rest + 1
    if end < len(tokens) and token.word in words.euro and token.word != "eur" and _is_bare_cents(tokens, end, words):
        last = tokens[end]
        part = Money(int(last.word)) if last.kind == "DIGITS" else _minor_units(last)
        return _with_unit(token, last, _sum(token.value, part)), end + 1
    return token, end


def _is_bare_cents(tokens: Sequence[Token], at: int, words: Vocabulary) -> bool:
    """Two digits, or a number in words of two digits, with nothing behind it that it could count instead."""
    token = tokens[at]
    if token.kind == "DIGITS":
        two = len(token.word) == 2 and token.word.isascii() and token.word.isdigit()
    else:
        two = token.kind == "NUMERAL" and type(token.value) is int and 10 <= token.value <= 99
    if not two or at + 1 == len(tokens):
        return two
    after = tokens[at + 1]
    if after.kind not in ("WORD", "NUMERAL", "CURRENCY", "DIGITS", "FIGURE", "MONEY", "WRONG", "SIGN"):
        return True
    return any(role in ("to", "for") for _, role in words.common.get(after.word, ()))


def _sum(whole: Money, cents: Money | Code) -> Money | Code:
    return money.with_cents(whole, cents) if isinstance(cents, Money) else cents


def _has_decimals(written: str) -> bool:
    """Whether an amount as written may have cents already, so that further ones would be another amount."""
    return any(mark in written for mark in money.POINTS)


def _names_money(token: Token, words: Vocabulary) -> bool:
    """A second currency, or the rest of another one's name: "10 € EUR", "50 euro cents"."""
    named = token.word in words.foreign or token.word in words.cent
    return token.kind == "CURRENCY" or (named and token.kind in ("WORD", "NUMERAL"))


def _joined(tokens: Sequence[Token], kind: str, value: object, word: str = "") -> Token:
    return Token(kind, tokens[0].start, tokens[-1].end, word, value, tokens[0].glued)


def _unclear(run: Sequence[Token], code: Money | Code) -> Token:
    """A run as one token: an amount gone wrong if a currency is in it, else a figure, as in "20h30"."""
    kind = "WRONG" if any(token.kind == "CURRENCY" for token in run) else "FIGURE"
    return _joined(run, kind, code)
