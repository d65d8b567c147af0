"""The findings on some adapters side by side, as a table with its reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from botpay.message import Capabilities, Rate
from botpay.testing.contract import AdapterContract, abilities_of
from botpay.testing.contract.base import CAPABILITIES
from botpay.testing.contract.report import Finding, Verdict, declared, examine

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """A contract, and what was found."""

    contract: type[AdapterContract]
    findings: Sequence[Finding]

    @classmethod
    def now(cls, contract: type[AdapterContract]) -> "Examined":
        """Run it."""
        return cls(contract, examine(contract))

    @classmethod
    def declared(cls, contract: type[AdapterContract]) -> "Examined":
        """What running it would find if nothing failed: a declared absence is a test that must fail."""
        return cls(contract, declared(contract))

    @property
    def name(self) -> str:
        """The adapter's."""
        return self.contract.adapter.name

    @property
    def fails(self) -> Sequence[Finding]:
        """What does not hold."""
        return [finding for finding in self.findings if finding.verdict is Verdict.FAILS]

    def verdict(self, test: str) -> str:
        """How one rule stands here."""
        return next((finding.verdict.value for finding in self.findings if finding.test == test), "–")

    def key(self, test: str) -> str:
        """What `cannot` calls a test."""
        return next(key for key, tests in abilities_of(self.contract).items() if f"test_{test}" in tests)

    def reasons(self) -> Iterator[tuple[str, str]]:
        """What is declared absent, and why; what has one reason stands together."""
        cannot = self.contract.cannot
        tests = abilities_of(self.contract)
        for reason in dict.fromkeys(cannot.values()):
            named = [ability for ability, given in cannot.items() if given == reason]
            shown = [[name] if name in CAPABILITIES else _tests(tests[name]) for name in named]
            yield ", ".join(f"`{name}`" for names in shown for name in names), reason


def rules(examined: Sequence[Examined]) -> Iterator[Row]:
    """Each rule with its verdicts."""
    known = {finding.test: finding.rule for one in examined for finding in one.findings}
    for test, rule in known.items():
        yield (f"`{test}`", rule, *[one.verdict(test) for one in examined])


def capabilities(examined: Sequence[Examined]) -> Iterator[Row]:
    """Each capability with what the adapters say of it."""
    for field in fields(Capabilities):
        said = [getattr(one.contract.adapter.capabilities, field.name) for one in examined]
        yield (f"`{field.name}`", *map(_in_words, said))


def as_markdown(examined: Sequence[Examined]) -> str:
    """All of it as a part of a page."""
    names = [one.name for one in examined]
    lines = [*_markdown_table(("test", "what must hold", *names), rules(examined)), ""]
    lines += [*_markdown_table(("what the platform can", *names), capabilities(examined))]
    for one in examined:
        lines += ["", f"What {one.name} cannot, and why:", ""]
        lines += [f"- {names}: {reason}." for names, reason in one.reasons()]
        lines += [f"- **`{finding.test}` fails**: {finding.reason}" for finding in one.fails]
    return "\n".join(lines)


def _markdown_table(head: Row, rows: Iterator[Row]) -> Iterator[str]:
    yield from (f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _tests(names: Sequence[str]) -> list[str]:
    return [name.removeprefix("test_") for name in names]


def _in_words(value: bool | int | Rate | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, Rate):
        return f"{value.messages} in {value.seconds:g} s"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
