"""JSON over HTTP, bounded in time and size."""
