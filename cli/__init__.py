"""The `boifi` command."""
