"""The HFI control plane as an injector."""
