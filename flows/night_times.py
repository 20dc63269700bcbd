"""When a campaign's nights begin, by the rules of what will begin them: Prefect's scheduler."""

from __future__ import annotations

import asyncio
from datetime import datetime

from prefect._vendor.croniter.croniter import croniter
from prefect.server.schemas.schedules import CronSchedule

from boifi_core.campaign import CampaignConfig
from boifi_core.errors import InvalidInput

_FIELDS = ("a minute of 0..59", "an hour of 0..23", "a day of 1..31", "a month of 1..12", "a weekday of 0..7")


def next_night(config: CampaignConfig) -> datetime | None:
    """When the campaign runs next by itself, in its time zone; None without a schedule.

    Raises:
        InvalidInput: never, or by nothing that Prefect can read.
    """
    if config.schedule is None:
        return None
    cron, timezone = config.schedule.cron, config.schedule.timezone
    if _next("* * * * *", timezone) is None:
        raise InvalidInput("schedule.timezone", "must be a time zone's name, such as Europe/Berlin", timezone)
    if problem := _problem(cron):
        raise InvalidInput("schedule.cron", problem, cron)
    night = _next(cron, timezone)
    if night is None:
        raise InvalidInput("schedule.cron", "must name a day that the calendar has", cron)
    return night


def _next(cron: str, timezone: str) -> datetime | None:
    """The next time by this schedule; None where Prefect finds none."""
    try:
        return asyncio.run(CronSchedule(cron=cron, timezone=timezone).get_dates(1))[0]
    except Exception:  # each of the libraries behind it has its own for what it cannot read
        return None


def _problem(cron: str) -> str | None:
    """The rule that one of the five fields breaks."""
    for position, (field, rule) in enumerate(zip(cron.split(), _FIELDS, strict=True)):
        alone = ["*"] * len(_FIELDS)
        alone[position] = field
        is_valid = croniter.is_valid(" ".join(alone))  # type: ignore[no-untyped-call]
        if not is_valid or field.casefold() in {"r", "h"}:  # these it would draw at random
            return f"must have {rule}"
    return None
