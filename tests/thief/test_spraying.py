"""One PIN tried on many: what the whole installation bears, and what right PINs notice of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from botpay import proof
from botpay.confirm.guesses import count_of_day
from botpay.confirm.guessing import Bearable
from tests.conftest import AUDIT_KEY, Town
from tests.thief.crowds import DATABASES, PIN, enter, move_in, town_on, with_terms

SPRAYED = "111213"
MANY = 1000


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    """A town on either database; whatever happened in it, its books are proven."""
    with town_on(request.param, tmp_path) as found:
        yield found
        with found.database.read() as connection:
            assert [wrong for _, part in proof.steps(connection, AUDIT_KEY) for wrong in part] == []


def everybody_pays(town: Town, names: list[str], payee: str = "#eaupourtous") -> None:
    """Everybody asks for a payment of their own."""
    results = town.process(*(town.says(name, f"#send 1 euro {payee}") for name in names))
    assert {result.outcome for result in results} == {"reserved"}


def sprayed(town: Town, names: list[str], pin: str, at_once: int = 50) -> Counter[str]:
    """One PIN tried on everybody, so many in a commit; what came of it."""
    outcomes: Counter[str] = Counter()
    for first in range(0, len(names), at_once):
        outcomes.update(result.outcome for result in enter(town, names[first : first + at_once], pin))
    return outcomes


def test_one_pin_on_a_thousand_people_stops_at_the_limits(town: Town) -> None:
    """Of a thousand people 120 are tried in a minute, and 600 in an hour; who comes next is told, and not counted."""
    names = move_in(town, MANY)
    with_terms(town, caps=replace(town.pipeline.terms.caps, confirm_within=timedelta(hours=2)))
    everybody_pays(town, names)
    assert sprayed(town, names, SPRAYED) == {"pin_tried": 120, "pins_paused": MANY - 120}
    tried = 120
    for _ in range(5):
        town.clock.move(timedelta(minutes=1))
        tried += sprayed(town, names[tried : tried + 200], SPRAYED)["pin_tried"]
    assert tried == 600
    assert town.rows("select count(*) from challenges where tries > 0") == [(600,)]
    assert town.rows("select tries from guesses where about = 'refused' order by minute")[0] == (MANY - 120,)
    assert sprayed(town, names[-1:], PIN) == {"pins_paused": 1}, "nor is a right one read"
    town.clock.move(timedelta(minutes=55))
    assert sprayed(town, names[-1:], PIN) == {"pin_tried": 1}
    assert town.counters(names[-1]) == (9_00, 0)


def test_the_operator_is_told(town: Town) -> None:
    """What was not read because of others' wrong PINs is counted for `doctor`, and forgotten after a day."""
    names = move_in(town, 12)
    with_terms(town, bearable=Bearable(per_minute=10))
    everybody_pays(town, names)
    sprayed(town, names, SPRAYED)
    with town.database.read() as connection:
        counted = count_of_day(connection, town.clock())
        later = count_of_day(connection, town.clock() + timedelta(days=1))
    assert (counted["everybody"][0], counted["refused"][0], later) == (10, 2, {})


def test_right_pins_use_nothing_up(town: Town) -> None:
    """A thousand right PINs and fifty slips in a minute are all read."""
    names = move_in(town, MANY)
    everybody_pays(town, names)
    assert sprayed(town, names[:50], SPRAYED) == {"pin_tried": 50}
    assert sprayed(town, names, PIN) == {"pin_tried": MANY}
    assert town.rows("select count(*) from challenges where state = 'passed'") == [(MANY,)]
    assert town.rows("select sum(tries) from guesses where about = 'everybody'") == [(50,)]


def test_one_payee_bears_so_many_wrong_pins(town: Town) -> None:
    """Who lets many be guessed for the same payee stops after thirty an hour; others are paid as ever."""
    names = move_in(town, 60)
    everybody_pays(town, names[:40], "@bob")
    everybody_pays(town, names[40:], "@carol")
    assert sprayed(town, names[:40], SPRAYED, at_once=8) == {"pin_tried": 30, "payee_paused": 10}
    assert sprayed(town, names[39:40], PIN) == {"payee_paused": 1}
    assert sprayed(town, names[40:], PIN) == {"pin_tried": 20}


def test_within_one_commit_the_limit_is_exact(town: Town) -> None:
    """Everybody in one batch: not one try more than is borne."""
    names = move_in(town, 40)
    with_terms(town, bearable=Bearable(per_minute=10))
    everybody_pays(town, names)
    assert sprayed(town, names, SPRAYED, at_once=40) == {"pin_tried": 10, "pins_paused": 30}


def test_what_is_counted_goes_after_a_day(town: Town) -> None:
    """Counts older than are looked back at are removed as new ones come."""
    names = move_in(town, 2)
    for name in names:
        everybody_pays(town, [name])
        sprayed(town, [name], SPRAYED)
        town.clock.move(timedelta(days=1))
    assert town.rows("select about, tries from guesses") == [("everybody", 1)]
