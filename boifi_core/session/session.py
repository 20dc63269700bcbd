"""A session's live parts, made from its folder: what is opened to run it, and what it has learnt so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from statistics import median
from typing import Any

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService, merge_baseline
from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.evidence import HARMLESS, Evidence
from boifi_core.findings.objective import OBJECTIVES, Dulling
from boifi_core.findings.residual import is_free_draw, residual
from boifi_core.history.dataset import History
from boifi_core.injectors.base import Injector
from boifi_core.models import (
    ENDED,
    Control,
    Point,
    RawObservation,
    Residual,
    SessionState,
    SessionStatus,
    SeverityScore,
    Trial,
)
from boifi_core.observers.base import Observer
from boifi_core.safety.guardrails import objection
from boifi_core.safety.policies import with_expiry
from boifi_core.safety.settling import Lags, lags_of, remarks_of
from boifi_core.session.budget import Budget
from boifi_core.session.config import MUST_BE_BACK, SessionConfig
from boifi_core.session.events import Event, Stream
from boifi_core.session.folder import SessionFolder
from boifi_core.session.learning import learnt_optimizer, searched
from boifi_core.session.progress import progress, recommendation
from boifi_core.session.screen.leads import Leads
from boifi_core.session.stored_baseline import keep_baseline, stored_evidence, stored_thresholds
from boifi_core.session.warm_start import signals, stored_past, training_score

UNHEALTHY_SEVERITY = 2.0
"""A target whose median fault-free severity is at least above this is not at its steady state."""


class Session:
    """One session that this process holds.

    Attributes:
        folder, config: where it lies and what it was asked to do.
        trials: all trials so far, as recorded.
        optimizer: has learnt from `trials`.
        injector, observer: open connections to the target.
        baseline: the target without a fault; None until it was observed.
        baseline_severity: the median severity of the fault-free observations.
        normal: the target as this run found it without a fault, before its first trial.
        evidence: what tells a failure from what is normal, as the session's first trials found it.
        worth: what a trial is worth to the search, by the objective.
        novel, novelty: the same of the search for other failures, where the objective is both; else None.
        events: what happens in it, for whoever listens.
        errors: what went wrong so far, one line each.
        remarks: which phases are left out or over early, one line each.
        tries: how often injector and observer were asked for something.
        told_of_traces: in which ways traces were not whole, of which somebody was told.
        is_searched_out: whether every point of the search space was tried.
        settled: the settling trial; None where none was made.
    """

    def __init__(self, folder: SessionFolder, config: SessionConfig, injector: Injector, observer: Observer) -> None:
        stored = folder.session()
        self.folder = folder
        self.config = config
        self.created_at = datetime.fromisoformat(stored["created_at"])
        self.injector = injector
        self.observer = observer
        self.analyzer = AnalyzerService(config.analyzer)
        self.history = History(folder.history, config.search_space)
        self.history.create()
        self.trials = self.history.trials()
        self.settled = self.history.settling()
        past = stored_past(folder) if config.warm_start else ()
        self.worth = OBJECTIVES[config.optimizer.objective]()
        self.evidence = stored_evidence(folder)
        self.optimizer = learnt_optimizer(config, self.trials, past, self.evidence, self.worth)
        self.novelty = Dulling() if config.optimizer.objective == "both" else None
        self.novel = (
            None if self.novelty is None else learnt_optimizer(config, self.trials, past, self.evidence, self.novelty)
        )
        self.baseline: RawObservation | None = None
        self.baseline_severity: float | None = None
        self.normal = Normal(())
        self._now: tuple[Sequence[Control], Normal] | None = None
        self.events = Stream.here()
        self._found: tuple[int, Catalogue] | None = None
        self._left: tuple[int, Residual | None] | None = None
        self.errors = [f"trial {trial.trial}: {trial.reason}" for trial in self.trials if trial.reason]
        state = folder.state()
        of_phases = () if state is None else state.remarks
        self.remarks = [remark for remark in of_phases if remark not in remarks_of(self.settled)]
        self.tries = 0
        self.told_of_traces: set[str] = set()
        self.is_searched_out = False

    @cached_property
    def leads(self) -> Leads:
        """What a screen would try next."""
        return Leads(self.optimizer.space, self.evidence.normal)

    @property
    def session_id(self) -> str:
        return self.folder.session_id

    @property
    def budget(self) -> Budget:
        """How many trials it may make, and what of that is spent."""
        budget = Budget.of(self.config, self.trials)
        return budget.without_search() if self.is_searched_out else budget

    @property
    def next_number(self) -> int:
        """The number of the next trial."""
        return max((trial.trial for trial in self.trials), default=0) + 1

    def learn_baseline(self, observations: Sequence[RawObservation]) -> float:
        """Take these fault-free observations as the target's normal; returns their median severity."""
        self.baseline = merge_baseline(observations)
        self._found = self._left = None
        self.evidence = Evidence(tuple(observations))
        self.normal, self._now = self.evidence.normal, None
        self.analyzer = AnalyzerService(self._resolved(observations))
        severity = median(self.severity(observation) for observation in observations)
        self.baseline_severity = self.evidence.baseline_severity = severity
        return severity

    def _resolved(self, observations: Sequence[RawObservation]) -> AnalyzerConfig:
        """The analyzer's config with its thresholds; what an earlier run of this session took them for stays."""
        earlier = stored_thresholds(self.folder)
        return self.config.analyzer.resolved(observations) if earlier is None else earlier

    def keep_baseline(self) -> None:
        """Store the fault-free observations that this session's trials are compared with.

        What was normal when a resumed session made its first trials tells its failures apart for good: the target may
        be in another state now, and what it has got used to meanwhile would make failures of then look normal.
        """
        if self.trials and (first := stored_evidence(self.folder)).fault_free:
            self.evidence, self._found, self._left = first, None, None
        elif self.baseline is not None:
            keep_baseline(self.folder, self.baseline, self.evidence, self.analyzer.config)

    @property
    def found(self) -> Catalogue:
        """The distinct failures that its trials have shown so far."""
        if self._found is None or self._found[0] != len(self.trials):
            self._found = len(self.trials), self._catalogue(self.trials)
        return self._found[1]

    def _catalogue(self, trials: Sequence[Trial]) -> Catalogue:
        dimensions = self.config.search_space.dimensions
        return catalogue(trials, self.evidence, session_id=self.session_id, dimensions=dimensions)

    @property
    def left(self) -> Residual | None:
        """How much was left after its latest free draw: that follows from the trials until then alone."""
        draws = [place for place, trial in enumerate(self.trials, 1) if is_free_draw(trial)]
        if not draws:
            return None
        if self._left is None or self._left[0] != draws[-1]:
            until = self.trials[: draws[-1]]
            self._left = draws[-1], residual(until, self._catalogue(until), is_watched=self.config.is_watched)
        return self._left[1]

    @property
    def left_at_its_end(self) -> Residual | None:
        """The same by all that its trials have shown."""
        return None if self.left is None else residual(self.trials, self.found, is_watched=self.config.is_watched)

    def is_allowed(self, plans: Sequence[FaultPlan]) -> bool:
        """Whether the guardrails let these faults be injected."""
        return all(objection(plan, self.config.guardrails) is None for plan in plans)

    def plans_for(self, point: Point) -> tuple[FaultPlan, ...]:
        """A point's plans as the injector will send them, with the expiry that ends them if nobody does."""
        return self.as_sent(self.config.search_space.plans(point))

    def as_sent(self, plans: Sequence[FaultPlan]) -> tuple[FaultPlan, ...]:
        """These plans as the injector will send them, with an expiry."""
        sendable = [self.injector.as_sent(plan) for plan in plans]
        return with_expiry(sendable, self.config.executor.timeout_s + self.lags.longest_s)

    @property
    def lags(self) -> Lags:
        """How long its faults take to take hold and to let go, as far as is known."""
        return lags_of(self.config.executor, self.settled)

    @property
    def steady_severity(self) -> float:
        """Up to this severity a window without a fault is as the target is without one; above it, something is wrong.

        It is 2, and more for a target that was seen to be in some trouble by itself.
        """
        return max(UNHEALTHY_SEVERITY, HARMLESS + (self.baseline_severity or 0.0))

    def score(self, observation: RawObservation) -> SeverityScore:
        """Of a window without a fault, by what this run found to be normal, before its trials and between them."""
        between = self.evidence.after(self.trials).between
        if self._now is None or self._now[0] is not between:
            self._now = between, Normal((*self.normal.observations, *(control.observation for control in between)))
        return self.analyzer.calculate_severity(observation, self._now[1])

    def severity(self, observation: RawObservation) -> float:
        return self.score(observation).total_score

    def hurt(self, trial: Trial) -> bool:
        """Whether the target has to be seen as before after this trial."""
        after = self.config.recovery.after_severity
        if after is not None:
            return (trial.severity or 0.0) >= after
        return self.evidence.failure(trial) is not None

    def must_be_back(self, trial: Trial) -> bool:
        """Whether the session ends where it is not."""
        after = self.config.recovery.after_severity
        is_said = after is not None and self.hurt(trial)
        return is_said or trial.severity is None or trial.severity >= MUST_BE_BACK

    def learn(self, trial: Trial) -> None:
        """Let the model learn from a trial; one that must not train it is only kept from being proposed again.

        It learns nothing from a smaller fault than the trial's point.
        """
        if not searched([trial]):
            return
        score = training_score(trial)
        for optimizer, worth in ((self.optimizer, self.worth), (self.novel, self.novelty)):
            if optimizer is None or worth is None:
                continue
            if score is None:
                optimizer.discard(trial.point)
            else:
                optimizer.record(trial.point, worth(self.evidence.failure(trial), score), signals(trial))

    def keep(self, trial: Trial) -> None:
        """Write a trial to the history: from here on it is never lost."""
        self.history.append(trial)
        self.trials.append(trial)
        if trial.reason:
            self.errors.append(f"trial {trial.trial}: {trial.reason}")

    def amend(self, number: int, **outcome: Any) -> bool:
        """Write to the history how the target healed after a trial; returns whether there is one, with a fault.

        That is known only when the trial is kept already, so nothing of it is lost where its session is killed before.
        """
        place = next((n for n, trial in enumerate(self.trials) if trial.trial == number), None)
        if place is None or not self.trials[place].plans:
            return False
        trial = self.trials[place].model_copy(update=outcome)
        self.history.rewrite(trial)
        self.trials[place], self._found = trial, None
        return True

    def tell(self, event: Event) -> None:
        """Tell whoever listens."""
        self.events.emit(event)

    def write_state(self, status: SessionStatus, reason: str | None = None, error_message: str | None = None) -> None:
        """Derive the session's state from its trials and write it."""
        self.folder.write_state(self.state(status, reason, error_message))

    def state(self, status: SessionStatus, reason: str | None = None, error_message: str | None = None) -> SessionState:
        """The session's state, derived from its trials."""
        return SessionState(
            session_id=self.session_id,
            name=self.config.name,
            status=status,
            reason=reason,
            created_at=self.created_at,
            updated_at=datetime.now(UTC),
            progress=progress(self.trials, self.config.total_trials, recommendation(self.config, self.optimizer)),
            error_message=error_message,
            errors=tuple(self.errors),
            remarks=(*remarks_of(self.settled), *self.remarks),
            left=self.left_at_its_end if status in ENDED else self.left,
        )
