"""`python -m deployments.upkeep`: upkeep, once. For a scheduler of its own, such as a CronJob."""

from __future__ import annotations

from boifi_core.storage import IMPATIENT_S, patience_s
from deployments.settings import settings_or_exit
from flows.upkeep import upkeep

if __name__ == "__main__":
    patience_s.set(IMPATIENT_S)
    settings = settings_or_exit()
    upkeep(str(settings.data), settings.session_life_s)
