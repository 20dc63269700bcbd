"""What a fault is."""
