"""What watches the target: one file or folder for each kind, one table."""
