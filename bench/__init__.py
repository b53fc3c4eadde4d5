"""Measurements of the gateway beside others, repeatable on any Linux machine with two cores: `make bench`.

Nothing of the product imports this, and nothing here is needed to run it. How it is measured, and what that leaves
open: docs/performance.md.
"""
