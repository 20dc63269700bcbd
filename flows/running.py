"""A running session: its baseline, one trial after another, and the wait for recovery."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from prefect import tags

from boifi_core.errors import BoifiError
from boifi_core.findings.catalogue import HARMLESS
from boifi_core.models import Aftermath, Control, RawObservation, SessionStatus, Trial
from boifi_core.observers.base import glance
from boifi_core.safety.guardrails import ends_session
from boifi_core.safety.pauses import Deadline, Lost, Paused, awake_s, lost
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, clear_all, in_force, policy_names, session_of, trial_timeout_s
from boifi_core.safety.settling import Settling
from boifi_core.safety.target_lock import target_lock
from boifi_core.session.config import MUST_BE_BACK
from boifi_core.session.events import (
    ControlMissing,
    InForce,
    Note,
    Observed,
    PhaseRemark,
    Proposed,
    Recorded,
    Scored,
    StopAsked,
    Waiting,
)
from boifi_core.session.phases.plan import Plan
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from boifi_core.storage import in_handler
from flows.attempt import Attempt, ms_since
from flows.lease import target_lease
from flows.signals import Cancelled, Signals
from tasks import steps, sweep_and_report

OTHERS_TIMEOUT_S = 180.0
"""How long policies of other sessions are waited for, seconds; they expire sooner, unless time-outs are very long."""


MOST_PAUSES = 5
"""How often the same is measured again because the machine stood still meanwhile."""


_HELD_PAUSE_S = 0.05
"""Between two windows while a fault is held: traffic goes on, and who answers at once is not asked without end."""


class SessionFailed(BoifiError):
    """The session cannot go on; the message is its reason."""


class StaysDown(BoifiError):
    """The target did not come back by itself, which is a finding, and what the session ends with."""


class Running:
    """One session, its plan, its signals and the trials it made, for as long as its flow runs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.plan = Plan()
        self.made: list[Trial] = []
        self.signals = Signals(self._stop_asked, self._cancel_asked)
        self._told: dict[str, str] = {}
        self._stop = False
        self._waited = False
        self._strangers: set[str] = set()
        self._recovered: Control | None = None
        self.settling = Settling()
        self._accustomed = 0.0

    @property
    def interrupted(self) -> bool:
        """Whether there was a Ctrl-C."""
        return self._stop

    def stopping(self) -> bool:
        """Whether somebody asked the session to end after the running trial."""
        return self._stop or self.session.folder.stop_requested(lately=True)

    def _cancel_asked(self) -> bool:
        folder = self.session.folder
        return bool(in_handler(folder.path, folder.cancel_requested))

    def _stop_asked(self) -> None:
        # A signal's handler, wherever the session stands: nothing that is raised here may break the trial off. Printing
        # raises where it interrupts another print, and where a Ctrl-C ended the `tee` that read it too.
        self._stop = True
        folder = self.session.folder
        with contextlib.suppress(OSError, RuntimeError, SystemExit):
            in_handler(folder.path, folder.request_stop)
            self.session.tell(StopAsked(self.session.session_id))

    def wait_for_others(self) -> None:
        """Wait until no policy of another session is in force: its owner, on another machine, or its expiry ends it.

        Policies that are not BOIFI's are told of: with them the target is not what it is without a fault.

        Raises:
            SessionFailed: one stays.
        """
        session = self.session
        deadline = Deadline(OTHERS_TIMEOUT_S)
        told = False
        while not self.stopping():
            names = in_force(session.injector)
            others = [name for name in names if session_of(name) not in (None, session.session_id[:8])]
            if not others:
                self._tell_of_strangers([name for name in names if session_of(name) is None])
                return
            if not told:
                self._say_waiting(", ".join(others))
                told = True
                sweep_and_report.sweep(session)  # of the dead it need not be waited for
                continue
            if deadline.left_s() <= 0:
                endpoint = session.config.executor.endpoint
                raise SessionFailed(
                    f"{', '.join(others)}: still in force; boifi sweep {endpoint} removes what is left over"
                )
            time.sleep(0.5)

    def _tell_of_strangers(self, names: Sequence[str]) -> None:
        new = [name for name in names if name not in self._strangers]
        if new:
            self._strangers.update(new)
            text = f"in force and not BOIFI's, so part of what counts as normal: {', '.join(new)}"
            self.session.tell(Note(self.session.session_id, text, is_warning=True))

    def next_trial(self) -> Trial | None:
        """Have the plan propose a fault and try it; None where the session is over."""
        number = self.session.next_number
        started = awake_s()
        with tags(f"trial:{number}"):
            proposal = steps.propose(self.session, self.plan, number)
        self.tell_remarks()
        if proposal is None:
            return None
        return self.try_fault(number, proposal, ms_since(started))

    def tell_remarks(self) -> None:
        """Of each phase once that it is left out, or over before the budget is."""
        told, remarks = self._told, dict(self.plan.remarks(self.session))
        self.session.remarks = [f"{phase} {why}" for phase, why in remarks.items()]
        self._told = remarks
        for phase, why in remarks.items():
            if told.get(phase) != why:
                self.session.tell(PhaseRemark(self.session.session_id, phase, why))

    def _control(self, number: int) -> Control | None:
        """A fault-free run, to tell what the next fault does from what happens anyway; None without an answer."""
        try:
            observation = self.observe(f"before trial {number}")
        except (BoifiError, TimeoutError) as error:
            self.session.tell(ControlMissing(self.session.session_id, number, str(error)))
            return None
        return Control(observation=observation, severity=self.session.severity(observation))

    def try_fault(self, number: int, proposal: Proposal, propose_ms: float | None = None) -> Trial:
        """Inject, watch, remove, score, record; all of it again where the machine stood still meanwhile.

        Raises:
            SessionFailed: the fault could not be removed.
        """
        for _ in range(MOST_PAUSES):
            try:
                return self._tried(number, proposal, propose_ms)
            except Paused as pause:
                text = f"trial {number} is made again: {pause}"
                self.session.errors.append(text)
                self._tell_of_pause(text)
                self.await_recovery(number)
        return self._tried(number, proposal, propose_ms, is_last=True)

    def _tried(self, number: int, proposal: Proposal, propose_ms: float | None, *, is_last: bool = False) -> Trial:
        """As `try_fault`, once.

        Raises:
            Paused: the machine stood still meanwhile, and this is not the last try: nothing is recorded.
        """
        recovered, self._recovered = self._recovered, None
        control = self._control(number) if proposal.wants_control else recovered
        session_id = self.session.session_id
        attempt = Attempt(session_id, number, proposal, propose_ms, control)
        self.session.tell(Proposed(session_id, number, proposal))
        with tags(f"trial:{number}"), self.signals.shielded():
            try:
                self._inject_and_watch(attempt)
                if attempt.lost:
                    pause = attempt.paused()
                    if not (is_last or attempt.left):
                        raise pause
                with self.signals.exposed():
                    if attempt.observation is not None:
                        with attempt.timed("score_ms"):
                            attempt.score = steps.score(self.session, number, attempt.observation)
                        self.session.tell(Scored(session_id, number, attempt.score))
            except Cancelled:
                attempt.cancel()
                self.session.keep(attempt.trial())
                raise
            trial: Trial = steps.record(self.session, number, attempt.trial())
        self.made.append(trial)
        self.session.tell(Recorded(session_id, trial))
        if attempt.left:
            raise SessionFailed("; ".join(attempt.left))
        return trial

    def _inject_and_watch(self, attempt: Attempt) -> None:
        """Apply the plans, bring an observation, remove the plans. Called shielded: the removal is never broken off."""
        session, timeout_s = self.session, self.session.config.executor.timeout_s
        lags = session.lags
        deadline = time.monotonic() + trial_timeout_s(len(attempt.plans), timeout_s) + lags.longest_s
        names = policy_names(session.session_id, attempt.number, len(attempt.plans))
        tries, calls, before = session.tries, 0, lost()
        try:
            with self.signals.exposed():
                with attempt.timed("apply_ms"):
                    if names:
                        calls += 1
                        steps.apply_policies(session, attempt.number, names, attempt.plans)
                        self.settling.applied(lags)
                    attempt.waited(self.settling.wait(), lags)
                session.tell(InForce(session.session_id, attempt.number, names))
                with attempt.timed("observe_ms"):
                    calls += 1
                    deadline = min(deadline, time.monotonic() + timeout_s)
                    attempt.observation = steps.fetch_observation(
                        session, f"trial {attempt.number}", datetime.now(UTC), deadline
                    )
                attempt.lost = lost() - before
                if not attempt.lost:
                    session.tell(Observed(session.session_id, attempt.number, attempt.observation))
                    self._hold(attempt, deadline)
        except (BoifiError, TimeoutError) as error:
            attempt.error, attempt.lost = error, lost() - before
        finally:
            attempt.retries = max(0, session.tries - tries - calls)
            attempt.left = clear_all(session.injector, names, timeout_s=CLEAR_TIMEOUT_S)
            if names:
                self.settling.cleared(lags)

    def _hold(self, attempt: Attempt, deadline: float) -> None:
        """Leave the fault in force, under traffic, until it was so for as long as its proposal says.

        What is seen meanwhile counts nowhere, unless a guardrail ends the session for it: then that is the trial's.
        """
        session, hold_s = self.session, attempt.proposal.hold_s
        if not (hold_s and attempt.plans):
            return
        began = awake_s() - attempt.durations["observe_ms"] / 1000
        while awake_s() - began < hold_s and (left_s := deadline - time.monotonic()) > 0 and not self.stopping():
            with contextlib.suppress(BoifiError, TimeoutError):  # a target that answers nobody is what this is for
                seen = glance(session.observer, newer_than=datetime.now(UTC), timeout_s=left_s)
                if ends_session(seen, session.config.guardrails):
                    attempt.observation = seen
                    break
            time.sleep(_HELD_PAUSE_S)
        attempt.held_ms = ms_since(began)

    def await_recovery(self, number: int, *, must: bool = True) -> None:
        """Wait until a window is as before the trial of this number, as breakers and queues outlive their fault.

        How long that took is told in the history, or what stayed. What stays to the end of the wait is how the target
        is now, if it is no more than that of a healthy one.

        Args:
            must: whether it must be healthy at the end of the wait; else it is told that it is not, unless it is as bad
                as after the worst faults.

        Raises:
            StaysDown: it is not, in time.
            SessionFailed: it could not be observed, or there is no trial that this could be told of.
        """
        session = self.session
        timeout_s = session.config.recovery.timeout_s
        deadline = Deadline(timeout_s)
        pause_s = 0.05
        seen, severity = "nothing observed", None
        while not self.stopping():
            self.settling.wait()
            after_ms = self.settling.since_gone_ms
            try:
                window = self.observe(f"after trial {number}", deadline)
                severity = session.severity(window)
            except (BoifiError, TimeoutError) as error:
                if severity is None:  # else the last window that came tells how the target is
                    seen = str(error)
            else:
                if severity <= max((session.baseline_severity or 0.0) + HARMLESS, self._accustomed):
                    self._recovered = Control(observation=window, severity=severity)
                    self._tell_outcome(number, healed_ms=after_ms)
                    return
                stayed = {"observation": window, "severity": severity, "after_ms": after_ms}
                seen = f"severity {severity:.1f} without a fault"
            pause_s = min(pause_s * 2, 2.0)
            if pause_s > deadline.left_s():
                if severity is None:
                    raise SessionFailed(f"the target did not recover within {timeout_s:g} s of trial {number}: {seen}")
                is_down = severity > session.steady_severity and (must or severity >= MUST_BE_BACK)
                is_told = self._tell_outcome(number, aftermath=Aftermath(**stayed, is_down=is_down))
                if is_down and not is_told:
                    raise SessionFailed(f"the target did not recover within {timeout_s:g} s of trial {number}: {seen}")
                if is_down:
                    raise StaysDown(f"the target did not come back within {timeout_s:g} s of trial {number}: {seen}")
                self._accustomed = severity + HARMLESS
                text = f"the target is not as before within {timeout_s:g} s of trial {number}: {seen}"
                session.tell(Note(session.session_id, text, is_warning=True))
                return
            time.sleep(pause_s)

    def _tell_outcome(self, number: int, **outcome: Any) -> bool:
        with self.signals.shielded():
            return self.session.amend(number, **outcome)

    def observe(self, label: str, deadline: Deadline | None = None) -> RawObservation:
        """An observation of the target as it is, for what `label` says; again where the machine stood still meanwhile.

        Raises:
            Paused: it did so each time.
        """
        gap = Lost()
        for _ in range(MOST_PAUSES + 1):
            if gap:
                self._tell_of_pause(f"{label}: {gap}; the target is observed again")
            self.settling.wait()
            before, limit_s = lost(), self.session.config.executor.timeout_s
            until = time.monotonic() + (limit_s if deadline is None else min(limit_s, deadline.left_s()))
            try:
                seen: RawObservation = steps.fetch_observation(self.session, label, datetime.now(UTC), until)
            except (BoifiError, TimeoutError):
                if not (gap := lost() - before):
                    raise
            else:
                if not (gap := lost() - before):
                    return seen
        raise Paused(f"{label}: {gap} while the target was observed, {MOST_PAUSES + 1} times in a row")

    def _tell_of_pause(self, text: str) -> None:
        self.session.tell(Note(self.session.session_id, text, is_warning=True))
        self._write_state(text)

    @contextmanager
    def target(self) -> Iterator[None]:
        """Have the target to ourselves, among all sessions of all machines; wait for that if need be."""
        endpoint, holder = self.session.config.executor.endpoint, f"session {self.session.session_id}"
        ask: dict[str, Any] = {"on_wait": self._say_waiting, "give_up": self.stopping}
        self._waited = False
        with target_lock(endpoint, holder, **ask), target_lease(endpoint, holder, **ask):
            if self._waited:
                self._recovered = None  # seen before somebody else had it
                self._write_state(None)
                # Whoever had it may have died with its fault in force.
                self.wait_for_others()
            yield

    def _say_waiting(self, holder: str) -> None:
        self._waited = True
        text = f"waiting for the target: {holder} has it"
        self.session.tell(Waiting(self.session.session_id, text))
        self._write_state(text)

    def _write_state(self, reason: str | None) -> None:
        now = self.session.folder.state()
        if now is not None and now.status in (SessionStatus.RUNNING, SessionStatus.STOPPING):  # else it is replayed
            self.session.write_state(SessionStatus.STOPPING if self.stopping() else SessionStatus.RUNNING, reason)
