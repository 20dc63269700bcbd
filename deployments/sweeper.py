"""`python -m deployments.sweeper`: upkeep, once. For a scheduler of its own, such as a CronJob."""

from __future__ import annotations

from boifi_core.settings import ServiceSettings
from flows.upkeep import upkeep

if __name__ == "__main__":
    settings = ServiceSettings()
    upkeep(str(settings.data), settings.session_life_s)
