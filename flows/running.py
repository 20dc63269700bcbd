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
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Control, RawObservation, SessionStatus, SeverityScore, StepDurations, Trial
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, clear_all, in_force, policy_names, session_of, trial_timeout_s
from boifi_core.safety.target_lock import target_lock
from boifi_core.session.live import UNHEALTHY_SEVERITY, Session
from boifi_core.session.trial import Proposal, status_of
from boifi_core.storage import in_handler
from flows.lease import target_lease
from flows.signals import Cancelled, Signals
from flows.watch import watcher
from tasks import steps, upkeep
from tasks.artifacts import Progress

OTHERS_TIMEOUT_S = 180.0
"""How long policies of other sessions are waited for, seconds; they expire sooner, unless time-outs are very long."""


class SessionFailed(BoifiError):
    """The session cannot go on; the message is its reason."""


class Running:
    """One session, its log, its signals, its progress and the trials it made, for as long as its flow runs."""

    def __init__(self, session: Session, log: Any) -> None:
        self.session = session
        self.log = log
        self.made: list[Trial] = []
        self.signals = Signals(self._stop_asked, self._cancel_asked)
        self.progress = Progress(session)
        self._stop = False
        self._waited = False
        self._strangers: set[str] = set()
        timeout_s = session.config.executor.timeout_s
        self._fetch = steps.fetch_observation.with_options(timeout_seconds=timeout_s + 5)

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
            watcher().note("stop asked for: the running trial is finished; Ctrl-C again breaks it off")

    def measure_baseline(self) -> None:
        """Observe the target without a fault.

        Raises:
            SessionFailed: it is not healthy.
            ExecutorError: it cannot be observed.
        """
        session = self.session
        observations = [self._observe(f"baseline {n}") for n in range(1, session.config.baseline_observations + 1)]
        severity = session.learn_baseline(observations)
        self.log.info("baseline: severity %.1f", severity)
        if session.baseline is not None:
            watcher().baseline(session.baseline, severity)
        if severity > UNHEALTHY_SEVERITY:
            seen = session.baseline
            raise SessionFailed(
                f"the target is not healthy without a fault: median severity {severity:.1f}, must be at most "
                f"{UNHEALTHY_SEVERITY:g} (status {seen and seen.status_code}, latency {seen and seen.latency_ms} ms, "
                f"error rate {seen and seen.error_rate})"
            )

    def wait_for_others(self) -> None:
        """Wait until no policy of another session is in force: its owner, on another machine, or its expiry ends it.

        Policies that are not BOIFI's are told of: with them the target is not what it is without a fault.

        Raises:
            SessionFailed: one stays.
        """
        session = self.session
        deadline = time.monotonic() + OTHERS_TIMEOUT_S
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
                upkeep.sweep(session)  # of the dead it need not be waited for
                continue
            if time.monotonic() > deadline:
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
            self.log.warning(text)
            watcher().note(text)

    def next_trial(self) -> Trial:
        """Propose a fault and try it."""
        number = self.session.next_number
        started = time.perf_counter()
        with tags(f"trial:{number}"):
            proposal = steps.propose(self.session, number)
        propose_ms = _ms_since(started)
        control = self._control(number) if proposal.wants_control else None
        return self.try_fault(number, proposal, propose_ms, control)

    def _control(self, number: int) -> Control | None:
        """A fault-free run, to tell what the next fault does from what happens anyway; None without an answer."""
        try:
            observation = self._observe(f"before trial {number}")
        except (BoifiError, TimeoutError) as error:
            self.log.warning("no fault-free run before trial %d: %s", number, error)
            return None
        return Control(observation=observation, severity=self.session.severity(observation))

    def try_fault(
        self, number: int, proposal: Proposal, propose_ms: float | None = None, control: Control | None = None
    ) -> Trial:
        """Inject, watch, remove, score, record.

        Raises:
            SessionFailed: the fault could not be removed.
        """
        attempt = _Attempt(self.session, number, proposal, propose_ms, control)
        with tags(f"trial:{number}"), self.signals.shielded():
            try:
                self._inject_and_watch(attempt)
                with self.signals.exposed():
                    if attempt.observation is not None:
                        with attempt.timed("score_ms"):
                            attempt.score = steps.score(self.session, number, attempt.observation)
            except Cancelled:
                attempt.cancel()
                self.session.keep(attempt.trial())
                raise
            trial: Trial = steps.record(self.session, number, attempt.trial())
        self.made.append(trial)
        self.log.info("trial %d: %s", number, _summary(trial))
        watcher().trial(trial)
        if attempt.left:
            raise SessionFailed("; ".join(attempt.left))
        return trial

    def _inject_and_watch(self, attempt: _Attempt) -> None:
        """Apply the plans, bring an observation, remove the plans. Called shielded: the removal is never broken off."""
        session, timeout_s = self.session, self.session.config.executor.timeout_s
        deadline = time.monotonic() + trial_timeout_s(len(attempt.plans), timeout_s)
        names = policy_names(session.session_id, attempt.number, len(attempt.plans))
        tries, calls = session.tries, 0
        try:
            with self.signals.exposed():
                with attempt.timed("apply_ms"):
                    if names:
                        calls += 1
                        apply = steps.apply_policies.with_options(timeout_seconds=steps.apply_timeout_s(len(names)))
                        apply(session, attempt.number, names, attempt.plans)
                with attempt.timed("observe_ms"):
                    calls += 1
                    deadline = min(deadline, time.monotonic() + timeout_s)
                    attempt.observation = self._fetch(session, f"trial {attempt.number}", datetime.now(UTC), deadline)
        except (BoifiError, TimeoutError) as error:
            attempt.error = error
        finally:
            attempt.retries = max(0, session.tries - tries - calls)
            attempt.left = clear_all(session.injector, names, timeout_s=CLEAR_TIMEOUT_S)

    def await_recovery(self, trial: Trial) -> None:
        """Wait until the target is back at its steady state.

        Raises:
            SessionFailed: it is not, in time.
        """
        timeout_s = self.session.config.recovery.timeout_s
        deadline = time.monotonic() + timeout_s
        pause_s = 0.05
        seen = "nothing observed"
        while not self.stopping():
            try:
                severity = self.session.severity(self._observe(f"after trial {trial.trial}", deadline))
            except (BoifiError, TimeoutError) as error:
                seen = str(error)
            else:
                if severity <= UNHEALTHY_SEVERITY:
                    return
                seen = f"severity {severity:.1f} without a fault"
            pause_s = min(pause_s * 2, 2.0)
            if time.monotonic() + pause_s > deadline:
                raise SessionFailed(f"the target did not recover within {timeout_s:g} s of trial {trial.trial}: {seen}")
            time.sleep(pause_s)

    def _observe(self, label: str, deadline: float | None = None) -> RawObservation:
        until = time.monotonic() + self.session.config.executor.timeout_s
        return self._fetch(self.session, label, datetime.now(UTC), min(until, deadline or until))

    @contextmanager
    def target(self) -> Iterator[None]:
        """Have the target to ourselves, among all sessions of all machines; wait for that if need be."""
        endpoint, holder = self.session.config.executor.endpoint, f"session {self.session.session_id}"
        ask: dict[str, Any] = {"on_wait": self._say_waiting, "give_up": self.stopping}
        self._waited = False
        with target_lock(endpoint, holder, **ask), target_lease(endpoint, holder, **ask):
            if self._waited:
                self._write_state(None)
                # Whoever had it may have died with its fault in force.
                self.wait_for_others()
            yield

    def _say_waiting(self, holder: str) -> None:
        self._waited = True
        text = f"waiting for the target: {holder} has it"
        self.log.info(text)
        watcher().note(text)
        self._write_state(text)

    def _write_state(self, reason: str | None) -> None:
        now = self.session.folder.state()
        if now is not None and now.status in (SessionStatus.RUNNING, SessionStatus.STOPPING):  # else it is replayed
            self.session.write_state(SessionStatus.STOPPING if self.stopping() else SessionStatus.RUNNING, reason)


class _Attempt:
    """What is known of a trial while it is made."""

    def __init__(
        self, session: Session, number: int, proposal: Proposal, propose_ms: float | None, control: Control | None
    ) -> None:
        self.session_id = session.session_id
        self.number = number
        self.proposal = proposal
        self.control = control
        self.started_at = datetime.now(UTC)
        self.durations: dict[str, float] = {} if propose_ms is None else {"propose_ms": propose_ms}
        self.observation: RawObservation | None = None
        self.score: SeverityScore | None = None
        self.error: Exception | None = None
        self.left: list[str] = []
        self.retries = 0

    @property
    def plans(self) -> Sequence[FaultPlan]:
        return self.proposal.plans

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.durations[step] = _ms_since(started)

    def cancel(self) -> None:
        """Somebody broke the trial off: whatever it has by now, it failed."""
        self.error, self.score = SessionFailed("cancelled"), None

    def trial(self) -> Trial:
        """The trial as a value, with every reason there is."""
        degraded = self.observation.degraded if self.observation else ()
        reasons = [*([str(self.error)] if self.error else []), *degraded, *self.left]
        proposal = self.proposal
        return Trial(
            session_id=self.session_id,
            trial=self.number,
            status=status_of(self.observation, self.error),
            reason="; ".join(reasons) or None,
            phase=proposal.phase,
            started_at=self.started_at,
            finished_at=datetime.now(UTC),
            point=proposal.point,
            plans=proposal.plans,
            observation=self.observation,
            score=self.score,
            predicted_mean=proposal.predicted_mean,
            predicted_std=proposal.predicted_std,
            why=proposal.why,
            control=self.control,
            durations=StepDurations(**self.durations),
            retries=self.retries,
        )


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _summary(trial: Trial) -> str:
    fault = " + ".join(map(str, trial.plans)) or "no fault"
    return f"{trial.status}, severity {trial.severity if trial.severity is not None else '-'}: {fault}"
