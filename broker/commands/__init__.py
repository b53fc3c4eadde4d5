"""The verbs of the command line, one module each; `broker/cli.py` declares them and their options.

Each has `add_arguments(parser)` and `run(arguments) -> exit code`: 0 in order, 1 something is wrong, 2 used wrongly.
"""
