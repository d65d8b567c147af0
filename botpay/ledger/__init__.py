"""The ledger: accounts, and transfers between two of them, as immutable rows.

`model` has the words, `rules` say in the trade's words what may be done (pure: no SQL, no clock), `schema` the tables,
`store` reads and writes them, `verify` proves them. Nothing here knows of messages, people or platforms.
"""
