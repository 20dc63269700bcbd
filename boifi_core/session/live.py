"""A session's live parts, made from its folder: what is opened to run it, and what it has learnt so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService, merge_baseline
from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.catalogue import Evidence, catalogue
from boifi_core.findings.following import Budget, Wanted, following
from boifi_core.findings.objective import OBJECTIVES
from boifi_core.history.dataset import History
from boifi_core.injectors.base import Injector
from boifi_core.models import (
    RawObservation,
    SessionState,
    SessionStatus,
    Trial,
)
from boifi_core.observers.base import Observer
from boifi_core.safety.guardrails import objection
from boifi_core.session.config import SessionConfig, follow_up_budgets
from boifi_core.session.folder import SessionFolder
from boifi_core.session.learning import learnt_optimizer, searched
from boifi_core.session.progress import _is_of_search, counted, progress, recommendation
from boifi_core.session.stored_baseline import keep_baseline, stored_evidence, stored_thresholds
from boifi_core.session.warm_start import signals, stored_past, training_score

UNHEALTHY_SEVERITY = 2.0
"""A target whose median fault-free severity is above this is not at its steady state."""


class Session:
    """One session that this process holds.

    Attributes:
        folder, config: where it lies and what it was asked to do.
        trials: all trials so far, as recorded.
        optimizer: has learnt from `trials`.
        injector, observer: open connections to the target.
        baseline: the target without a fault; None until it was observed.
        baseline_severity: the median severity of the fault-free observations.
        normal: the target as this run found it without a fault; scores are by it.
        evidence: what tells a failure from what is normal, as the session's first trials found it.
        worth: what a trial is worth to the search, by the objective.
        is_searched: whether there is nothing left to search for.
        errors: what went wrong so far, one line each.
        tries: how often injector and observer were asked for something.
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
        past = stored_past(folder) if config.warm_start else ()
        self.worth = OBJECTIVES[config.optimizer.objective]()
        self.optimizer = learnt_optimizer(config, self.trials, past, stored_evidence(folder), self.worth)
        self.baseline: RawObservation | None = None
        self.baseline_severity: float | None = None
        self.normal = Normal(())
        self.evidence = Evidence()
        self.is_searched = False
        self.errors = [f"trial {trial.trial}: {trial.reason}" for trial in self.trials if trial.reason]
        self.tries = 0

    @property
    def session_id(self) -> str:
        return self.folder.session_id

    @property
    def budget_used(self) -> int:
        """The trials that count in `total_trials`: all but those that somebody replayed."""
        return len(counted(self.trials))

    @property
    def trials_s(self) -> float:
        """How long all trials together took, from proposal to record, seconds; without what somebody replayed."""
        made = counted(self.trials)
        proposing_ms = sum(trial.durations.propose_ms or 0.0 for trial in made)
        return proposing_ms / 1000 + sum((trial.finished_at - trial.started_at).total_seconds() for trial in made)

    @property
    def next_number(self) -> int:
        """The number of the next trial."""
        return max((trial.trial for trial in self.trials), default=0) + 1

    def learn_baseline(self, observations: Sequence[RawObservation]) -> float:
        """Take these fault-free observations as the target's normal; returns their median severity."""
        self.baseline = merge_baseline(observations)
        self.evidence = Evidence(tuple(observations))
        self.normal = self.evidence.normal
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
            self.evidence = first
        elif self.baseline is not None:
            keep_baseline(self.folder, self.baseline, self.evidence, self.analyzer.config)

    def follow_up(self) -> Wanted | None:
        """What is tried next to confirm a failure or to make its fault smaller; None where the search goes on.

        It follows from the history alone, so a resumed session goes on where it was.
        """
        to_confirm, to_minimise = follow_up_budgets(self.config)
        searching = sum(_is_of_search(trial) for trial in self.trials)
        if not self.is_searched and searching < self.config.total_trials - to_confirm - to_minimise:
            return None
        dimensions = self.config.search_space.dimensions
        found = catalogue(self.trials, self.evidence, session_id=self.session_id, dimensions=dimensions)
        budget = Budget(to_confirm, to_minimise, self.config.confirm.readings)
        return following(found, self.trials, budget, dimensions, self._is_allowed)

    def _is_allowed(self, plans: Sequence[FaultPlan]) -> bool:
        return all(objection(plan, self.config.guardrails) is None for plan in plans)

    def severity(self, observation: RawObservation) -> float:
        return self.analyzer.calculate_severity(observation, self.normal).total_score

    def learn(self, trial: Trial) -> None:
        """Let the model learn from a trial; one that must not train it is only kept from being proposed again.

        It learns nothing from a smaller fault than the trial's point.
        """
        if not searched([trial]):
            return
        score = training_score(trial)
        if score is None:
            self.optimizer.discard(trial.point)
        else:
            self.optimizer.record(trial.point, self.worth(self.evidence.failure(trial), score), signals(trial))

    def keep(self, trial: Trial) -> None:
        """Write a trial to the history: from here on it is never lost."""
        self.history.append(trial)
        self.trials.append(trial)
        if trial.reason:
            self.errors.append(f"trial {trial.trial}: {trial.reason}")

    def too_little_to_gain(self) -> str | None:
        """Why the rest of the budget is not worth its trials, where `stop_below` asks for that."""
        least, left = self.config.optimizer.stop_below, self.config.total_trials - self.budget_used
        if least is None or self.optimizer.phase == "initial":
            return None
        gain = self.optimizer.expected_gain(left)
        if gain >= least:
            return None
        # Rounded down, so that it is below the threshold as it is read too.
        shown = math.floor(gain * 100) / 100
        return f"expected gain of the {left} trials left is {shown:.2f}, below stop_below {least:g}"

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
        )
