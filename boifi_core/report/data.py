"""The report for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from boifi_core.report.advice import advice
from boifi_core.report.facts import Finding, ReportInput, findings, pareto_front, why
from boifi_core.report.influence import influences
from boifi_core.report.steps import step_times, troubles

_WORST = 10


def json_report(report: ReportInput) -> dict[str, Any]:
    """All that the Markdown report says, as values that JSON can hold."""
    found = findings(report)
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
        "best": _finding(found[0], report) if found else None,
        "worst": [_finding(finding, report) for finding in found[:_WORST]],
        "pareto_front": [_finding(finding, report) for finding in pareto_front(found)],
        "severity_by_trial": [{"trial": trial.trial, "severity": trial.severity} for trial in report.trials],
        "dimensions": [asdict(influence) for influence in influences(report.trials, report.dimensions)],
        "steps": [asdict(time) for time in step_times(report.trials)],
        "errors": [asdict(trouble) for trouble in troubles(report.trials)],
        "next": advice(report),
    }


def _finding(finding: Finding, report: ReportInput) -> dict[str, Any]:
    bug, performance, structure = finding.scores
    return {
        "trial": finding.trial.trial,
        "severity": finding.severity,
        "bug_score": bug,
        "performance_score": performance,
        "structure_score": structure,
        "severities": list(finding.severities),
        "fault": finding.fault,
        "why": why(finding, report),
        "point": finding.trial.point,
        "plans": [plan.model_dump(mode="json", exclude_none=True) for plan in finding.trial.plans],
        "breakdown": finding.score.breakdown,
    }
