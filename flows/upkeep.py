"""What is looked after every few minutes: faults that nobody holds any more, and sessions that are past their life."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.states import Cancelling

from boifi_core.errors import BoifiError
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, sweep
from boifi_core.session.folder import SessionDamaged, SessionFolder, summaries
from boifi_core.session.leftovers import is_held_by_nobody
from boifi_core.session.opening import open_reachable, reachable_config
from boifi_core.session.run_file import flow_run_of
from boifi_core.session.summary import Summary
from boifi_core.storage import Place, place_of
from flows.asked import check_here

GRACE_S = 600.0
"""How long after that a session may take to finish its running trial; then it is cancelled. Seconds."""

RECENT_S = 2 * 24 * 3600.0
"""Targets of sessions that were active within this time are swept, seconds."""


@flow(name="upkeep", persist_result=False, validate_parameters=False)
def upkeep(data: str, life_s: float) -> None:
    """Stop the sessions of this data dir that are older than `life_s`, and remove the policies of dead ones."""
    check_here("upkeep", data=data, life_s=life_s)
    log = get_run_logger()
    place = place_of(data)
    for folder, age_s in _unfinished(place):
        if age_s > life_s and not folder.stop_requested():
            folder.request_stop(f"past its life of {life_s / 3600:g} h")
            log.warning("session %s is stopped: past its life", folder.session_id)
        elif age_s > life_s + GRACE_S:
            _cancel(folder)
            log.error("session %s is cancelled: it did not stop", folder.session_id)
    for endpoint, folder in _recent_targets(place).items():
        try:
            injector = open_reachable(folder)
            try:
                removed = sweep(injector, is_held_by_nobody(place / "sessions"), timeout_s=CLEAR_TIMEOUT_S)
            finally:
                injector.close()
        except BoifiError as error:
            log.warning("sweep of %s: %s", endpoint, error)
        else:
            for name in removed:
                log.warning("removed %s from %s", name, endpoint)


def _unfinished(data: Place) -> Iterator[tuple[SessionFolder, float]]:
    """The sessions of the service that have not ended, and how old each is, seconds."""
    now = datetime.now(UTC)  # the time of day: what made the session may have ended, and its machine too
    for folder, summary in summaries(data):
        if isinstance(summary, SessionDamaged) or summary.is_over or flow_run_of(folder) is None:
            continue
        yield folder, (now - _begun(folder, summary)).total_seconds()


def _begun(folder: SessionFolder, summary: Summary) -> datetime:
    """When its life began: when it was made, or resumed the last time."""
    try:
        return datetime.fromisoformat(folder.session().get("resumed_at") or summary.created_at)
    except (SessionDamaged, TypeError, ValueError):
        return datetime.fromisoformat(summary.created_at)


def _cancel(folder: SessionFolder) -> None:
    flow_run = flow_run_of(folder)
    if flow_run is not None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(flow_run), Cancelling(), force=True)


def _recent_targets(data: Place) -> dict[str, SessionFolder]:
    """The control planes of late, each with a session of it that may reach it."""
    now = datetime.now(UTC)
    found: dict[str, SessionFolder] = {}
    for folder, summary in summaries(data):
        if isinstance(summary, SessionDamaged) or summary.updated_at is None:
            continue
        try:
            if (now - summary.updated_at).total_seconds() < RECENT_S:
                found[reachable_config(folder).executor.endpoint] = folder
        except BoifiError:
            continue
    return found
