"""Shared Signals: what the government announces about a person, verified (`events`) and passed on (`announcements`)."""
