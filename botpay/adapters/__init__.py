"""Adapters translate between a platform and the core: verify, parse, send, nothing else.

Each may import `botpay.message`, `botpay.errors` and `botpay.adapters.base`; never another adapter, never a table.
"""
