"""Numbers in words, in French, English, Spanish, German, Italian, Portuguese and Dutch.

Every number below 1,000 is spelled out in every language from small tables, and a text is looked up among these
spellings: what nobody would write is not found, so nothing is computed from words that merely look like numbers.
Words are folded (no accents, no capitals) and separated by single spaces.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product


def _words(line: str) -> tuple[str, ...]:
    """The words of a line; "+" stands for the space inside of one."""
    return tuple(word.replace("+", " ") for word in line.split())


_FR = _words(
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
    " dix+sept dix+huit dix+neuf"
)
_FR_TENS = _words("vingt trente quarante cinquante soixante")
_EN = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
)
_EN_TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
_ES = _words(
    "cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete"
    " dieciocho diecinueve veinte veintiun veintidos veintitres veinticuatro veinticinco veintiseis veintisiete"
    " veintiocho veintinueve"
)
_ES_TENS = _words("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ES_HUNDREDS = _words(
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
_PT = _words(
    "zero um dois tres quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete"
    " dezoito dezenove"
)
_PT_TENS = _words("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_PT_HUNDREDS = _words("cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos")
_IT = _words(
    "zero un due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici"
    " diciassette diciotto diciannove"
)
_IT_TENS = _words("venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_DE = _words(
    "null ein zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn"
    " achtzehn neunzehn"
)
_DE_TENS = _words("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig")
_NL = _words(
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien"
    " achttien negentien"
)
_NL_TENS = _words("twintig dertig veertig vijftig zestig zeventig tachtig negentig")

_THOUSAND = ("mille", "thousand", "mil")
_ALSO = {  # other spellings of single words: regional, typed without umlaut, counting form
    "soixante dix": ("septante",),
    "quatre vingt": ("huitante", "octante", "quatre vingts"),
    "quatre vingt dix": ("nonante",),
    "dezesseis": ("dezasseis",),
    "dezessete": ("dezassete",),
    "dezenove": ("dezanove",),
    "catorze": ("quatorze",),
    "funf": ("fuenf",),
    "zwolf": ("zwoelf",),
    "zwei": ("zwo",),
}
ARTICLES = frozenset("un une a one uno una um uma ein eine einen een".split())
"""Number words that are mostly articles: a number only where a currency follows."""


@cache
def spelled() -> dict[str, int]:
    """Every spelling -> its number, for all languages at once."""
    table: dict[str, int] = {}
    for spell in (_french, _english, _spanish, _portuguese, _italian, _german, _dutch):
        for number in range(1000):
            for words in spell(number):
                table.setdefault(words, number)
    for word, number in (("a hundred", 100), ("mille", 1000), ("tausend", 1000), ("eintausend", 1000)):
        table.setdefault(word, number)
    table.update({"duizend": 1000, "duemila": 2000, "zweitausend": 2000, "tweeduizend": 2000, "mil": 1000})
    return table


@cache
def number_words() -> frozenset[str]:
    """Every word that occurs in a spelling, but for those that join ("et", "and", "y", "e")."""
    words = {word for spelling in spelled() for word in spelling.split()} | set(_THOUSAND)
    return frozenset(words - {"et", "and", "y", "e"})


def number_of(words: str) -> int | None:
    """The number that folded words spell, up to 999,999; None if they spell none."""
    found = spelled().get(words)
    if found is not None:
        return found
    for thousand in _THOUSAND:
        head, mark, tail = f" {words} ".partition(f" {thousand} ")
        if mark:
            return _thousands(head.strip(), tail.strip())
    return None


def _thousands(head: str, tail: str) -> int | None:
    many, rest = spelled().get(head or "un"), spelled().get(tail.removeprefix("and ") or "zero")
    if many is None or rest is None or not 1 <= many <= 999 or rest > 999:
        return None
    return many * 1000 + rest


def _either(*choices: str) -> Iterator[str]:
    for choice in choices:
        yield choice
        yield from _ALSO.get(choice, ())


def _french(number: int) -> Iterator[str]:
    hundreds, rest = divmod(number, 100)
    small = list(_french_small(rest))
    if not hundreds:
        yield from small
        return
    many = "" if hundreds == 1 else _FR[hundreds] + " "
    if not rest:
        yield from (f"{many}cent", f"{many}cents") if many else ("cent",)
        return
    for tail in small:
        yield f"{many}cent {tail}"
        if many:
            yield f"{many}cents {tail}"


def _french_small(number: int) -> Iterator[str]:
    if number < 20:
        yield from (_FR[number], "une") if number == 1 else (_FR[number],)
        return
    for base, name in zip(range(20, 70, 10), _FR_TENS, strict=True):
        top = base + (19 if base == 60 else 9)
        if base <= number <= top:
            yield from _french_tens(name, number - base)
    if number >= 80:
        for name in _either("quatre vingt"):
            if name == "quatre vingt" or (name != "quatre vingts" and number < 90) or number == 80:
                yield from _french_tens(name, number - 80, joined=name != "quatre vingt")
    for base, name in ((70, "septante"), (90, "nonante")):
        if base <= number <= base + 9:
            yield from _french_tens(name, number - base)


def _french_tens(name: str, rest: int, *, joined: bool = True) -> Iterator[str]:
    if rest == 0:
        yield name
        return
    yield f"{name} {_FR[rest]}"
    if rest in (1, 11) and joined:
        yield f"{name} et {_FR[rest]}"
    if rest == 1:
        yield f"{name} et une"


def _english(number: int) -> Iterator[str]:
    small, tens = _EN, _EN_TENS
    hundreds, rest = divmod(number, 100)
    tail = small[rest] if rest < 20 else " ".join([tens[rest // 10 - 2], *([small[rest % 10]] if rest % 10 else [])])
    if not hundreds:
        yield tail
        return
    for head in (small[hundreds], "a") if hundreds == 1 else (small[hundreds],):
        yield from (f"{head} hundred {tail}", f"{head} hundred and {tail}") if rest else (f"{head} hundred",)


def _spanish(number: int) -> Iterator[str]:
    small, hundreds = _ES, _ES_HUNDREDS
    many, rest = divmod(number, 100)
    tails = [small[rest]] if rest < 30 else [_ES_TENS[rest // 10 - 3]]
    if rest >= 30 and rest % 10:
        tails = [f"{tails[0]} y {small[rest % 10]}"]
    if rest % 10 == 1 and rest != 11:
        tails += [tails[0] + "o", tails[0] + "a"]
    if not many:
        yield from tails
    elif number == 100:
        yield "cien"
    else:
        head = hundreds[many - 1]
        yield from (f"{head} {tail}" for tail in tails) if rest else (head,)


def _portuguese(number: int) -> Iterator[str]:
    small, tens = _PT, _PT_TENS
    many, rest = divmod(number, 100)
    tails = list(_either(small[rest])) if rest < 20 else [tens[rest // 10 - 2]]
    if rest >= 20 and rest % 10:
        tails = [f"{tails[0]} e {small[rest % 10]}"]
    if rest % 10 == 1 and rest != 11:
        tails += [tails[0] + "a"]
    if not many:
        yield from tails
    elif number == 100:
        yield "cem"
    else:
        head = _PT_HUNDREDS[many - 1]
        yield from (f"{head} e {tail}" for tail in tails) if rest else (head,)


def _italian(number: int) -> Iterator[str]:
    small, tens = _IT, _IT_TENS
    many, rest = divmod(number, 100)
    tail = small[rest] if rest < 20 else ""
    if rest >= 20:
        ten, unit = tens[rest // 10 - 2], rest % 10
        tail = (ten[:-1] if unit in (1, 8) else ten) + (small[unit] if unit else "")
    tails = [tail, tail + "o"] if rest % 10 == 1 and rest != 11 else [tail]
    if not many:
        yield from tails
        return
    head = ("" if many == 1 else small[many]) + "cento"
    yield from ((f"{head}{tail}", f"{head} {tail}")[i] for tail, i in product(tails, (0, 1))) if rest else (head,)


def _german(number: int) -> Iterator[str]:
    yield from _germanic(number, _DE, _DE_TENS, "und", "hundert", ("eins", "eine", "einen"))


def _dutch(number: int) -> Iterator[str]:
    yield from _germanic(number, _NL, _NL_TENS, "en", "honderd", ())


def _germanic(
    number: int, small: Sequence[str], tens: Sequence[str], joint: str, hundred: str, ones: tuple[str, ...]
) -> Iterator[str]:
    many, rest = divmod(number, 100)
    tails = list(_either(small[rest])) if rest < 20 else [tens[rest // 10 - 2]]
    if rest >= 20 and rest % 10:
        tails = [f"{unit}{joint}{tails[0]}" for unit in _either(small[rest % 10])]
    if rest == 1:
        tails += ones
    if not many:
        yield from tails
        return
    heads = [unit + hundred for unit in _either(small[many])] + ([hundred] if many == 1 else [])
    for head in heads:
        yield from (f"{head}{tail}" for tail in tails) if rest else (head,)
