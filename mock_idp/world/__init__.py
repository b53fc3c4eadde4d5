"""Who and what exists in the mock: people, enterprises, functions, working relations, rights.

`facts` says what these are, `file` reads them from `world.yaml` into a Seed, `tables` and `planting` put the seed into
a database, and `questions` answers from there. `live` holds the database that is in force. No opinions about access.
"""
