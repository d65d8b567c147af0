"""A dialogue: who is asked what, what they said so far, and until when. Pure: no SQL, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

LIFE = timedelta(minutes=30)
"""A dialogue ends by itself this long after its last answer."""
WORK_WITHIN = timedelta(seconds=5)
"""After this long without an outcome, slow work on a PIN is lost (the process died), and its step asks anew."""

ENTRY, WHY = "entry", "why"
"""In a draft: the digits entered so far on a keypad, and what is said before the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A private conversation with one identity, which has at most one at a time.

    Attributes:
        person_id: the account holder; None where there is no account yet.
        chat: where it began, for the adapter.
        draft: what was said so far; sealed at rest, never shown.
        tries: how often the present step was answered wrongly, counted in the commit of each answer.
        prompt_id: the outbound that shows the present question.
        asked_at: when that was.
        working: the number of the slow work that its step waits for, until `working_until`.
        over: it has ended; its row goes in this commit.
    """

    id: str
    adapter: str
    tenant: str
    actor_id: str
    person_id: str | None
    kind: str
    step: str
    language: str
    chat: str
    prompt_id: str
    asked_at: datetime
    expires_at: datetime
    draft: Mapping[str, str] = field(default_factory=dict, repr=False)
    tries: int = 0
    working: int | None = None
    working_until: datetime | None = None
    version: int = 0
    over: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity that it is with: (adapter, tenant, id)."""
        return (self.adapter, self.tenant, self.actor_id)

    @property
    def entered(self) -> str:
        """The digits entered so far on a keypad."""
        return self.draft.get(ENTRY, "")

    @property
    def why(self) -> str | None:
        """What is said before the present question, such as why the last answer was of no use."""
        return self.draft.get(WHY)

    def moved(self, step: str, now: datetime, draft: Mapping[str, str | None], why: str | None = None) -> "Dialogue":
        """At a step, with some of the draft renewed (None takes it out), and what was entered on keys forgotten."""
        merged = {**self.draft, **draft, ENTRY: None, WHY: why}
        kept = {name: value for name, value in merged.items() if value is not None}
        tries = self.tries if step == self.step else 0
        return self.changed(step=step, draft=kept, tries=tries, expires_at=now + LIFE, working=None, working_until=None)

    def typed_in(self, entered: str) -> "Dialogue":
        """With these digits entered on its keypad."""
        return self.changed(draft={**self.draft, ENTRY: entered})

    def at_work(self, now: datetime) -> "Dialogue":
        """Waiting for slow work, which is numbered by the version that began it."""
        return self.changed(working=self.version + 1, working_until=now + WORK_WITHIN)

    def is_at_work(self, now: datetime) -> bool:
        """Whether the outcome of slow work may still come."""
        return self.working_until is not None and now < self.working_until

    def ended(self) -> "Dialogue":
        """This dialogue, over."""
        return self.changed(draft={}, over=True)

    def changed(self, **what: object) -> "Dialogue":
        """This dialogue with some fields changed, one version later."""
        return replace(self, version=self.version + 1, **what)  # type: ignore[arg-type]
