"""A session: its file, its folder, its live parts, its trials."""
