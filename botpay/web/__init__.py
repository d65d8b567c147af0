"""The web of an installation: webhooks of its adapters, the pages on which people confirm, and whether it is alive.

`server` listens, `headers` stands on every answer, `pages` has the routes of pages, `session` proves that a browser
came through a link, `rates` slows down who asks too often, `rendering` fills templates. A page reads through
`botpay.showing` and acts by the application's one door; nothing here decides about money.
"""
