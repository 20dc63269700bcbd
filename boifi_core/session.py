"""A session's live parts, made from its folder: what is opened to run it, and what it has learnt so far."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from statistics import median
from types import MappingProxyType

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService, merge_baseline
from boifi_core.analyzer.normal import Normal
from boifi_core.config import SessionConfig, follow_up_budgets, parse_session, stored_session
from boifi_core.errors import InvalidInput
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import MINIMISE, VERIFY
from boifi_core.findings.catalogue import Evidence, catalogue
from boifi_core.findings.following import Budget, Wanted, following
from boifi_core.findings.objective import OBJECTIVES, Worth
from boifi_core.folder import SessionFolder
from boifi_core.history.dataset import History
from boifi_core.history.readings import by_fault, expectation, is_smaller, mean_severity, rankable, recommended, typical
from boifi_core.injectors.base import Injector
from boifi_core.injectors.table import open_injector
from boifi_core.models import (
    BestResult,
    HistoryEntry,
    OptimizationProgress,
    Phase,
    RawObservation,
    SessionState,
    SessionStatus,
    Trial,
)
from boifi_core.observers.base import Observer
from boifi_core.observers.table import open_observer
from boifi_core.optimizer import BestPoint, OptimizerCore
from boifi_core.optimizer.past import Entry
from boifi_core.safety.allowed_targets import Rule, check_reach, connection_check, parse_rules
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails, objection
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, sweep
from boifi_core.settings import service_settings
from boifi_core.space import SearchSpace
from boifi_core.storage import Place, StorageUnavailable, open_folder
from boifi_core.stored_baseline import keep_baseline, stored_evidence, stored_thresholds
from boifi_core.warm_start import FILE as PAST_FILE
from boifi_core.warm_start import as_text, past_of, signals, stored_past, training_score
from boifi_core.wire.client import checked

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


def make_session(
    data: Place,
    config: SessionConfig,
    *,
    session_id: str | None = None,
    others: Mapping[str, str] = MappingProxyType({}),
) -> SessionFolder:
    """A new session's folder, with its config and its optimizer's seed in `session.json`.

    Args:
        session_id: the new session's; one is drawn where it is not given.
        others: further files by name, which are there as soon as the session is.

    Raises:
        InvalidInput: `warm_start` names a session of which nothing can be learnt; nothing is made.
    """
    past = past_of(data, config.warm_start, config.search_space)
    folder = SessionFolder(data / "sessions" / (session_id or str(uuid.uuid4())))
    session = stored_session(config, folder.session_id, datetime.now(UTC))
    folder.make(session, {**others, **({PAST_FILE: as_text(past)} if config.warm_start else {})})
    return folder


def read_trials(folder: SessionFolder, config: SessionConfig) -> list[Trial]:
    """The trials that a session's history holds now."""
    return History(folder.history, config.search_space).trials()


def stored_config(folder: SessionFolder) -> SessionConfig:
    """The config that a session was made with."""
    return parse_session(folder.session()["config"])


def reachable_config(folder: SessionFolder) -> SessionConfig:
    """The config of a session whose target is about to be connected to.

    What was asked for through the facade is looked at again: another process, on another machine or another day, may
    reach what the facade could not, and a name may have got other addresses since.

    Raises:
        InvalidInput: something that the session would connect to is not allowed.
    """
    config = stored_config(folder)
    if folder.is_requested:
        check_reach(config.connects_to(), _allowed())
    return config


def open_reachable(folder: SessionFolder) -> Injector:
    """The injector of a session, whose connections are checked too.

    Raises:
        InvalidInput: as `reachable_config` and `open_injector`.
    """
    config = reachable_config(folder)
    with _connections_of(folder):
        return open_injector(config.executor)


def _connections_of(folder: SessionFolder) -> AbstractContextManager[None]:
    """Within it, what is opened for a session connects only where it may, whatever its names resolve to by then."""
    return checked(connection_check(_allowed())) if folder.is_requested else nullcontext()


def _allowed() -> tuple[Rule, ...]:
    return parse_rules(service_settings().allowed_targets)


def failed_state(folder: SessionFolder, reason: str) -> SessionState:
    """The state of a session that cannot go on, whatever it has made of its trials."""
    return state_without_holder(folder, SessionStatus.FAILED, reason, error_message=reason)


def state_without_holder(
    folder: SessionFolder, status: SessionStatus, reason: str, error_message: str | None = None
) -> SessionState:
    """The state of a session that nobody runs, told by whoever decides about it: its latest, with this instead."""
    now = {"status": status, "reason": reason, "error_message": error_message, "updated_at": datetime.now(UTC)}
    before = folder.state()
    if before is not None:
        return before.model_copy(update=now)
    stored, config = folder.session(), stored_config(folder)
    return SessionState(
        session_id=folder.session_id,
        name=config.name,
        created_at=datetime.fromisoformat(stored["created_at"]),
        progress=OptimizationProgress(
            current_iteration=len(read_trials(folder, config)), total_iterations=config.total_trials
        ),
        **now,
    )


def resume_session(folder: SessionFolder, config: SessionConfig) -> SessionConfig:
    """Make a stored session ready to go on: what it has learnt from stays its own, the rest is this file's.

    Its own are search space, seed, optimizer, analyzer and past; this file's are number of trials, executor, observer,
    guardrails, recovery, failures in a row, and when to stop early.

    Raises:
        InvalidInput: the session was made with another search space.
    """
    stored = folder.session()
    own = parse_session(stored["config"])
    if own.search_space.dump() != config.search_space.dump():
        raise InvalidInput("--resume", "must be a session with the same search space", folder.session_id)
    merged = own.model_copy(
        update={
            "total_trials": config.total_trials,
            "initial_points": min(own.initial_points, config.total_trials),
            "executor": config.executor,
            "observer": config.observer,
            "guardrails": config.guardrails,
            "confirm": config.confirm,
            "minimise": config.minimise,
            "recovery": config.recovery,
            "max_failures_in_row": config.max_failures_in_row,
            "optimizer": own.optimizer.model_copy(update={"stop_below": config.optimizer.stop_below}),
        }
    )
    session = stored_session(merged, folder.session_id, datetime.fromisoformat(stored["created_at"]))
    folder.rewrite(session)
    folder.forget_stop()
    return merged


@contextmanager
def open_session(folder: SessionFolder) -> Iterator[Session]:
    """Open a session from its folder alone, as its history left it; connections are closed at the end."""
    config = stored_config(folder)
    with ExitStack() as opened:
        with _connections_of(folder):
            injector = open_injector(config.executor)
            opened.callback(injector.close)
            observer = open_observer(config.executor, config.observer)
            opened.callback(observer.close)
        yield Session(folder, config, injector, observer)


def make_optimizer(config: SessionConfig, past: Sequence[Entry] = ()) -> OptimizerCore:
    """The optimizer that a session's config asks for; it proposes nothing that the guardrails forbid."""
    chosen = config.optimizer
    return OptimizerCore(
        searchable_space(config),
        chosen.acquisition,
        random_state=config.seed,
        initial_points=config.initial_points,
        surrogate=chosen.surrogate,
        selection=chosen.selection,
        xi=chosen.xi,
        beta=chosen.beta,
        past=past,
    )


def learnt_optimizer(
    config: SessionConfig,
    trials: Sequence[Trial],
    past: Sequence[Entry] = (),
    evidence: Evidence | None = None,
    worth: Worth | None = None,
) -> OptimizerCore:
    """The optimizer that a session's config asks for, as it stands after these trials.

    Args:
        evidence: tells what the trials showed.
        worth: the session's objective; knows these trials afterwards.
    """
    optimizer = make_optimizer(config, past)
    told = worth or OBJECTIVES[config.optimizer.objective]()
    shown = evidence or Evidence()

    def entry(trial: Trial) -> Entry:
        score = training_score(trial)
        return trial.point, None if score is None else told(shown.failure(trial), score), signals(trial)

    optimizer.load(entry(trial) for trial in searched(trials))
    return optimizer


def recommendation(config: SessionConfig, optimizer: OptimizerCore) -> BestPoint | None:
    """The fault that the optimizer takes for the worst; None where it was told something else than severities."""
    return optimizer.best_point if config.optimizer.objective == "severity" else None


def counted(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that a session itself made; a replay is somebody's own look at a fault."""
    return [trial for trial in trials if trial.phase is not Phase.REPLAY]


def searched(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that the search learns from: those of a session's own whose faults are those of their points.

    A replay must not shift what the session would propose, and a smaller fault is none of its point.
    """
    return [trial for trial in trials if trial.phase not in (Phase.REPLAY, Phase.MINIMISE)]


def _is_of_search(trial: Trial) -> bool:
    follows_up = trial.why is not None and trial.why.reason in (VERIFY, MINIMISE)
    return trial.phase is not Phase.REPLAY and not follows_up


def searchable_space(config: SessionConfig) -> SearchSpace:
    """The search space without the points that the guardrails forbid.

    Raises:
        InvalidInput: they forbid every point.
    """
    space = config.search_space
    return space if config.guardrails == Guardrails() else guarded(space, config.guardrails)


def sweep_dead(session: Session) -> list[str]:
    """Remove the policies of this session, and of those in its data dir that nobody holds; returns their names.

    What belongs to sessions of other data dirs is left: they may be alive elsewhere, and their policies expire.
    """
    own = session.session_id[:8]
    is_dead = is_held_by_nobody(session.folder.path.parent)
    return sweep(session.injector, lambda start: start == own or is_dead(start), timeout_s=CLEAR_TIMEOUT_S)


def is_held_by_nobody(sessions: Place) -> Callable[[str], bool]:
    """Tells from how an id begins whether it is that of sessions in this folder, and no process holds any of them."""

    def is_dead(start: str) -> bool:
        try:
            found = [SessionFolder(sessions / name) for name in open_folder(sessions).names(prefix=f"{start}-")]
            return bool(found) and not any(folder.is_held() for folder in found)
        except StorageUnavailable:
            return False  # whose process lives as far as is known

    return is_dead


def progress(trials: Sequence[Trial], total: int, best: BestPoint | None = None) -> OptimizationProgress:
    """How far a session is, and the worst fault so far.

    Args:
        best: what the optimizer recommends after these trials.
    """
    return OptimizationProgress(
        current_iteration=len(counted(trials)),
        total_iterations=total,
        best_result=best_result(trials, best),
        history=tuple(HistoryEntry(iteration=t.trial, fault_plans=t.plans, score=t.score) for t in trials),
    )


def best_result(trials: Sequence[Trial], best: BestPoint | None) -> BestResult | None:
    """The recommended fault; where the model has learnt from no trial, the one with the highest mean severity."""
    alike = recommended(by_fault(trials), None if best is None else best[0])
    if alike is None:
        return None
    shown = typical(alike)
    mean, std = (None if is_smaller(alike) else expectation(best)) or (None, None)
    return BestResult(
        fault_plans=shown.plans,
        severity_score=mean_severity(alike),
        iteration=shown.trial,
        readings=len(alike),
        expected_severity=mean,
        expected_std=std,
    )


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the highest reading, the earliest of equals; a fallback score is never the highest."""
    return max(rankable(trials), key=lambda t: (t.severity or 0.0, -t.trial), default=None)
