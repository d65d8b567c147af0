"""Payouts of charities' money to their banks: words, tables, the order to the bank, and the statement it answers with.

`model` has the words, `store` the tables, `order` writes what a bank is told, `bank_statement` reads what it tells.
Nothing here moves money: that is `botpay.paying_out`.
"""
