"""A session's history: the trials as kept, and those of one fault."""
