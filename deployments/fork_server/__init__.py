"""A fork server: processes are forked from one that has everything imported."""
