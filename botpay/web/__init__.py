"""The web of an installation: webhooks of its adapters, the pages on which people confirm, and whether it is alive.

`server` listens, `headers` stands on every answer. `front` is the door of all pages: `session` proves that a browser
came through a link, `rates` slows down who asks too often. `pages` shows payments, `choosing` asks for PINs in
dialogues, `views` and `rendering` fill templates. A page reads through `botpay.showing` and acts by the application's
one door; nothing here decides about money.
"""
