"""The chart of system accounts: the other side of what comes from, or goes to, the world outside.

Each has one account a currency, opened at first use. They alone may go below zero: every cent that people and charities
have is missing in one of these, so that all balances together are nothing.
"""

from enum import StrEnum


class SystemAccount(StrEnum):
    """The owners of system accounts, by the names that they have in the table."""

    CASH_IN = "cash in"
    """Money that people brought in; below zero by all that ever came."""

    CASH_OUT = "cash out"
    """Money that was paid out to people and charities; above zero by all that ever went."""

    PAYOUT = "payout"
    """Charities' money on its way to their banks; zero once statements told of all that was sent."""

    FEES = "fees"
    """What the operator earned, less what the operator gave away."""

    SUSPENSE = "suspense"
    """What is not explained yet: the other side of a correction until the books know better. Should come to zero."""
