"""How sessions, campaigns and upkeep are deployed in Prefect, and the worker that carries them out on this machine."""
