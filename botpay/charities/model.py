"""What a charity is here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Charity:
    """A reviewed recipient of donations: its legal name, and the hashtag (normalised, without "#") it was found by."""

    id: str
    name: str
    tag: str
