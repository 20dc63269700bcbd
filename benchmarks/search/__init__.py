"""How few experiments a search needs: landscapes with known worst faults, and the optimizers that others use."""
