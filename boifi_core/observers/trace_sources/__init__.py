"""Where the probe's traces come from: one file for each kind, one table."""
