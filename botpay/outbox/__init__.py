"""Messages to send, written in the commit of what they tell, and delivered afterwards at least once.

`model` has the words, `store` the table, `dispatcher` sends: in order per person or chat, with the platform's pauses;
`kept` is what an operator can still decide about.
"""
