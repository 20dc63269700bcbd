"""The mesh: one Envoy, and what goes into its configuration."""
