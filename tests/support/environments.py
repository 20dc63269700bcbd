"""The environment of the processes that tests start."""

import os


def bare_environment():
    """This process's, without any setting of Prefect's or BOIFI's, the tests' own server among them."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("PREFECT_", "BOIFI_"))}
