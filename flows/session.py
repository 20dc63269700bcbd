"""A session as a Prefect flow: how its trials follow one another, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from prefect import flow, get_run_logger, tags
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled as CancelledState
from prefect.states import Completed, Failed

from boifi_core.errors import BoifiError, InvalidInput, counted
from boifi_core.findings.evidence import is_reading
from boifi_core.models import Phase, SessionStatus, Trial, TrialStatus
from boifi_core.safety import pauses
from boifi_core.safety.guardrails import ends_session
from boifi_core.safety.target_lock import WaitGivenUp, remove_dead_locks
from boifi_core.session.events import Began, Ended, SweepFailed
from boifi_core.session.folder import SessionFolder
from boifi_core.session.opening import open_session, reachable_config
from boifi_core.session.stored import failed_state
from boifi_core.storage import StorageError, StorageUnavailable, place_of
from flows.asked import check_here
from flows.disk import waiting_for_disk
from flows.first_look import begin
from flows.running import Running, SessionFailed, StaysDown
from flows.settling import settle
from flows.signals import Cancelled
from flows.task_overhead import without_task_overhead
from flows.words import in_words, told_in_words
from tasks import sweep_and_report
from tasks.handlers import handlers, teller


@flow(name="session", persist_result=False, validate_parameters=False)
@told_in_words
def session(folder: str) -> State[Any]:
    """Run the session that lies in `folder` to its end, from where its history stands.

    A trial has the target to itself from its proposal until the target has recovered.

    Ends COMPLETED (all trials made, a stop asked for, nothing left to try or gain, a target that stays down), FAILED
    with a reason, or, after a second Ctrl-C or a cancel in Prefect's UI, CANCELLED. SIGTERM leaves it resumable.
    Whatever happens, its faults are removed.
    """
    try:
        check_here("session", folder=folder)
    except InvalidInput as error:
        return Failed(message=str(error))
    place = SessionFolder(place_of(folder))
    with waiting_for_disk(teller(place)) as wait, place.held(), pauses.watched(), ExitStack() as opened:
        try:
            reachable_config(place)
            live = opened.enter_context(open_session(place))
        except StorageError:
            raise
        except BoifiError as error:
            place.write_state(failed_state(place, str(error)))
            return Failed(message=str(error))
        opened.enter_context(tags(f"session:{live.session_id}"))
        opened.enter_context(without_task_overhead())
        for handler in handlers(live):
            live.events.add(handler)
        running = Running(live)
        with running.signals.caught():
            wait.signals, wait.gives_up = running.signals, lambda: running.interrupted
            return _to_its_end(running)


def _to_its_end(running: Running) -> State[Any]:
    live = running.session
    live.write_state(SessionStatus.RUNNING)
    try:
        try:
            with running.signals.unmasked():
                reason = _trials(running)
        finally:
            with running.signals.shielded():
                _sweep_at_the_end(running)
    except Cancelled:
        try:
            return _ended(running, SessionStatus.FAILED, "cancelled", CancelledState)
        except StorageError as error:
            return CancelledState(message=f"cancelled; {error}")
    except (TerminationSignal, SystemExit):  # the latter where whoever read our output has hung up
        with suppress(StorageError):
            live.write_state(SessionStatus.RUNNING, _interrupted(live.folder))
        raise
    except StorageUnavailable as error:  # nothing can be written, not even that it ended
        return Failed(message=str(error))
    except StaysDown as finding:
        return _ended(running, SessionStatus.COMPLETED, str(finding), Completed)
    except BoifiError as error:
        return _ended(running, SessionStatus.FAILED, str(error), Failed)
    except Exception as error:
        get_run_logger().exception("%s", in_words(error))
        return _ended(running, SessionStatus.FAILED, in_words(error), Failed)
    return _ended(running, SessionStatus.COMPLETED, reason, Completed)


def _interrupted(folder: SessionFolder) -> str:
    if folder.is_services_own:
        return "interrupted; goes on when a worker is free"
    return f"interrupted; boifi run … --resume {folder.session_id} goes on with it"


def _ended(
    running: Running, status: SessionStatus, reason: str, prefect_state: Callable[..., State[Any]]
) -> State[Any]:
    live = running.session
    running.signals.let_it_end()
    live.folder.forget_stop()
    state = live.state(status, reason, reason if status is SessionStatus.FAILED else None)
    try:
        sweep_and_report.write_report(live, state)
    finally:
        live.tell(Ended(live.session_id, state))
        # Last, so that whoever sees that it ended finds the report and may delete it.
        live.folder.write_state(state)
    return prefect_state(message=reason)


def _sweep_at_the_end(running: Running) -> None:
    # Each trial removed its own policies already: a control plane that is gone by now must not spoil the outcome.
    live = running.session
    try:
        sweep_and_report.sweep(live)
    except BoifiError as error:
        live.errors.append(f"last sweep: {error}")
        live.tell(SweepFailed(live.session_id, str(error)))


def _trials(running: Running) -> str:
    """Make the trials that are left; returns why there are no more.

    Raises:
        BoifiError: the session cannot go on, and why.
    """
    live, plan = running.session, running.plan
    # What earlier runs of a resumed session took of its time counts; the time between them does not.
    began = pauses.awake_s() - live.budget.took_s
    if live.folder.cancel_requested():
        raise Cancelled
    if _nothing_is_left(running):
        return plan.over(live)  # a resumed session that had ended already
    live.tell(Began(live.session_id))
    running.tell_remarks()
    remove_dead_locks()
    try:
        with running.target():
            if sweep_and_report.sweep(live):
                running.settling.cleared(live.lags)
            running.wait_for_others()
            if running.stopping():
                return live.folder.stop_reason()
            begin(running, plan)
            settle(running)
        while not _nothing_is_left(running):
            if reason := _ends(running, pauses.awake_s() - began):
                return reason
            live.events.raise_hung_up()
            with running.target():
                trial = running.next_trial()
                if trial is None:
                    break
                live.write_state(SessionStatus.STOPPING if running.stopping() else SessionStatus.RUNNING)
                _check(running, trial)
    except WaitGivenUp:
        return live.folder.stop_reason()
    return plan.over(live)


def _nothing_is_left(running: Running) -> bool:
    """Whether the budget is spent, and no phase has something to do outside of it."""
    live = running.session
    return live.budget.left <= 0 and running.plan.next(live) is None


def _ends(running: Running, took_s: float) -> str | None:
    """Why the session ends at once though trials are left, if it does."""
    if running.stopping():
        return running.session.folder.stop_reason()
    limit_s = running.session.config.guardrails.max_duration_s
    if limit_s is not None and took_s > limit_s:
        return f"guardrails.max_duration_s: {limit_s:g} s are over"
    return None


def _check(running: Running, trial: Trial) -> None:
    """End the session after this trial if it must not go on."""
    config = running.session.config
    if trial.observation is not None and (reason := ends_session(trial.observation, config.guardrails)):
        raise SessionFailed(reason)
    recent = running.made[-config.max_failures_in_row :]
    if len(recent) == config.max_failures_in_row and all(t.score is None for t in recent):
        raise SessionFailed(f"{counted(len(recent), 'trial')} in a row failed, the last one: {trial.reason}")
    # What is measured to be sure of it must not see what is left of the fault before it.
    is_exact = trial.phase == Phase.MINIMISE or is_reading(trial)
    hurt = trial.status is TrialStatus.SKIPPED or running.session.hurt(trial)
    # A fault that the screen tries, of those that may do most, may hurt only when it is over.
    if hurt or is_exact or trial.phase == Phase.SCREEN:
        running.await_recovery(trial.trial, must=is_exact or running.session.must_be_back(trial))
