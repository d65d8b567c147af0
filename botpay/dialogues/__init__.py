"""Dialogues: private conversations of several steps (enrolling, a new PIN, ...) that outlive restarts.

`model` is what one is and how it changes (pure), `store` keeps it with its draft sealed. What is asked, and what an
answer leads to, stands in `botpay.handlers`. Nothing of a dialogue is left once it is over.
"""
