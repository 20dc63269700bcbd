"""What keeps a session from harming its target: limits, names and expiries, one trial at a time."""
