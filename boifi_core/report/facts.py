"""What a report is made from, and the faults that it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from boifi_core.analyzer import AnalyzerConfig, explain
from boifi_core.errors import counted
from boifi_core.findings import Catalogue
from boifi_core.history.readings import by_fault, mean_severity, recommended, typical
from boifi_core.models import Dimension, Phase, RawObservation, Residual, SeverityScore, Trial
from boifi_core.optimizer import BestPoint, Importance
from boifi_core.report.curves import Curve
from boifi_core.report.tables import duration, number
from boifi_core.session.preflight.base import Line


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """A session's facts and trials.

    Attributes:
        target: what was tested, in words: the endpoint.
        status, reason: how the session stands or ended, and why.
        total_trials: how many were asked for.
        baseline: the target without a fault; None if it was not observed.
        baseline_severity: the median severity of the fault-free observations.
        trials: as recorded, by number.
        dimensions: of the search space, in the user's order.
        analyzer: the config that the scores were given by.
        best: the fault that the optimizer recommends as the worst after these trials; None: the highest mean decides.
        importance: of the dimensions, by the optimizer's model; None with too few trials.
        accuracy: how well that model predicts (R², leave-one-out); None where that cannot be told.
        curves: what it expects along each dimension; none with too few trials.
        catalogue: the distinct failures, and how sure they are.
        left: what free draws tell of the failures not seen yet; None without any.
        remarks: which phases were left out, or over early, and why.
        troubles: what of the target fails by itself, at the session's start.
        checks: what the first look at the target said.
        out: what a command needs after it to find the session's data dir, such as ` --out DIR`.
    """

    session_id: str
    name: str
    target: str
    seed: int | None
    created_at: datetime
    status: str
    reason: str | None
    total_trials: int
    baseline: RawObservation | None
    baseline_severity: float | None
    trials: Sequence[Trial]
    dimensions: Sequence[Dimension]
    analyzer: AnalyzerConfig = field(default_factory=AnalyzerConfig)
    best: BestPoint | None = None
    importance: Importance | None = None
    accuracy: float | None = None
    curves: Sequence[Curve] = ()
    catalogue: Catalogue = field(default_factory=Catalogue)
    left: Residual | None = None
    remarks: Sequence[str] = ()
    troubles: Sequence[str] = ()
    checks: Sequence[Line] = ()
    out: str = ""

    @property
    def duration(self) -> timedelta:
        """From the session's creation to its latest trial's end; none where the clock was set back before that."""
        return max([trial.finished_at for trial in self.trials] + [self.created_at]) - self.created_at

    @property
    def progress(self) -> str:
        """`30 of 30`, and what somebody replayed beside them."""
        replayed = sum(trial.phase == Phase.REPLAY for trial in self.trials)
        text = f"{len(self.trials) - replayed} of {self.total_trials}"
        return f"{text}, and {counted(replayed, 'replay')}" if replayed else text


@dataclass(frozen=True)
class TriedFault:
    """One distinct fault with all trials that tried it.

    Attributes:
        trial: the one whose severity is nearest to their mean.
        score: that trial's.
        severities: of every trial with this fault, in order.
        severity: their mean.
        first: the first of them.
    """

    trial: Trial
    score: SeverityScore
    severities: tuple[float, ...]
    severity: float
    first: Trial

    @property
    def fault(self) -> str:
        return fault_text(self.trial.plans)

    @property
    def is_of_point(self) -> bool:
        """Whether the fault is that of its trials' point; a smaller one is not."""
        return self.trial.phase != Phase.MINIMISE

    @property
    def scores(self) -> tuple[float, float, float]:
        """Bug, performance and structure."""
        return self.score.bug_score, self.score.performance_score, self.score.structure_score


def by_status(trials: Sequence[Trial]) -> str:
    """` (28 scored, 2 failed)`; empty without trials."""
    counts = Counter(trial.status.value for trial in trials).most_common()
    return f" ({', '.join(f'{n} {status}' for status, n in counts)})" if counts else ""


def overview(report: ReportInput, found: Sequence[TriedFault]) -> list[tuple[str, str]]:
    """Which session this was and how it ended: what each fact is called, and the fact."""
    return [
        ("Target", report.target),
        ("State", report.status + (f": {report.reason}" if report.reason else "")),
        ("Started", f"{report.created_at:%Y-%m-%d %H:%M:%S %Z}"),
        ("Lasted", duration(report.duration.total_seconds())),
        ("Trials", f"{report.progress}{by_status(report.trials)}"),
        *(("First look", f"{line.outcome}: {line}") for line in report.checks),
        *(("Phases", remark) for remark in report.remarks),
        ("Distinct faults scored", str(len(found))),
        ("Seed", "–" if report.seed is None else str(report.seed)),
        ("Severity without a fault", number(report.baseline_severity)),
        ("The worst fault's severity", number(found[0].severity if found else None) + " of 10"),
    ]


def fault_text(plans: Sequence[object]) -> str:
    """The faults of a trial in one line."""
    return " and ".join(str(plan) for plan in plans) or "no fault"


def tried_faults(report: ReportInput) -> list[TriedFault]:
    """The distinct faults: the recommended one, then the others, worst first, the earlier of equals first."""
    found = by_fault(report.trials)
    best = recommended(found, None if report.best is None else report.best[0])
    others = [_tried_fault(alike) for alike in found if alike is not best]
    others.sort(key=lambda tried: (-tried.severity, tried.first.trial))
    return others if best is None else [_tried_fault(best), *others]


def _tried_fault(alike: list[Trial]) -> TriedFault:
    shown = typical(alike)
    if shown.score is None:
        raise ValueError(f"trial {shown.trial} has no score")
    severities = tuple(trial.severity or 0.0 for trial in alike)
    return TriedFault(shown, shown.score, severities, mean_severity(alike), alike[0])


def kinds(found: Sequence[TriedFault]) -> list[tuple[TriedFault, int]]:
    """The first of each kind of fault, and how many there are of the kind.

    Faults are of a kind that have the same types at the same places: they differ in their numbers only, or in whom
    they meet (share, method, headers).
    """
    by_kind: dict[object, list[TriedFault]] = {}
    for tried in found:
        places = sorted((plan.fault_type, plan.target_service or "", plan.target_path) for plan in tried.trial.plans)
        by_kind.setdefault(tuple(places), []).append(tried)
    return [(alike[0], len(alike)) for alike in by_kind.values()]


def why(tried: TriedFault, report: ReportInput) -> str:
    """What the fault got its points for, in one sentence."""
    observation = tried.trial.observation
    if observation is None:
        return "not kept"
    return explain(tried.score, observation, report.baseline, report.analyzer)


def pareto_front(found: Sequence[TriedFault]) -> list[TriedFault]:
    """The faults that no other one exceeds in one of the three scores without falling short in another.

    Of faults with the same three scores the first stands for all.
    """
    by_scores: dict[tuple[float, ...], TriedFault] = {}
    for tried in found:
        by_scores.setdefault(tried.scores, tried)

    def is_dominated(scores: tuple[float, ...]) -> bool:
        return any(
            other != scores and all(theirs >= mine for theirs, mine in zip(other, scores, strict=True))
            for other in by_scores
        )

    return [tried for scores, tried in by_scores.items() if not is_dominated(scores)]
