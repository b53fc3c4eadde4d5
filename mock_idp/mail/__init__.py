"""Mail of user management: who is told that a right ends, how it is sent, and the mailbox where the mock catches it.

`due` says who gets one, `letters` what it says, `ledger` that it goes out once a day, `sending` how it reaches a mail
server, `run` the whole of one day, `schedule` when. `catcher` and `mailbox` receive; `pages` and `control` show.
aiosmtplib is imported in `sending` only, aiosmtpd in `catcher` only.
"""
