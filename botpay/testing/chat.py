"""`.chat` transcripts: conversations that can be played on any stage, and compared with what was expected.

    # a comment
    alice> #envoyer 10 euros @bob          alice writes in the group
    alice(private)> 482915                 alice writes to the bot alone; six digits are entered as a PIN
    alice(again)>                          her last message is delivered a second time
    alice(edited)> #envoyer 99 euros @bob  she edits her last message into this
    alice(forwarded)> #envoyer 5 € @bob    she passes on somebody else's words
    ~ 6 minutes                            time goes by
    bot(alice)> ...                        the bot to alone alice; "bot> ..." to everybody
        ...                                more lines of the same message, indented by four
    bot(bob)[console,edit]> ...            expected on this adapter and where messages can be edited (see Capabilities)
    bot(bob)[-buttons]> ...                expected where there are no buttons

Spaces that do not break are written as plain ones; references of payments, which differ, as "Réf. …".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from botpay.testing.stage import Line, Manner


class ScriptError(ValueError):
    """A line of a script that cannot be read; the text names the line."""


@dataclass(frozen=True, slots=True)
class Said:
    """A person's line."""

    who: str
    text: str
    private: bool = False
    manner: Manner = Manner.FRESH


@dataclass(frozen=True, slots=True)
class Passed:
    """Time that goes by."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class Expected:
    """A line of the bot's, on the stages that have one of the tags `on`, or on all."""

    line: Line
    on: frozenset[str] = frozenset()


Step = Said | Passed | Expected

_LINE = re.compile(r"(?P<who>[\w.-]+)(?:\((?P<how>[\w.-]+)\))?(?:\[(?P<on>[\w,-]+)\])?>(?: (?P<text>.*))?")
_TIME = re.compile(r"~ *(?P<count>\d{1,6}) *(?P<unit>second|minute|hour|day)s?")
_HOW = {"again": Manner.AGAIN, "edited": Manner.EDIT, "forwarded": Manner.FORWARD}
_REFERENCE = re.compile(r"(R[ée]f\. )(?:[0-9A-F]{8}|…)")


class Speaker(StrEnum):
    """Names that are not people."""

    BOT = "bot"


def read_script(lines: Iterable[str]) -> list[Step]:
    """The steps of a script. Raises `ScriptError` for a line that is none."""
    steps: list[Step] = []
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\n\r")
        if not line.strip() or line.startswith("#"):
            continue
        last = steps[-1] if steps else None
        if line.startswith("    ") and isinstance(last, Expected):
            steps[-1] = Expected(Line(last.line.to, f"{last.line.text}\n{line[4:]}"), last.on)
        else:
            steps.append(_step(line, number))
    return steps


def plain_spaces(text: str) -> str:
    """A text with plain spaces for those that do not break."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def plain(text: str) -> str:
    """A text as transcripts hold it."""
    return _REFERENCE.sub(r"\1…", plain_spaces(text))


def written(line: Line) -> str:
    """A line of the bot's as a transcript shows it."""
    to = f"({line.to})" if line.to else ""
    return f"bot{to}> " + line.text.replace("\n", "\n    ")


def typed(said: Said) -> str:
    """A person's line as a transcript shows it."""
    how = "private" if said.private else next((how for how, manner in _HOW.items() if manner is said.manner), None)
    return f"{said.who}({how})> {said.text}" if how else f"{said.who}> {said.text}"


def expected_after(steps: list[Step], index: int, tags: frozenset[str]) -> list[Line]:
    """The bot's lines that directly follow a step, on a stage with these tags."""
    found = []
    for step in steps[index + 1 :]:
        if not isinstance(step, Expected):
            break
        if not step.on or any(_holds(tag, tags) for tag in step.on):
            found.append(step.line)
    return found


def _holds(tag: str, tags: frozenset[str]) -> bool:
    return tag in tags if not tag.startswith("-") else tag[1:] not in tags


def by_person(lines: Iterable[Line]) -> dict[str, list[str]]:
    """What each person was told, in order; who was told first is not settled between two people."""
    told: dict[str, list[str]] = {}
    for line in lines:
        told.setdefault(line.to or "", []).append(plain(line.text))
    return told


def actions(steps: list[Step]) -> Iterator[tuple[int, Said | Passed]]:
    """The steps that do something, with their place."""
    return ((index, step) for index, step in enumerate(steps) if not isinstance(step, Expected))


def _step(line: str, number: int) -> Step:
    if time := _TIME.fullmatch(line.strip()):
        return Passed(timedelta(**{f"{time['unit']}s": int(time["count"])}))
    match = _LINE.fullmatch(line)
    if match is None:
        raise ScriptError(f"line {number} is none of: who> text, who(private)> text, bot> text, ~ 6 minutes, # comment")
    who, how, text = match["who"], match["how"], match["text"] or ""
    if who == Speaker.BOT:
        on = frozenset(match["on"].split(",")) if match["on"] else frozenset()
        return Expected(Line(how, text), on)
    if how not in (None, "private", *_HOW):
        raise ScriptError(f"line {number}: {how!r} is none of private, again, edited, forwarded")
    return Said(who, text, private=how == "private", manner=_HOW.get(how or "", Manner.FRESH))
