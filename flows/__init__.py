"""Sessions and campaigns as Prefect flows: how trials follow one another; stop, cancel, crash, resume."""
