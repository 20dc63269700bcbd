"""The facade: sessions over REST, and an index of their folders; it starts runs through Prefect's client alone."""
