"""What holds for all tests."""

from hypothesis import settings

# No test is judged by the time it takes: a busy machine is not a bug.
settings.register_profile("inkom", deadline=None)
settings.load_profile("inkom")
