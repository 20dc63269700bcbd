"""When nights begin: what passes is what Prefect's scheduler will begin, and what never comes is refused."""

import asyncio
from datetime import UTC, datetime

import pytest
from prefect.client.schemas.schedules import CronSchedule as Asked
from prefect.server.schemas.schedules import CronSchedule as Scheduled

from boifi_core.campaign.config import parse_campaign
from boifi_core.errors import InvalidInput
from flows.night_times import next_night


@pytest.fixture
def campaign(session_data):
    def campaign(cron, timezone="UTC"):
        schedule = {"cron": cron, "timezone": timezone}
        return parse_campaign({"name": "n", "sessions": [session_data("http://127.0.0.1:1")], "schedule": schedule})

    return campaign


@pytest.mark.parametrize(
    ("cron", "timezone", "message"),
    [
        ("99 99 99 99 99", "UTC", "schedule.cron: must have a minute of 0..59, got '99 99 99 99 99'"),
        ("61 2 * * *", "Europe/Berlin", "schedule.cron: must have a minute of 0..59, got '61 2 * * *'"),
        ("0 24 * * *", "UTC", "schedule.cron: must have an hour of 0..23"),
        ("0 2 0 * *", "UTC", "schedule.cron: must have a day of 1..31"),
        ("0 2 32 * *", "UTC", "schedule.cron: must have a day of 1..31"),
        ("0 2 * 13 *", "UTC", "schedule.cron: must have a month of 1..12"),
        ("0 2 * foo *", "UTC", "schedule.cron: must have a month of 1..12"),
        ("0 2 * * 8", "UTC", "schedule.cron: must have a weekday of 0..7"),
        ("*/0 2 * * *", "UTC", "schedule.cron: must have a minute of 0..59"),
        ("H 2 * * *", "UTC", "schedule.cron: must have a minute of 0..59"),
        ("0 2 30 2 *", "UTC", "schedule.cron: must name a day that the calendar has, got '0 2 30 2 *'"),
        ("0 2 31 4,6,9,11 *", "UTC", "schedule.cron: must name a day that the calendar has"),
        ("0 2 * * *", "posix/Europe/Berlin", "schedule.timezone: must be a time zone's name"),
        ("0 2 * * *", "localtime", "schedule.timezone: must be a time zone's name"),
        ("0 2 * * *", "Factory", "schedule.timezone: must be a time zone's name"),
    ],
)
def test_f17_what_never_comes_is_refused_in_one_line(campaign, cron, timezone, message):
    with pytest.raises(InvalidInput) as caught:
        # A machine may have no such zone as the odd ones: then the file's reader refuses it.
        next_night(campaign(cron, timezone))
    assert str(caught.value).startswith((message, message.removeprefix("schedule.")))
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("0 2 * * *", "Europe/Berlin"),
        ("30 2 * * mon-fri", "America/New_York"),
        ("0 2 29 2 *", "UTC"),
        ("*/15 0-5,22 L * *", "Asia/Kathmandu"),
        ("0 2 ? jan,jul 7", "Pacific/Apia"),
        ("0 2 * * fri#2", "CET"),
    ],
)
def test_what_passes_prefect_takes_and_begins(campaign, cron, timezone):
    night = next_night(campaign(cron, timezone))
    assert night > datetime.now(UTC)
    assert Asked(cron=cron, timezone=timezone).cron == cron
    assert [night] == asyncio.run(Scheduled(cron=cron, timezone=timezone).get_dates(1))


def test_without_a_schedule_there_is_no_next_night(session_data):
    config = parse_campaign({"name": "n", "sessions": [session_data("http://127.0.0.1:1")]})
    assert next_night(config) is None
