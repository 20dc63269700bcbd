"""One trial of a session, made once more, and again where chance may have kept it from doing the same."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger, tags
from prefect.client.schemas.objects import State
from prefect.states import Cancelled as CancelledState
from prefect.states import Completed, Failed

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.findings.again import TRIES, Again, again
from boifi_core.models import Phase, Trial
from boifi_core.report.session_report import stored_catalogue
from boifi_core.safety import pauses
from boifi_core.safety.policies import with_expiry
from boifi_core.session.folder import SessionFolder
from boifi_core.session.opening import open_session
from boifi_core.session.phases.baseline import Baseline
from boifi_core.session.proposal import Proposal
from boifi_core.storage import place_of
from flows.asked import check_here
from flows.disk import waiting_for_disk
from flows.running import Running, StaysDown
from flows.signals import Cancelled
from flows.words import told_in_words
from tasks import sweep_and_report
from tasks.artifacts import findings_shown
from tasks.handlers import teller
from tasks.run_log import run_log


@flow(name="replay", persist_result=False, validate_parameters=False)
@told_in_words
def replay(folder: str, trial: int) -> State[Any]:
    """Measure the baseline, inject the faults of this trial again, and add what happened to the history.

    It is tried up to `TRIES` times, until it does the same. Ends COMPLETED where it could be measured.
    """
    try:
        check_here("replay", folder=folder, trial=trial)
    except InvalidInput as error:
        return Failed(message=str(error))
    place = SessionFolder(place_of(folder))
    with (
        waiting_for_disk(teller(place)) as wait,
        place.held(),
        pauses.watched(),
        open_session(place) as live,
        tags(f"session:{live.session_id}"),
    ):
        live.events.add(run_log(get_run_logger()))
        live.events.add(findings_shown(live))
        running = Running(live)
        original = next(t for t in live.trials if t.trial == trial)
        before = place.state()
        with running.signals.caught():
            wait.signals, wait.gives_up = running.signals, lambda: running.interrupted
            try:
                with running.signals.unmasked(), running.target():
                    running.wait_for_others()
                    Baseline().prepare(live, running.observe)
                    told = _tried(running, original)
            except Cancelled:
                return CancelledState(message="cancelled")
            except BoifiError as error:
                return Failed(message=str(error))
            finally:
                with running.signals.shielded():
                    sweep_and_report.sweep(live)
            if before is not None:
                live.write_state(before.status, before.reason, before.error_message)
            sweep_and_report.write_report(live)
    if told is None:
        return Failed(message=f"it could not be measured: {live.trials[-1].reason}")
    return Completed(message=f"severity {told.severity} again, {original.severity} before")


def _tried(running: Running, original: Trial) -> Again | None:
    """How the last try compares with the trial; None where it could not be measured."""
    live = running.session
    for n in range(1, TRIES + 1):
        made = running.try_fault(live.next_number, _as_before(original, live.config.executor.timeout_s))
        is_down = original.stays_down and _stays_down(running, made)
        told = again(stored_catalogue(live.folder), live.trials, original, made)
        if told is None or told.is_same or is_down or n == TRIES or running.stopping():
            break
        if not original.stays_down:
            running.await_recovery(made.trial)
    return told


def _stays_down(running: Running, trial: Trial) -> bool:
    try:
        running.await_recovery(trial.trial)
    except StaysDown:
        return True
    return False


def _as_before(original: Trial, timeout_s: float) -> Proposal:
    plans = tuple(plan.model_copy(update={"duration_seconds": None}) for plan in original.plans)
    hold_s = (original.held_ms or 0.0) / 1000
    return Proposal(original.point, with_expiry(plans, timeout_s), Phase.REPLAY, hold_s=hold_s)
