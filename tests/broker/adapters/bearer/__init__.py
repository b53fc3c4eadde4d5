"""Access tokens of machine clients."""
