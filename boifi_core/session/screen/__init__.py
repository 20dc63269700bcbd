"""The screen: every call, broken in each of the few ways that there are, before anything is searched."""
