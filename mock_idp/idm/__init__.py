"""User management (*Gebruikersbeheer*, IDM): its pages, and the rules by which a person comes to hold a right.

    rules      what may be written: terms, dates, numbers, forms of address (pure)
    authority  who may act where
    changes    people                              \\
    relations  working relations                    | each in one transaction, each with its line of history
    grants     rights within a working relation    /
    people     questions about the people that an organisation knows
    visitors, signin, counter                        who is signed in, through ACM, and what every page passes first

What a gateway asks of user management is in `mock_idp.registers`.
"""
