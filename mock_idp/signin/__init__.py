"""The sign-in pages of the mock ACM: five ways to prove who you are, each really exercised."""
