"""Who is who: people, their identities on platforms, and the handles under which those were seen.

`people` has the records and the rules (pure), `store` the tables. A stable id decides; handles are labels.
"""
