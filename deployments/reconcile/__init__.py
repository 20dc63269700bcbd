"""Reconciles flow runs with session folders: what Prefect says with what is there."""
