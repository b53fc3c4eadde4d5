"""Shared Signals: the government announces that something about a person changed, to whoever asked to hear of it."""
