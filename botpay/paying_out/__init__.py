"""How charities' money gets to their banks: two people, one file, and the bank's own word for what became of it.

`desk` prepares, approves, cancels and exports; `settling` reads the bank's statements; `books` moves the money in the
ledger, by the rules that hold for everybody. Each step is one audited commit, and repeating it has no second effect.
"""
