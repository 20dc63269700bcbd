"""The phases of a session, one file each; `plan.py` lists them."""
