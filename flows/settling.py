"""The settling trial: one fault that nobody can mistake, to see how long faults take to take hold and to let go."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median

from boifi_core.errors import BoifiError
from boifi_core.faults.plan import FaultPlan
from boifi_core.history.dataset import SETTLING
from boifi_core.models import Phase, Point, RawObservation, Trial, TrialStatus
from boifi_core.observers.base import glance
from boifi_core.safety.guardrails import ends_session
from boifi_core.safety.pauses import Deadline, lost
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, clear_all, policy_names, with_expiry
from boifi_core.safety.settling import UNSEEN_S, told
from boifi_core.session.events import Settled
from boifi_core.session.settling import LIMIT_S, ROUNDS, moved, unmistakable, until_gone, until_in_force
from flows.running import MOST_PAUSES, Running, SessionFailed
from tasks import steps


def settle(running: Running) -> None:
    """Measure how long the session's faults lag, unless its file says that, or it was done; tell what it came to.

    Without a fault that could be seen, or that anybody sees, the session goes on with what it has.

    Raises:
        SessionFailed: the fault could not be removed, or what it did ends the session.
    """
    session = running.session
    if session.config.executor.settle_s != "auto":
        return
    if session.settled is None:
        measured = _measured(running)
        if measured is None:
            return
        session.history.rewrite(measured)
        session.settled = measured
    session.tell(Settled(session.session_id, told(session.settled), session.settled.in_force_ms is None))


def _measured(running: Running) -> Trial | None:
    """The settling trial; None where somebody asked the session to end meanwhile."""
    session, names = running.session, []
    chosen = unmistakable(session)
    for number, (point, plan) in enumerate(chosen, start=1):
        watch = _Watch(running, number, point, plan)
        watch.measure()
        if running.stopping():
            return None
        if watch.holds:
            return watch.trial()
        names.append(f"{plan}{watch.why}")
    if not chosen:
        return _Watch(running, 1, {}).trial("the search space has no fault that would be seen")
    within = f"within {watch.limit_s:g} s"
    return watch.trial(
        f"no effect seen {within}: {'; '.join(names)}; does the control plane reach this traffic? every "
        f"trial waits {UNSEEN_S:g} s; settle_s says how long your mesh takes"
    )


class _Watch:
    """One fault, applied and removed, and what was seen of it meanwhile.

    Attributes:
        limit_s: how long the effect is watched for, seconds; at most a tenth of the session's own time.
        holds, goes: how long it took to take hold, and to let go, each time, seconds; empty where it was not seen.
        why: what went wrong, if something did, as the end of a sentence.
    """

    def __init__(self, running: Running, number: int, point: Point, *plans: FaultPlan) -> None:
        session = self._session = running.session
        self._running = running
        self._name = f"{policy_names(session.session_id, SETTLING, 1)[0]}-{number}"
        self._point = point
        sent = [session.injector.as_sent(plan) for plan in plans]
        longest_s = session.config.guardrails.max_duration_s
        self.limit_s = LIMIT_S if longest_s is None else min(LIMIT_S, longest_s / 10)
        self._plans = with_expiry(sent, session.config.executor.timeout_s + self.limit_s)
        self._began = datetime.now(UTC)
        self._seen: RawObservation | None = None
        self._shown: RawObservation | None = None
        self.holds: list[float] = []
        self.goes: list[float] = []
        self.why = ""

    def measure(self) -> None:
        """Apply and remove it, again where that took time: a proxy that asks now and then takes another each time."""
        for _ in range(ROUNDS + MOST_PAUSES):
            before = lost()
            try:
                hold, gone = self._once()
            except SessionFailed:
                raise
            except (BoifiError, TimeoutError) as error:
                self.why = f" ({error})"
                return
            if lost() - before:  # the machine stood still meanwhile
                continue
            if hold is None:  # what was seen before came by chance, then
                self.holds, self.goes = [], []
                return
            self.holds.append(hold)
            self.goes.append(gone)
            if hold == 0 or len(self.holds) == ROUNDS or self._running.stopping():
                return

    def _once(self) -> tuple[float | None, float]:
        running, session = self._running, self._session
        shown, error = None, None
        with running.signals.shielded():
            try:
                with running.signals.exposed():
                    steps.apply_policies(session, SETTLING, [self._name], self._plans)
                    shown = until_in_force(self._look, datetime.now(UTC), Deadline(self.limit_s))
                    self._shown = self._shown if shown is None else self._seen
            except (BoifiError, TimeoutError) as problem:
                error = problem
            finally:
                left = clear_all(session.injector, [self._name], timeout_s=CLEAR_TIMEOUT_S)
                removed_at = datetime.now(UTC)
        if left:
            raise SessionFailed("; ".join(left))
        if error is not None:
            raise error
        if shown is None:
            return None, 0.0
        hold, misses = shown
        limit = Deadline(session.config.recovery.timeout_s)
        gone = until_gone(self._look, removed_at, limit, misses + (1 if hold == 0 and not misses else 2))
        if gone is None:
            running.await_recovery(SETTLING)
            gone = (datetime.now(UTC) - removed_at).total_seconds()
        return hold, gone

    def _look(self) -> tuple[datetime, float]:
        session = self._session
        seen = glance(session.observer, newer_than=datetime.now(UTC), timeout_s=session.config.executor.timeout_s)
        if reason := ends_session(seen, session.config.guardrails):
            raise SessionFailed(reason)
        self._seen = seen
        return seen.timestamp, moved(session, seen, self._plans)

    def trial(self, unseen: str | None = None) -> Trial:
        """The trial as the history keeps it: without a score, since it was no search's choice.

        Args:
            unseen: why there is nothing to tell of it.
        """
        trial = Trial(
            session_id=self._session.session_id,
            trial=SETTLING,
            status=TrialStatus.SKIPPED,
            reason=unseen,
            phase=Phase.SETTLE,
            started_at=self._began,
            finished_at=datetime.now(UTC),
            point=self._point,
            plans=self._plans,
            observation=self._shown,
            in_force_ms=median(self.holds) * 1000 if self.holds else None,
            gone_ms=median(self.goes) * 1000 if self.goes else None,
        )
        return trial.model_copy(update={"reason": told(trial)})
