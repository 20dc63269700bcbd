"""`boifi campaign`: run a night now, or let the service run it by its schedule."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from boifi_core.campaign import CampaignConfig, CampaignFolder, Night, read_campaign_file
from boifi_core.campaign.report import markdown
from boifi_core.errors import BoifiError, counted
from boifi_core.session.check import check
from boifi_core.session.run_file import DEPLOYMENT
from boifi_core.settings import state_dir
from boifi_core.storage import Place
from boifi_core.storage.data_dir import data_dir
from cli.child_environments import of_worker
from cli.kept_processes import START_TIMEOUT_S, Child, is_answered, kept
from cli.prefect_api import check_given_api, prefect_api, where_to_look
from cli.prefect_login import CLIENT_LOGIN
from cli.serve import api_of_service
from cli.termination import sigterm_raises

BREAK_OFF_S = 60.0


def run_campaign(path: Path, out: str | None, console: Console) -> int:
    """Run a night now, and show what it came to.

    Returns:
        The exit status: 0 well, 1 the night could not run or a session did not run well, 3 a new or worse failure.
    """
    config = _read(path)
    data = data_dir(out)
    _find_api(data)
    place = CampaignFolder(data / "campaigns" / config.name)
    with sigterm_raises(), _service(data) as api_url:
        # Prefect, which reads its settings when it is imported, is so only now that its API is known.
        from flows.campaign import campaign
        from flows.words import message_in_words

        _next_night(config)  # what a night cannot be scheduled by is no campaign file
        # Who runs a night by hand has not asked for one every night.
        stored = place.config().schedule if place.is_made else None
        place = CampaignFolder.make(data, config.model_copy(update={"schedule": stored}))
        before = {night.night for night in place.nights()}
        console.print(Text(f"prefect     {where_to_look(api_url, console)} while this runs"), soft_wrap=True)
        ended = campaign(str(place.path), return_state=True)
    nights = [night for night in place.nights() if night.night not in before]
    if not nights:
        raise BoifiError(message_in_words(ended.message) or "the night did not begin")
    console.print(Text(markdown(nights[-1])), soft_wrap=True)
    console.print(Text(f"report      {place.night_place(nights[-1].night) / 'report.md'}"), soft_wrap=True)
    return _exit_status(nights[-1], config)


def schedule_campaign(path: Path, out: str | None) -> None:
    """Keep the campaign in the data dir, where the service of that data dir takes it up by itself."""
    config = _read(path)
    night = _next_night(config)
    data = data_dir(out)
    place = CampaignFolder.make(data, config)
    when = f"{config.schedule.cron} {config.schedule.timezone}" if config.schedule else "without a schedule"
    print(f"{place.path}: {counted(len(config.sessions), 'session')}, {when}")
    if night is not None:
        print(f"next: {night:%Y-%m-%d %H:%M} {config.schedule.timezone if config.schedule else ''}")
        if not os.environ.get("PREFECT_API_URL") and not api_of_service(state_dir(data)):
            print(f"warning: no service runs on {data} here; the nights begin when boifi serve does", file=sys.stderr)


def _read(path: Path) -> CampaignConfig:
    config = read_campaign_file(path)
    for session in config.sessions:
        check(session)
    return config


def _next_night(config: CampaignConfig) -> datetime | None:
    if config.schedule is None:
        return None  # Prefect takes a while to import
    from flows.night_times import next_night

    return next_night(config)


def _exit_status(night: Night, config: CampaignConfig) -> int:
    if night.problem is not None or night.failed_sessions:
        return 1
    return 3 if night.alarms(config.fail_on) else 0


def _find_api(data: Place) -> None:
    """Take the given Prefect API, or else that of a service on this data dir, if there is one, and see it answer."""
    if os.environ.get("PREFECT_API_URL"):
        check_given_api()
    else:
        os.environ.update(api_of_service(state_dir(data)))
        check_given_api(f"Prefect of the service on {data}")


@contextmanager
def _service(data: Place) -> Iterator[str]:
    """Prefect's API with a worker behind it: the one that was found, or our own."""
    if os.environ.get("PREFECT_API_URL"):
        with prefect_api(state_dir(data)) as url:
            yield url
        return
    with prefect_api(state_dir(data)) as url, _worker(data, url):
        yield url


@contextmanager
def _worker(data: Place, url: str) -> Iterator[None]:
    log = state_dir(data) / "worker.log"
    command = [sys.executable, "-m", "deployments.worker", str(data), "--no-schedules"]
    worker = Child("worker", command, of_worker(os.environ), death_signal=signal.SIGTERM, grace_s=BREAK_OFF_S, log=log)
    with kept(worker):
        if not is_answered(f"{url}/deployments/name/{DEPLOYMENT}", login=os.environ[CLIENT_LOGIN]):
            raise BoifiError(f"the worker did not begin within {START_TIMEOUT_S:g} s; its log is {log}")
        yield
