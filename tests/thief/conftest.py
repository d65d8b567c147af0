"""What thieves try is tried on both databases."""

import pytest

from tests.conftest import Town


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Town:
    """The town on SQLite, and on PostgreSQL."""
    found: Town = request.getfixturevalue("town" if request.param == "sqlite" else "city")
    return found
