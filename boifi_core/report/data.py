"""The report for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from boifi_core.report.advice import advice
from boifi_core.report.facts import ReportInput, TriedFault, pareto_front, tried_faults, why
from boifi_core.report.influence import influences
from boifi_core.report.reasons import expected, tried_because
from boifi_core.report.steps import step_times, troubles

_WORST = 10


def json_report(report: ReportInput) -> dict[str, Any]:
    """All that the Markdown report says, as values that JSON can hold."""
    found = tried_faults(report)
    return {
        "session_id": report.session_id,
        "name": report.name,
        "target": report.target,
        "seed": report.seed,
        "status": report.status,
        "reason": report.reason,
        "created_at": report.created_at.isoformat(),
        "duration_s": report.duration.total_seconds(),
        "total_trials": report.total_trials,
        "trials_by_status": dict(Counter(trial.status.value for trial in report.trials)),
        "baseline_severity": report.baseline_severity,
        "first_look": [line.model_dump(mode="json") for line in report.checks],
        "remarks": list(report.remarks),
        "best": _tried_fault(found[0], report) if found else None,
        "worst": [_tried_fault(tried, report) for tried in found[:_WORST]],
        "catalogue": report.catalogue.model_dump(mode="json", exclude_none=True),
        "left": None if report.left is None else report.left.model_dump(mode="json"),
        "pareto_front": [_tried_fault(tried, report) for tried in pareto_front(found)],
        "severity_by_trial": [{"trial": trial.trial, "severity": trial.severity} for trial in report.trials],
        "dimensions": [asdict(influence) for influence in influences(report.trials, report.dimensions)],
        "model": _model(report, found[0] if found else None),
        "steps": [asdict(time) for time in step_times(report.trials)],
        "errors": [asdict(trouble) for trouble in troubles(report.trials)],
        "next": advice(report),
    }


def _model(report: ReportInput, best: TriedFault | None) -> dict[str, Any]:
    """What the optimizer's model makes of it: of the best, of the dimensions, and how well it predicts."""
    told = None if best is None else expected(report, best)
    mean, std = told or (None, None)
    found = report.importance
    return {
        "best_mean": mean,
        "best_std": std,
        "accuracy": report.accuracy,
        "dimensions": [] if found is None else [{"name": name, "share": share} for name, share in found.dimensions],
        "pairs": [] if found is None else [{"names": list(names), "share": share} for *names, share in found.pairs],
    }


def _tried_fault(tried: TriedFault, report: ReportInput) -> dict[str, Any]:
    bug, performance, structure = tried.scores
    return {
        "trial": tried.trial.trial,
        "severity": tried.severity,
        "bug_score": bug,
        "performance_score": performance,
        "structure_score": structure,
        "severities": list(tried.severities),
        "readings": len(tried.severities),
        "fault": tried.fault,
        "why": why(tried, report),
        "tried_because": tried_because(tried.first),
        "choice": None if tried.first.why is None else tried.first.why.model_dump(mode="json"),
        "point": tried.trial.point,
        "plans": [plan.model_dump(mode="json", exclude_none=True) for plan in tried.trial.plans],
        "breakdown": tried.score.breakdown,
    }
