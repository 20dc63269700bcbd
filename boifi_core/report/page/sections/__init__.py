"""What each section of the page says: one file each, in plain text and tables."""
