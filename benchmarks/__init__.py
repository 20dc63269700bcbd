"""What the parts cost and how well the search does, measured: `python -m benchmarks`."""
