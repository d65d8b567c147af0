"""The audit: one link of a keyed hash chain for every commit that changed something.

`chain` says how a link is made (pure), `store` appends it, `verify` proves the whole chain and the rows it covers.
"""
