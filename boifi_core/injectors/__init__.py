"""What injects faults: one file or folder for each kind, one table."""
