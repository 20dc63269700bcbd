"""The embedded target: a real Envoy, a small shop behind it, and an HFI-compatible control plane in front."""
