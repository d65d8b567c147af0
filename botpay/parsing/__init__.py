"""Text -> `Command`, `Refusal`, or nothing: the language of botpay.

`read` looks whether a message can concern us, scans it into tokens (`scanner`, `amounts`, `listening`), lets the
grammar (`botpay/grammar.lark`, read by `grammar` alone) say what they make, and builds the command (`meaning`) or the
first reason why there is none (`refusals`). Pure: no I/O but the files of words at first use; nothing is ever logged.
May import commands, message, money, markup and errors; adapters, handlers and tables are none of its business.
"""

from botpay.parsing.brief import names_in, read_brief
from botpay.parsing.context import Context, Reading
from botpay.parsing.listening import normalise_tag
from botpay.parsing.reader import read, tags_in
from botpay.parsing.saying import command_words, render

__all__ = [
    "Context",
    "Reading",
    "command_words",
    "names_in",
    "normalise_tag",
    "read",
    "read_brief",
    "render",
    "tags_in",
]
