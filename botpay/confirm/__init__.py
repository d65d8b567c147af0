"""Confirmation: nothing moves until the sender saw amount and payee in private and entered a PIN.

`challenge` has the rules (pure), `keypad` the keys and what stands behind them, `pin` the slow hash, `checker` the pool
in which it runs, `store` the tables.
"""
