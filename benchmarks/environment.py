"""The environment that what is measured runs in."""

from __future__ import annotations

import os


def bare_environment() -> dict[str, str]:
    """This process's environment without any setting of Prefect's or BOIFI's."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("PREFECT_", "BOIFI_"))}
