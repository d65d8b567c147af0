"""Whatever a signed payload holds, reading it gives an inbound, nothing, or `Malformed`: never another fault."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

import botpay.testing.slack
from botpay.adapters.slack.blocks import read_opening
from botpay.adapters.slack.translate import Installation, Malformed, author_team, delivered_to, translate
from botpay.message import Inbound

HERE = Installation("T0FAKE", "E0GRID", "U0BOTPAY", "botpay")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FOLDER = Path(str(botpay.testing.slack.__file__)).parent
RECORDED: list[dict[str, Any]] = [
    *json.loads((FOLDER / "payloads.json").read_text(encoding="utf-8")).values(),
    {"command": "/pay", "text": "5 €", "user_id": "U1", "team_id": "T0FAKE", "trigger_id": "1.2", "channel_id": "C1"},
    {
        "type": "event_callback",
        "event": {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1", "event_ts": "1.0"},
    },
]
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where everything in a payload stands."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path, *(found for key, item in inside for found in paths(item, (*path, key)))]


@st.composite
def bent(draw: st.DrawFn) -> dict[str, Any]:
    """A recorded payload in which a few things are something else."""
    payload: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(RECORDED))))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([path for path in paths(payload) if path]))
        place: Any = payload
        for step in way:
            place = place[step]
        place[last] = draw(ANYTHING)
    return payload


@example({"type": "block_actions", "actions": 5})
@example({"type": "block_actions", "actions": {"a": 1}, "enterprise": "E1"})
@settings(max_examples=600, deadline=None)
@given(bent())
def test_reading_is_total(payload: dict[str, Any]) -> None:
    """A bent payload is read, passed over or told to be malformed, and whose it is can always be asked."""
    assert all(named is None or isinstance(named, str) for named in (*delivered_to(payload), author_team(payload)))
    read_opening(payload)
    try:
        inbound = translate(payload, HERE, NOW)
    except Malformed:
        return
    assert inbound is None or isinstance(inbound, Inbound)
