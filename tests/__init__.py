"""The tests of botpay; a test's docstring is the rule that it holds."""
