"""What the answers to a request must be like: as the user says it, and as healthy answers were seen to be."""
