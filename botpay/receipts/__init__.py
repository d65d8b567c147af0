"""Receipts of gifts: what they say, their numbers, and the PDF that is the same whenever it is made again.

`model` and `words` are pure; `pdf` draws and decides nothing; `store` keeps what was issued, sealed. What may be issued
to whom is decided in `botpay.receipt_book`. Nothing here moves money.
"""
