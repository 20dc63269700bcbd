"""A first look at the real thing before a session breaks anything: one file a check, `table.py` lists them."""
